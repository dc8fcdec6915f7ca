//! Guest-chosen text, made safe to show: escaped and cut.

use core::fmt::{self, Write};

/// At most this many bytes of a guest's text are shown in an error message.
pub(crate) const SHOWN_BYTES: usize = 256;

/// Escapes what could steer a terminal or reorder a line: control characters (newlines and tabs
/// too), U+2028 and U+2029, and the bidirectional and zero-width format characters.
///
/// Cuts at `max_bytes` of the input, at a character boundary, and says how many bytes were cut.
///
/// ```
/// let shown = belljar::escape("a\u{1b}[31m\u{202e}b", 1024).to_string();
/// assert_eq!(shown, r"a\u{1b}[31m\u{202e}b");
/// assert_eq!(belljar::escape("abcdef", 3).to_string(), "abc… (3 bytes more)");
/// ```
pub fn escape(text: &str, max_bytes: usize) -> Escaped<'_> {
    Escaped { text, more: 0, max_bytes, keep_lines: false }
}

/// As [`escape`], but newlines and tabs stay: for text that is shown as a block of its own.
pub fn escape_lines(text: &str, max_bytes: usize) -> Escaped<'_> {
    Escaped { text, more: 0, max_bytes, keep_lines: true }
}

/// Text that escapes itself when shown: see [`escape`].
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a> {
    text: &'a str,
    /// Bytes behind the text.
    more: usize,
    max_bytes: usize,
    keep_lines: bool,
}

impl Escaped<'_> {
    /// Counts so many more bytes among those that are cut.
    pub(crate) fn and(self, more: usize) -> Self {
        Escaped { more, ..self }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut end = self.max_bytes.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let (shown, cut) = self.text.split_at(end);
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

/// Control characters (C0, DEL, C1) and the format characters of Unicode's bidirectional algorithm
/// (UAX #9) and its neighbours, which show as nothing or move what follows.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// A guest's text in quotes, escaped and cut, as error messages show it.
pub(crate) fn quote(text: &str) -> Quoted<'_> {
    Quoted(text)
}

pub(crate) struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", escape(self.0, SHOWN_BYTES))
    }
}
