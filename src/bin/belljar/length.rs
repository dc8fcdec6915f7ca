//! Content lengths that exceed 64 bits.

/// The largest content length that hyper accepts.
const MAX: &[u8] = b"18446744073709551613";

/// Replaces content lengths above the maximum of hyper by that maximum. Without this, hyper would answer them with 400
/// instead of passing the request on, which is then refused as too large.
///
/// The bytes start within a head; bytes after its end are left unchanged.
pub fn clamp(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(line) = bytes.get_mut(at..) {
        let Some(end) = line.iter().position(|byte| *byte == b'\n') else { return };
        let Some(line) = line.get_mut(..end) else { return };
        let is_last = line.trim_ascii().is_empty();
        if is_last && at > 0 {
            return;
        }
        if let Some(digits) = content_length(line).filter(|digits| exceeds_max(digits)) {
            let (zeros, rest) = digits.split_at_mut(digits.len() - MAX.len());
            zeros.fill(b'0');
            rest.copy_from_slice(MAX);
        }
        at += end + 1;
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
            super::clamp(&mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), text(after) + rest);
        }
    }
}
