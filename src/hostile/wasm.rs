//! Modules, byte by byte: also such as no assembler would make.

use alloc::{vec, vec::Vec};

pub(super) use crate::module::encode::{i32_const, leb};

pub(super) const I32: u8 = 0x7f;
pub(super) const I64: u8 = 0x7e;
pub(super) const V128: u8 = 0x7b;
pub(super) const FUNCREF: u8 = 0x70;
/// The type of a block that takes and gives nothing.
pub(super) const EMPTY: u8 = 0x40;

/// The order in which a module has its sections; custom sections come last.
const ORDER: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];

/// A module in the making: entries of its sections.
#[derive(Debug, Clone, Default)]
pub(super) struct Wasm {
    entries: [Vec<u8>; 13],
    counts: [u32; 13],
    start: Option<u32>,
    custom: Vec<u8>,
}

impl Wasm {
    pub(super) fn new() -> Self {
        Wasm::default()
    }

    /// Adds an entry to a section.
    pub(super) fn add(mut self, section: u8, entry: &[u8]) -> Self {
        self.entries[section as usize].extend_from_slice(entry);
        self.counts[section as usize] += 1;
        self
    }

    /// Adds the same entry many times.
    pub(super) fn many(mut self, section: u8, count: u32, entry: &[u8]) -> Self {
        let all = &mut self.entries[section as usize];
        all.reserve(entry.len() * count as usize);
        (0..count).for_each(|_| all.extend_from_slice(entry));
        self.counts[section as usize] += count;
        self
    }

    /// Adds a function type.
    pub(super) fn ty(self, params: &[u8], results: &[u8]) -> Self {
        let ty = [&[0x60][..], &leb(params.len() as u32), params, &leb(results.len() as u32), results].concat();
        self.add(1, &ty)
    }

    /// Adds an imported function.
    pub(super) fn import(self, module: &str, function: &str, ty: u32) -> Self {
        let import = [name(module.as_bytes()), name(function.as_bytes()), vec![0], leb(ty)].concat();
        self.add(2, &import)
    }

    /// Adds a function.
    pub(super) fn func(self, ty: u32, body: &[u8]) -> Self {
        self.add(3, &leb(ty)).add(10, &sized(body))
    }

    /// Adds a memory, without a maximum.
    pub(super) fn memory(self, pages: u32) -> Self {
        self.add(5, &[vec![0], leb(pages)].concat())
    }

    /// Adds a table of functions, without a maximum.
    pub(super) fn table(self, elements: u32) -> Self {
        self.add(4, &[vec![FUNCREF, 0], leb(elements)].concat())
    }

    /// Adds an export; kind 0 is a function, 1 a table, 2 a memory.
    pub(super) fn export(self, of: &str, kind: u8, index: u32) -> Self {
        self.add(7, &[name(of.as_bytes()), vec![kind], leb(index)].concat())
    }

    pub(super) fn start(mut self, function: u32) -> Self {
        self.start = Some(function);
        self
    }

    pub(super) fn custom(mut self, of: &str, data: &[u8]) -> Self {
        let contents = [&name(of.as_bytes()), data].concat();
        self.custom.push(0);
        self.custom.extend(sized(&contents));
        self
    }

    pub(super) fn build(self) -> Vec<u8> {
        let mut out = b"\0asm\x01\0\0\0".to_vec();
        out.reserve(self.entries.iter().map(Vec::len).sum::<usize>() + self.custom.len() + 256);
        for id in ORDER {
            let (count, entries) = (self.counts[id as usize], &self.entries[id as usize]);
            if let (8, Some(start)) = (id, self.start) {
                out.extend([vec![8], sized(&leb(start))].concat());
            } else if count > 0 {
                // The data count is a number and has no entries of its own.
                let count = if id == 12 { Vec::new() } else { leb(count) };
                out.push(id);
                out.extend(leb((count.len() + entries.len()) as u32));
                out.extend(count);
                out.extend_from_slice(entries);
            }
        }
        out.extend(self.custom);
        out
    }
}

/// A module whose `_start` is this body (locals and operators, without the last `end`).
pub(super) fn run(body: &[u8]) -> Wasm {
    Wasm::new().ty(&[], &[]).func(0, &[body, &[END]].concat()).export("_start", 0, 0)
}

/// A module whose `_start`, without locals, does this for ever.
pub(super) fn forever(operators: &[u8]) -> Wasm {
    run(&[&[0], &endless(operators)[..]].concat())
}

/// A loop that does not end.
pub(super) fn endless(operators: &[u8]) -> Vec<u8> {
    [&[0x03, EMPTY], operators, &[0x0c, 0, END]].concat()
}

pub(super) const END: u8 = 0x0b;
pub(super) const DROP: u8 = 0x1a;
pub(super) const UNREACHABLE: u8 = 0x00;

pub(super) fn local_get(index: u32) -> Vec<u8> {
    [vec![0x20], leb(index)].concat()
}

pub(super) fn name(of: &[u8]) -> Vec<u8> {
    sized(of)
}

/// Contents after their length.
pub(super) fn sized(contents: &[u8]) -> Vec<u8> {
    [&leb(contents.len() as u32), contents].concat()
}

pub(super) fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    [vec![id], sized(contents)].concat()
}

/// The bytes before the first section, and these sections.
pub(super) fn raw(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}
