//! Content lengths that exceed 64 bits.

/// The largest content length that hyper accepts.
const MAX: &[u8] = b"18446744073709551613";

/// Replaces content lengths above the maximum of hyper by that maximum. Without this, hyper would answer them with 400
/// instead of passing the request on, which is then refused as too large.
///
/// Only the first head of a connection is changed, since the position of later ones depends on the bodies before them. A
/// length that is split over two reads stays as it is.
#[derive(Debug)]
pub struct Clamp {
    is_within_head: bool,
    /// Set while the line is empty so far.
    is_blank: bool,
    is_line_start: bool,
    /// Set once a line that is not empty has ended: empty lines before a request are ignored.
    has_request_line: bool,
}

impl Default for Clamp {
    fn default() -> Self {
        Clamp { is_within_head: true, is_blank: true, is_line_start: true, has_request_line: false }
    }
}

impl Clamp {
    /// Processes the next bytes of a connection.
    pub fn clamp(&mut self, mut bytes: &mut [u8]) {
        while self.is_within_head && !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (line, rest) = bytes.split_at_mut(end.map_or(bytes.len(), |end| end + 1));
            bytes = rest;
            self.is_blank &= line.trim_ascii().is_empty();
            if self.is_line_start
                && end.is_some()
                && let Some(digits) = content_length(line).filter(|digits| exceeds_max(digits))
            {
                let (zeros, rest) = digits.split_at_mut(digits.len() - MAX.len());
                zeros.fill(b'0');
                rest.copy_from_slice(MAX);
            }
            self.is_line_start = end.is_some();
            if end.is_some() {
                self.is_within_head = !(self.is_blank && self.has_request_line);
                self.has_request_line |= !self.is_blank;
                self.is_blank = true;
            }
        }
    }
}

/// Returns the digits of a `content-length` header.
fn content_length(line: &mut [u8]) -> Option<&mut [u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_mut(colon);
    let value = value.get_mut(1..).filter(|_| name.eq_ignore_ascii_case(b"content-length"))?;
    let from = value.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let count = value.trim_ascii().len();
    value.get_mut(from..from + count).filter(|digits| digits.iter().all(u8::is_ascii_digit))
}

fn exceeds_max(digits: &[u8]) -> bool {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = digits.get(zeros..).unwrap_or_default();
    (digits.len(), digits) > (MAX.len(), MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn lengths_above_the_maximum_are_replaced() {
        let most = "18446744073709551613";
        for (before, after) in [
            ("0", "0"),
            ("18446744073709551613", most),
            ("18446744073709551614", most),
            ("99999999999999999999", most),
            ("9999999999999999999", "9999999999999999999"),
            ("00000000000000000000001", "00000000000000000000001"),
            ("999999999999999999999999", "000018446744073709551613"),
            ("99999999999999999999, 5", "99999999999999999999, 5"),
            ("-99999999999999999999", "-99999999999999999999"),
            ("", ""),
        ] {
            let text = |length| format!("POST / HTTP/1.1\r\nA: 99999999999999999999\r\nContent-Length: {length}\r\n");
            let rest = "\r\ncontent-length: 99999999999999999999\r\n";
            let mut bytes = (text(before) + rest).into_bytes();
            super::Clamp::default().clamp(&mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), text(after) + rest);
        }
    }

    /// However a request is split, nothing but a length of its head changes, and that only to the maximum.
    #[test]
    fn bodies_stay_as_they_are() {
        let long = "content-length: 999999999999999999999999\r\n";
        let head = format!("\r\nPOST / HTTP/1.1\r\nx-a: {long}{long}\r\n");
        let clamped = head.replacen(long, "@", 1).replace(long, "content-length: 000018446744073709551613\r\n");
        let clamped = clamped.replace('@', long);
        for cut in 0..head.len() {
            let mut bytes = (head.clone() + long + "\r\n" + long).into_bytes();
            let mut clamp = super::Clamp::default();
            let (first, second) = bytes.split_at_mut(cut);
            clamp.clamp(first);
            clamp.clamp(second);
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(&text[head.len()..], format!("{long}\r\n{long}"), "{cut}");
            assert!(text.starts_with(&head) || text.starts_with(&clamped), "{cut}: {text}");
        }
    }
}
