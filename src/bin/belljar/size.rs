//! Sizes, times and counts on the command line.

use belljar::config::Notation;

/// Reads a number with a unit in any case. The error says what is valid.
pub fn parse(notation: Notation, text: &str) -> Result<u64, String> {
    let shown = belljar::text::escape(text, 64);
    let value = notation.parse(text);
    value.ok_or_else(|| format!("`{shown}` is not {notation}; valid are {}", notation.examples()))
}

/// Reads a number as [`parse`] does. A time without a unit is in seconds, as with other programs: only the names of keys
/// say that theirs are milliseconds.
pub fn parse_option(notation: Notation, text: &str) -> Result<u64, String> {
    let is_bare = notation == Notation::Time && !text.contains(|c: char| c.is_alphabetic());
    if is_bare { parse(notation, &format!("{text}s")) } else { parse(notation, text) }
}

/// Returns the placeholder for help texts.
pub fn value_name(notation: Notation) -> &'static str {
    match notation {
        Notation::Size => "SIZE",
        Notation::Time => "TIME",
        _ => "NUMBER",
    }
}
