//! Sizes, times and counts in the notation of the command line.

use belljar::{config::NumberKey, error::Unit};

/// The notation of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Bytes: `64MiB`.
    Size,
    /// Milliseconds: `10s`.
    Time,
    /// Anything else: `10M`.
    Count,
}

/// Returns the notation for the values of a key.
pub fn form_of(key: &NumberKey) -> Form {
    if key.unit.is_bytes() {
        Form::Size
    } else if key.unit == Unit::Milliseconds {
        Form::Time
    } else {
        Form::Count
    }
}

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];
const TIMES: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const COUNTS: &[(&str, u64)] =
    &[("", 1), ("k", 1_000), ("m", 1_000_000), ("g", 1_000_000_000), ("t", 1_000_000_000_000)];

impl Form {
    /// Parses a number with a unit in any case. The error says what is valid.
    pub fn parse(self, text: &str) -> Result<u64, String> {
        let shown = belljar::text::escape(text, 64);
        let unknown = || format!("`{shown}` is not {}; valid are {}", self.noun(), self.examples());
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '_')).unwrap_or(text.len());
        let (digits, unit) = text.split_at(digits);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.ends_with('_') {
            return Err(unknown());
        }
        let unit = unit.trim_start().to_ascii_lowercase();
        let (_, factor) = self.units().iter().find(|(name, _)| *name == unit).ok_or_else(unknown)?;
        let number: Option<u64> = digits.replace('_', "").parse().ok();
        number.and_then(|number| number.checked_mul(*factor)).ok_or_else(|| format!("`{shown}` is too large"))
    }

    /// Returns the placeholder for help texts.
    pub fn value_name(self) -> &'static str {
        match self {
            Form::Size => "SIZE",
            Form::Time => "TIME",
            Form::Count => "NUMBER",
        }
    }

    /// Returns examples of valid numbers.
    pub fn examples(self) -> &'static str {
        match self {
            Form::Size => "65_536, 64KiB, 64MiB, 1GiB, 64KB or 64MB",
            Form::Time => "500ms, 10s, 1m or 1h",
            Form::Count => "1_000_000, 500K, 10M or 1G",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Form::Size => "a size",
            Form::Time => "a time",
            Form::Count => "a number",
        }
    }

    fn units(self) -> &'static [(&'static str, u64)] {
        match self {
            Form::Size => SIZES,
            Form::Time => TIMES,
            Form::Count => COUNTS,
        }
    }
}
