//! Sizes, times and counts as people write them: `64MiB`, `1m30s`, `10M`.

use core::fmt;

use serde::{
    Deserializer, Serialize,
    de::{DeserializeSeed, Error, Unexpected, Visitor},
};

use super::text;

/// The notation of a number with units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Notation {
    /// Bytes: `64MiB`.
    Size,
    /// Milliseconds: `1m30s`.
    Time,
    /// Anything else: `10M`.
    Count,
}

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("kb", 1_000),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("mb", 1_000_000),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("gb", 1_000_000_000),
];
const TIMES: &[(&str, u64)] = &[("", 1), ("ms", 1), ("s", 1_000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000)];
const COUNTS: &[(&str, u64)] =
    &[("", 1), ("k", 1_000), ("m", 1_000_000), ("g", 1_000_000_000), ("b", 1_000_000_000), ("t", 1_000_000_000_000)];

/// Most digits after the point that are read.
const FRACTION_DIGITS: usize = 9;

impl Notation {
    /// Reads a number with its unit, in any case. A time may have several parts. What exceeds 64 bits is the largest
    /// number; `None` if the text is not in this notation, or not a whole number in the smallest unit.
    ///
    /// ```
    /// use belljar::config::Notation;
    ///
    /// assert_eq!(Notation::Size.parse("1.5 MiB"), Some(3 << 19));
    /// assert_eq!(Notation::Size.parse("256M"), Notation::Size.parse("256MiB"));
    /// assert_eq!(Notation::Time.parse("1m30s"), Some(90_000));
    /// assert_eq!(Notation::Count.parse("10_000K"), Some(10_000_000));
    /// assert_eq!(Notation::Count.parse("ten"), None);
    /// ```
    pub fn parse(self, text: &str) -> Option<u64> {
        let whole = text.trim();
        let (mut sum, mut rest) = (0u64, whole);
        loop {
            let (digits, after) = split(rest, |c| c.is_ascii_digit() || c == '_' || c == '.');
            let (unit, after) = split(after.trim_start(), |c| c.is_ascii_alphabetic());
            let after = after.trim_start();
            // Only times have parts, and each of them has a unit.
            let is_whole = rest.len() == whole.len() && after.is_empty();
            if !is_whole && (self != Notation::Time || unit.is_empty()) {
                return None;
            }
            let factor = self.units().iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1;
            sum = sum.saturating_add(product(digits, factor)?);
            if after.is_empty() {
                return Some(sum);
            }
            rest = after;
        }
    }

    /// Returns examples of valid numbers.
    pub fn examples(self) -> &'static str {
        match self {
            Notation::Size => "65_536, 64K, 64KiB, 64MiB, 1GiB, 64KB or 64MB",
            Notation::Time => "500ms, 10s, 1m30s or 1h",
            Notation::Count => "1_000_000, 500K, 10M, 1G or 1B",
        }
    }

    fn units(self) -> &'static [(&'static str, u64)] {
        match self {
            Notation::Size => SIZES,
            Notation::Time => TIMES,
            Notation::Count => COUNTS,
        }
    }
}

impl fmt::Display for Notation {
    /// Writes the noun, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Notation::Size => "a size",
            Notation::Time => "a time",
            Notation::Count => "a number",
        })
    }
}

/// Splits a text behind the first characters that all fit.
fn split(text: &str, fits: impl Fn(char) -> bool) -> (&str, &str) {
    text::split(text, text.find(|c| !fits(c)).unwrap_or(text.len()))
}

/// Multiplies a decimal number; `None` if it is not one, or the product is not whole.
fn product(digits: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, after)| (whole, Some(after)));
    let is_number = |digits: &str| {
        digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.ends_with('_') && !digits.contains('.')
    };
    if !is_number(whole) || !fraction.is_none_or(|digits| is_number(digits) && digits.len() <= FRACTION_DIGITS) {
        return None;
    }
    let value = |digits: &str| {
        let digits = digits.bytes().filter(u8::is_ascii_digit).map(|digit| u64::from(digit - b'0'));
        digits.fold(0u64, |value, digit| value.saturating_mul(10).saturating_add(digit))
    };
    let fraction = fraction.unwrap_or_default();
    let scale = 10u128.pow(fraction.bytes().filter(u8::is_ascii_digit).count() as u32);
    let part = u128::from(value(fraction)) * u128::from(factor);
    if part % scale != 0 {
        return None;
    }
    Some(value(whole).saturating_mul(factor).saturating_add((part / scale) as u64))
}

/// A reader of a number, or of a text in a notation.
pub(crate) struct NumberSeed(pub Notation);

impl<'de> DeserializeSeed<'de> for NumberSeed {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NumberSeed {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, such as {}", self.0, self.0.examples())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
        u64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        self.0.parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::Notation::{self, Count, Size, Time};

    #[test]
    fn numbers_are_read() {
        let all: &[(Notation, &str, Option<u64>)] = &[
            (Size, "0", Some(0)),
            (Size, "1B", Some(1)),
            (Size, "65_536", Some(65_536)),
            (Size, "64k", Some(65_536)),
            (Size, "256M", Some(256 << 20)),
            (Size, "64KB", Some(64_000)),
            (Size, " 1 GiB ", Some(1 << 30)),
            (Size, "0.5KiB", Some(512)),
            (Size, "0.3KiB", None),
            (Size, "1.5", None),
            (Size, "99999999999999999999", Some(u64::MAX)),
            (Size, "99999999999GiB", Some(u64::MAX)),
            (Size, "1MiB1KiB", None),
            (Size, "1 2", None),
            (Size, "", None),
            (Size, "MiB", None),
            (Size, "-1", None),
            (Size, "_1", None),
            (Size, "1_", None),
            (Size, "1.2.3K", None),
            (Size, "1._5K", None),
            (Size, "1.0000000000K", None),
            (Size, "1mm", None),
            (Size, "1µ", None),
            (Time, "500ms", Some(500)),
            (Time, "10", Some(10)),
            (Time, "1.5s", Some(1_500)),
            (Time, "1m30s", Some(90_000)),
            (Time, "1h 1min 1s 1ms", Some(3_661_001)),
            (Time, "1m30", None),
            (Time, "30 1m", None),
            (Time, "1 30", None),
            (Count, "10M", Some(10_000_000)),
            (Count, "1B", Some(1_000_000_000)),
            (Count, "2t", Some(2_000_000_000_000)),
            (Count, "1KiB", None),
        ];
        for (notation, text, value) in all {
            assert_eq!(notation.parse(text), *value, "{text:?} as {notation}");
        }
    }
}
