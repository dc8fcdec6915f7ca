//! Numbers and names for messages.

use std::path::Path;

/// Formats a number with separators: `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a size in the largest unit that is exact: `64 KiB`, `12,345 bytes`.
pub fn bytes(size: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, unit)| size > 0 && size.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{} {name}", grouped(size / unit)),
        None => count(size, "byte"),
    }
}

/// Formats a count with its noun: `1 function`, `34 functions`.
pub fn count(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", grouped(number))
}

/// Escapes an untrusted name for a terminal.
pub fn name(text: &str) -> String {
    belljar::text::escape(text, 512).to_string()
}

/// Escapes a path for a terminal.
pub fn path(path: &Path) -> String {
    belljar::text::escape(&path.to_string_lossy(), 4096).to_string()
}
