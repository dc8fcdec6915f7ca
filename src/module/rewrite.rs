//! The one change that is made to a module: its start function becomes an export.
//!
//! The engine runs a start function inside the instantiation, where it can neither be sliced nor
//! resumed. As an export it is called first, metered and interruptible like the rest. The original
//! has been validated before, so the new export (which also makes the function referable) cannot
//! make an invalid module valid.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use super::scan::Scan;

const EXPORT_SECTION: u8 = 7;
const FUNCTION: u8 = 0;

/// The module without its start section, and the name its start function is exported by.
pub(super) fn export_start(bytes: &[u8], scan: &Scan) -> Option<(Vec<u8>, String)> {
    let (function, start_at) = scan.start.clone()?;
    let start_at = header_start(bytes, start_at.start)..start_at.end;
    let name = free_name(scan);
    let mut entry = Vec::new();
    leb(&mut entry, name.len() as u32);
    entry.extend_from_slice(name.as_bytes());
    entry.push(FUNCTION);
    leb(&mut entry, function);

    let (before, old) = match &scan.exports_at {
        // The section's header ends where its contents begin; it is written anew.
        Some(at) => (header_start(bytes, at.start), &bytes[at.clone()]),
        // The start section stands just where an export section would.
        None => (start_at.start, [0].as_slice()),
    };
    let after_exports = scan.exports_at.as_ref().map_or(start_at.start, |at| at.end);
    let (count, entries) = read_leb(old);

    let mut contents = Vec::new();
    leb(&mut contents, count + 1);
    contents.extend_from_slice(&old[entries..]);
    contents.extend_from_slice(&entry);

    let mut new = Vec::with_capacity(bytes.len() + entry.len() + 16);
    new.extend_from_slice(&bytes[..before]);
    new.push(EXPORT_SECTION);
    leb(&mut new, contents.len() as u32);
    new.extend_from_slice(&contents);
    new.extend_from_slice(&bytes[after_exports..start_at.start]);
    new.extend_from_slice(&bytes[start_at.end..]);
    Some((new, name))
}

/// A name that no export has.
fn free_name(scan: &Scan) -> String {
    let taken: BTreeSet<&str> = scan.inspection.exports.iter().map(|export| export.name.as_str()).collect();
    let mut name = String::from("belljar.start");
    let mut n = 0u32;
    while taken.contains(name.as_str()) {
        n += 1;
        name = format!("belljar.start.{n}");
    }
    name
}

/// Where a section begins whose contents begin at `contents`: its size may be padded to five
/// bytes, so the header is found from the front.
fn header_start(bytes: &[u8], contents: usize) -> usize {
    let mut at = 8;
    while at < contents {
        let (size, header) = read_leb(&bytes[at + 1..]);
        if at + 1 + header == contents {
            return at;
        }
        at += 1 + header + size as usize;
    }
    contents
}

fn leb(out: &mut Vec<u8>, mut value: u32) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

/// A number and its length in bytes; the parser has accepted it before.
fn read_leb(bytes: &[u8]) -> (u32, usize) {
    let (mut value, mut shift) = (0u32, 0);
    for (i, byte) in bytes.iter().take(5).enumerate() {
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return (value, i + 1);
        }
        shift += 7;
    }
    (value, bytes.len().min(5))
}
