//! Hexadecimal text.

use alloc::{string::String, vec::Vec};

/// What [`decode`] expects.
pub(crate) const EXPECTED: &str = "expected pairs of hexadecimal digits";

/// Writes two lower-case digits for each byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Reads two digits for each byte, in lower or upper case; returns `None` for any other text.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [a, b] => Some((char::from(*a).to_digit(16)? * 16 + char::from(*b).to_digit(16)?) as u8),
        _ => None,
    };
    pairs.map(byte).collect()
}
