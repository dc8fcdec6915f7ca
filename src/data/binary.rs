//! Encoding of the binary format: numbers, sections, entries.

use alloc::vec::Vec;
use core::ops::Range;

use crate::data::value::ValueType;

/// Returns the identifier and the contents of each section. The parser must have accepted the module.
pub(crate) fn sections(bytes: &[u8]) -> impl Iterator<Item = (u8, Range<usize>)> {
    let mut at = 8;
    core::iter::from_fn(move || {
        let (id, rest) = bytes.get(at..)?.split_first()?;
        let (size, header) = read_leb(rest);
        let start = at + 1 + header;
        at = start + size as usize;
        Some((*id, start..at))
    })
}

/// Appends a section.
pub(crate) fn section(out: &mut Vec<u8>, id: u8, contents: &[u8]) {
    out.push(id);
    out.extend(leb(contents.len() as u32));
    out.extend_from_slice(contents);
}

/// Returns the contents of a section with entries appended to its list.
pub(crate) fn append(contents: &[u8], added: u32, entries: &[u8]) -> Vec<u8> {
    let (count, header) = read_leb(contents);
    [&leb(count + added), contents.get(header..).unwrap_or_default(), entries].concat()
}

/// Returns an entry of the export section; kind 0 is a function, 1 a table.
pub(crate) fn export(name: &str, kind: u8, index: u32) -> Vec<u8> {
    [leb(name.len() as u32), name.into(), [kind].into(), leb(index)].concat()
}

/// Encodes an unsigned number as LEB128.
pub(crate) fn leb(value: u32) -> Vec<u8> {
    leb64(value.into())
}

/// Encodes an unsigned number of up to 64 bits as LEB128.
pub(crate) fn leb64(mut value: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(5);
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

/// Encodes `i32.const`.
pub(crate) fn i32_const(mut value: i32) -> Vec<u8> {
    let mut out = alloc::vec![0x41];
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

/// Encodes `local.get`.
pub(crate) fn local_get(local: u32) -> Vec<u8> {
    [&[0x20], &leb(local)[..]].concat()
}

/// Encodes `local.set`.
pub(crate) fn local_set(local: u32) -> Vec<u8> {
    [&[0x21], &leb(local)[..]].concat()
}

/// Returns the byte that encodes a value type.
pub(crate) fn value_code(ty: ValueType) -> u8 {
    match ty {
        ValueType::I32 => 0x7f,
        ValueType::I64 => 0x7e,
        ValueType::F32 => 0x7d,
        ValueType::F64 => 0x7c,
        ValueType::V128 => 0x7b,
        ValueType::FuncRef => 0x70,
        ValueType::ExternRef => 0x6f,
    }
}

/// Returns a LEB128 number and its length in bytes. The parser must have accepted it.
pub(crate) fn read_leb(bytes: &[u8]) -> (u32, usize) {
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
