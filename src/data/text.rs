//! Escaping and truncation of text that a guest chose.

use alloc::{collections::BTreeMap, string::String};
use core::fmt::{self, Write};

/// Most bytes of a guest's text that an error message shows.
pub(crate) const SHOWN_BYTES: usize = 256;

/// Most items of a guest's list that `Debug` shows.
const SHOWN_ITEMS: usize = 16;

/// Escapes characters that control a terminal or reorder a line: control characters (also newlines and tabs),
/// U+2028 and U+2029, and the bidirectional and zero-width format characters.
///
/// Truncates at `max_bytes` of the input, at a character boundary, and shows the number of bytes left out.
///
/// ```
/// let shown = belljar::text::escape("a\u{1b}[31m\u{202e}b", 1024).to_string();
/// assert_eq!(shown, r"a\u{1b}[31m\u{202e}b");
/// assert_eq!(belljar::text::escape("abcdef", 3).to_string(), "abc… (3 bytes more)");
/// ```
pub fn escape(text: &str, max_bytes: usize) -> Escaped<'_> {
    Escaped { text, more: 0, max_bytes, keep_lines: false }
}

/// Escapes like [`escape`], but keeps newlines and tabs: for text shown as a separate block.
pub fn escape_lines(text: &str, max_bytes: usize) -> Escaped<'_> {
    Escaped { text, more: 0, max_bytes, keep_lines: true }
}

/// Text that is escaped when displayed: see [`escape`].
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a> {
    text: &'a str,
    /// Bytes behind the text.
    more: usize,
    max_bytes: usize,
    keep_lines: bool,
}

impl Escaped<'_> {
    /// Counts `more` bytes in addition to those that are cut.
    pub(crate) fn and(self, more: usize) -> Self {
        Escaped { more, ..self }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, cut) = split(self.text, self.max_bytes);
        for c in shown.chars() {
            match c {
                '\n' | '\t' if self.keep_lines => f.write_char(c)?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                c if steers(c) => write!(f, "{}", c.escape_unicode())?,
                c => f.write_char(c)?,
            }
        }
        match cut.len() + self.more {
            0 => Ok(()),
            more => write!(f, "… ({more} bytes more)"),
        }
    }
}

/// Splits a text in two, of which the first is as long as possible, but at most `len` bytes.
pub(crate) fn split(text: &str, len: usize) -> (&str, &str) {
    let mut parts = (0..=len.min(text.len())).rev().filter_map(|at| text.split_at_checked(at));
    parts.next().unwrap_or_default()
}

/// Returns whether a character is a control character (C0, DEL, C1) or a format character, as of Unicode's
/// bidirectional algorithm (UAX #9), that is invisible or reorders text.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Formats a number with a separator between thousands.
#[cfg(any(feature = "explain", feature = "tool"))]
pub(crate) fn grouped(number: u64, separator: char) -> String {
    let digits = alloc::format!("{number}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// Bytes of a guest, for `Debug`: as a byte string, escaped and truncated.
pub(crate) struct DebugBytes<'a>(pub(crate) &'a [u8]);

impl fmt::Debug for DebugBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, cut) = self.0.split_at(self.0.len().min(SHOWN_BYTES));
        write!(f, "b\"{}\"", shown.escape_ascii())?;
        if cut.is_empty() { Ok(()) } else { write!(f, "… ({} bytes more)", cut.len()) }
    }
}

/// Text of a guest, for `Debug`: as a string, escaped and truncated.
pub(crate) struct DebugText<'a>(pub(crate) &'a str);

impl fmt::Debug for DebugText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, cut) = split(self.0, SHOWN_BYTES);
        write!(f, "{shown:?}")?;
        if cut.is_empty() { Ok(()) } else { write!(f, "… ({} bytes more)", cut.len()) }
    }
}

/// List of values of a guest, for `Debug`: truncated.
pub(crate) struct DebugList<'a, T>(pub(crate) &'a [T]);

impl<T: fmt::Debug> fmt::Debug for DebugList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, cut) = self.0.split_at(self.0.len().min(SHOWN_ITEMS));
        let mut list = f.debug_list();
        list.entries(shown);
        if cut.is_empty() { list.finish() } else { list.entry(&format_args!("… ({} more)", cut.len())).finish() }
    }
}

/// Map with keys that a guest chose, for `Debug`: escaped and truncated.
pub(crate) struct DebugMap<'a, T>(pub(crate) &'a BTreeMap<String, T>);

impl<T: fmt::Debug> fmt::Debug for DebugMap<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in self.0.iter().take(SHOWN_ITEMS) {
            map.entry(&DebugText(key), value);
        }
        let cut = self.0.len().saturating_sub(SHOWN_ITEMS);
        if cut == 0 { map.finish() } else { map.finish_non_exhaustive() }
    }
}

/// Quotes a guest's text, escaped and truncated, for an error message.
pub(crate) fn quote(text: &str) -> Quoted<'_> {
    Quoted(text)
}

pub(crate) struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", escape(self.0, SHOWN_BYTES))
    }
}
