//! Bytes as a table of hexadecimal numbers and text.

use std::fmt::Write;

/// Bytes on a line.
const WIDTH: usize = 16;

/// Returns lines with the address, the bytes and the text of bytes that begin at an address.
pub fn dump(address: u64, bytes: &[u8]) -> String {
    let shown = characters(bytes);
    let mut text = String::new();
    for (number, (line, shown)) in bytes.chunks(WIDTH).zip(shown.chunks(WIDTH)).enumerate() {
        let _ = write!(text, "{:#010x} ", address.saturating_add((number * WIDTH) as u64));
        for at in 0..WIDTH {
            let space = if at == WIDTH / 2 { " " } else { "" };
            let _ = match line.get(at) {
                Some(byte) => write!(text, "{space} {byte:02x}"),
                None => write!(text, "{space}   "),
            };
        }
        let _ = writeln!(text, "  {}", shown.iter().collect::<String>().trim_end());
    }
    text
}

/// Returns bytes as hexadecimal numbers, at most some of them: `01 02 …`.
pub fn hex(bytes: &[u8]) -> String {
    /// Bytes of a watched range that a line shows.
    const MOST: usize = 16;
    let mut shown: Vec<_> = bytes.iter().take(MOST).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > MOST {
        shown.push("…".into());
    }
    shown.join(" ")
}

/// Returns a character for each byte: that of UTF-8 at its first, a space at its others, a dot for what is no text.
fn characters(bytes: &[u8]) -> Vec<char> {
    let mut shown = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // Others could have no width, or that of two.
            let is_shown = matches!(c, ' '..='~') || !c.is_ascii() && c.is_alphanumeric();
            shown.push(if is_shown { c } else { '.' });
            shown.extend((1..c.len_utf8()).map(|_| ' '));
        }
        shown.extend(chunk.invalid().iter().map(|_| '.'));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_with_their_text() {
        let shown = dump(0x3f0, "ab\u{1b}é\u{202e}0123456789".as_bytes());
        let expected = "0x000003f0  61 62 1b c3 a9 e2 80 ae  30 31 32 33 34 35 36 37  ab.é .  01234567\n\
                        0x00000400  38 39                                             89\n";
        assert_eq!(shown, expected);
        assert_eq!(hex(&[0, 255]), "00 ff");
        assert_eq!(hex(&[1; 17]).matches("01").count(), 16);
    }
}
