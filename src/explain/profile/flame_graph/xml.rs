//! Text of XML.

use alloc::string::String;

/// Returns text as XML has it, in elements and in attributes: at most a number of bytes, and an ellipsis if it is cut.
/// U+FFFD stands for what XML cannot have.
pub(super) fn xml(text: &str, most: usize) -> String {
    let mut xml = String::new();
    for c in text.chars() {
        let mut bytes = [0; 4];
        let part = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&#39;",
            '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
            c if c.is_control() => "\u{fffd}",
            c => c.encode_utf8(&mut bytes),
        };
        if xml.len() + part.len() > most {
            xml.push('…');
            break;
        }
        xml.push_str(part);
    }
    xml
}
