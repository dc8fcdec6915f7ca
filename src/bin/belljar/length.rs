//! Lengths of bodies that are too large for a number.

/// The largest length that hyper takes.
const MOST: &[u8] = b"18446744073709551613";

/// Puts the largest length for those in a head that are larger. All of these are larger than a body may be, but hyper
/// answers one that is no number for it with 400, before anybody is asked.
///
/// The bytes begin in a head; what is behind its end is left as it is.
pub fn lower(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(line) = bytes.get_mut(at..) {
        let Some(end) = line.iter().position(|byte| *byte == b'\n') else { return };
        let Some(line) = line.get_mut(..end) else { return };
        let is_last = line.trim_ascii().is_empty();
        if is_last && at > 0 {
            return;
        }
        if let Some(digits) = digits(line).filter(|digits| is_more(digits)) {
            let (zeros, most) = digits.split_at_mut(digits.len() - MOST.len());
            zeros.fill(b'0');
            most.copy_from_slice(MOST);
        }
        at += end + 1;
    }
}

/// The number in a header with a length.
fn digits(line: &mut [u8]) -> Option<&mut [u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_mut(colon);
    let value = value.get_mut(1..).filter(|_| name.eq_ignore_ascii_case(b"content-length"))?;
    let from = value.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let count = value.trim_ascii().len();
    value.get_mut(from..from + count).filter(|digits| digits.iter().all(u8::is_ascii_digit))
}

fn is_more(digits: &[u8]) -> bool {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = digits.get(zeros..).unwrap_or_default();
    (digits.len(), digits) > (MOST.len(), MOST)
}

#[cfg(test)]
mod tests {
    #[test]
    fn lengths_that_are_no_number_become_one() {
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
            super::lower(&mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), text(after) + rest);
        }
    }
}
