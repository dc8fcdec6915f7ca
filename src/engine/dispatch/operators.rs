//! Probe modules: functions that execute operators in a loop.

use alloc::{string::String, vec::Vec};

/// An operator with its operands, as code that leaves the value stack empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operator {
    /// Name of the operator or of its group.
    pub(super) name: &'static str,
    code: Code,
}

#[derive(Debug, Clone, Copy)]
enum Code {
    Of(&'static Group, u16),
    Bytes(&'static [u8]),
}

/// Returns all operators.
pub(super) fn all() -> impl Iterator<Item = Operator> {
    let groups = GROUPS.iter().flat_map(|group| {
        let codes = group.codes.iter().flat_map(|(first, last)| *first..=*last);
        codes.map(|code| Operator { name: group.name, code: Code::Of(group, code) })
    });
    groups.chain(OTHERS.iter().map(|(name, code)| Operator { name, code: Code::Bytes(code) }))
}

impl Operator {
    /// Returns whether it is a failing growth.
    pub(super) fn is_growth(&self) -> bool {
        matches!(self.name, MEMORY_GROW | TABLE_GROW)
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self.code {
            Code::Of(group, code) => group.write(code, out),
            Code::Bytes(code) => out.extend_from_slice(code),
        }
    }
}

/// Operators that a function executes in a loop.
pub(super) struct Loop<'o> {
    pub(super) operators: &'o [Operator],
    /// Iterations.
    pub(super) turns: u8,
}

impl Loop<'_> {
    /// Writes the body of a function with the loop between two calls of the host function.
    fn write(&self, out: &mut Vec<u8>) {
        // One local of each type; integers are set to 1.
        out.extend_from_slice(&[5, 2, 0x7f, 1, 0x7e, 1, 0x7d, 1, 0x7c, 1, 0x7b, 0x41, 1, 0x21, I, 0x42, 1, 0x21, L]);
        out.extend_from_slice(&[0x10, 0, 0x41, self.turns, 0x21, COUNTER, 0x03, 0x40]);
        for operator in self.operators {
            operator.write(out);
        }
        out.extend_from_slice(&[0x20, COUNTER, 0x41, 1, 0x6b, 0x22, COUNTER, 0x0d, 0, 0x0b, 0x10, 0, 0x0b]);
    }
}

/// Returns the export name of the loop at `index`.
pub(super) fn name(index: usize) -> String {
    alloc::format!("{index}")
}

/// Returns a module that exports a function for each loop, and declares everything they refer to.
pub(super) fn module(loops: &[Loop<'_>]) -> Vec<u8> {
    let count = (CALLED.len() + loops.len()) as u32;
    let mut out = Vec::with_capacity(8192);
    out.extend_from_slice(b"\0asm\x01\0\0\0");
    short_section(&mut out, 1, &[1, 0x60, 0, 0]);
    short_section(&mut out, 2, b"\x01\x03env\x04here\0\0");
    section(&mut out, 3, |out| {
        number(out, count);
        out.resize(out.len() + count as usize, 0);
    });
    // A table of four elements and a memory of one page, neither of which can grow.
    short_section(&mut out, 4, &[1, 0x70, 1, 4, 4]);
    short_section(&mut out, 5, &[1, 1, 1, 1]);
    short_section(&mut out, 6, &[1, 0x7f, 1, 0x41, 0, 0x0b]);
    section(&mut out, 7, |out| {
        number(out, loops.len() as u32);
        for index in 0..loops.len() {
            sized(out, |out| out.extend_from_slice(name(index).as_bytes()));
            out.push(0);
            number(out, (1 + CALLED.len() + index) as u32);
        }
    });
    // Three element segments with function 1: active, passive, declarative.
    short_section(&mut out, 9, &[3, 1, 0, 2, 1, 1, 1, 0, 1, 1, 0, 0x41, 0, 0x0b, 2, 1, 1]);
    short_section(&mut out, 12, &[2]);
    section(&mut out, 10, |out| {
        number(out, count);
        for body in CALLED {
            sized(out, |out| out.extend_from_slice(body));
        }
        for one in loops {
            sized(out, |out| one.write(out));
        }
    });
    short_section(&mut out, 11, &[2, 1, 2, 0, 0, 1, 0]);
    out
}

/// Writes a section of less than 128 bytes.
fn short_section(out: &mut Vec<u8>, id: u8, contents: &[u8]) {
    out.extend_from_slice(&[id, contents.len() as u8]);
    out.extend_from_slice(contents);
}

/// Writes a section.
fn section(out: &mut Vec<u8>, id: u8, contents: impl FnOnce(&mut Vec<u8>)) {
    out.push(id);
    sized(out, contents);
}

/// Writes contents behind their size.
fn sized(out: &mut Vec<u8>, contents: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    number(out, 0);
    let start = out.len();
    contents(out);
    let size = (out.len() - start) as u32;
    for (byte, new) in out.iter_mut().skip(at).zip(padded(size)) {
        *byte = new;
    }
}

/// Writes a number.
fn number(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&padded(value));
}

/// Encodes a number below 2²¹ as LEB128 of three bytes, so that it can be written before it is known.
fn padded(value: u32) -> [u8; 3] {
    [value | 0x80, value >> 7 | 0x80, value >> 14].map(|byte| byte as u8)
}

/// Bodies of functions 1 to 3: an empty one, and two that tail-call it.
const CALLED: [&[u8]; 3] = [&[0, 0x0b], &[0, 0x12, 1, 0x0b], &[0, 0x41, 1, 0x13, 0, 0, 0x0b]];

/// Locals: the counter, and a value of each type. Integers are 1, so that no divisor is 0.
const COUNTER: u8 = 0;
const I: u8 = 1;
const L: u8 = 2;
const F: u8 = 3;
const D: u8 = 4;
const V: u8 = 5;

/// Group of operators: operands, prefix, codes, immediates, and whether a result is left.
#[derive(Debug)]
struct Group {
    name: &'static str,
    operands: &'static [u8],
    prefix: &'static [u8],
    codes: &'static [(u16, u16)],
    after: &'static [u8],
    leaves: bool,
}

impl Group {
    fn write(&self, code: u16, out: &mut Vec<u8>) {
        for local in self.operands {
            out.extend_from_slice(&[0x20, *local]);
        }
        out.extend_from_slice(self.prefix);
        match code {
            0x80.. if !self.prefix.is_empty() => out.extend_from_slice(&[code as u8 | 0x80, (code >> 7) as u8]),
            code => out.push(code as u8),
        }
        out.extend_from_slice(self.after);
        if self.leaves {
            out.push(0x1a);
        }
    }
}

const fn group(
    name: &'static str,
    operands: &'static [u8],
    prefix: &'static [u8],
    codes: &'static [(u16, u16)],
    after: &'static [u8],
    leaves: bool,
) -> Group {
    Group { name, operands, prefix, codes, after, leaves }
}

const BULK: &[u8] = &[0xfc];
const VECTOR: &[u8] = &[0xfd];

/// Ranges of opcodes, first and last inclusive, as numbered by the specification
/// (<https://webassembly.github.io/spec/core/appendix/index-instructions.html>).
static GROUPS: &[Group] = &[
    group(
        "an operator of an i32",
        &[I],
        &[],
        &[(0x45, 0x45), (0x67, 0x69), (0xc0, 0xc1), (0xac, 0xad), (0xb2, 0xb3), (0xb7, 0xb8), (0xbe, 0xbe)],
        &[],
        true,
    ),
    group(
        "an operator of an i64",
        &[L],
        &[],
        &[(0x50, 0x50), (0x79, 0x7b), (0xc2, 0xc4), (0xa7, 0xa7), (0xb4, 0xb5), (0xb9, 0xba), (0xbf, 0xbf)],
        &[],
        true,
    ),
    group("an operator of an f32", &[F], &[], &[(0x8b, 0x91), (0xa8, 0xa9), (0xae, 0xaf), (0xbb, 0xbc)], &[], true),
    group(
        "an operator of an f64",
        &[D],
        &[],
        &[(0x99, 0x9f), (0xaa, 0xab), (0xb0, 0xb1), (0xb6, 0xb6), (0xbd, 0xbd)],
        &[],
        true,
    ),
    group("a saturating conversion of an f32", &[F], BULK, &[(0, 1), (4, 5)], &[], true),
    group("a saturating conversion of an f64", &[D], BULK, &[(2, 3), (6, 7)], &[], true),
    group("an operator of two i32", &[I, I], &[], &[(0x46, 0x4f), (0x6a, 0x78)], &[], true),
    group("an operator of two i64", &[L, L], &[], &[(0x51, 0x5a), (0x7c, 0x8a)], &[], true),
    group("an operator of two f32", &[F, F], &[], &[(0x5b, 0x60), (0x92, 0x98)], &[], true),
    group("an operator of two f64", &[D, D], &[], &[(0x61, 0x66), (0xa0, 0xa6)], &[], true),
    group("a load", &[I], &[], &[(0x28, 0x35)], &[0, 0], true),
    group("a store of an i32", &[I, I], &[], &[(0x36, 0x36), (0x3a, 0x3b)], &[0, 0], false),
    group("a store of an i64", &[I, L], &[], &[(0x37, 0x37), (0x3c, 0x3e)], &[0, 0], false),
    group("a store of an f32", &[I, F], &[], &[(0x38, 0x38)], &[0, 0], false),
    group("a store of an f64", &[I, D], &[], &[(0x39, 0x39)], &[0, 0], false),
    group("a vector load", &[I], VECTOR, &[(0, 10), (92, 93)], &[0, 0], true),
    group("a vector store", &[I, V], VECTOR, &[(11, 11)], &[0, 0], false),
    group("a load of a lane", &[I, V], VECTOR, &[(84, 87)], &[0, 0, 0], true),
    group("a store of a lane", &[I, V], VECTOR, &[(90, 91)], &[0, 0, 0], false),
    group("i8x16.shuffle", &[V, V], VECTOR, &[(13, 13)], &[0; 16], true),
    group("a splat", &[I], VECTOR, &[(15, 17)], &[], true),
    group("i64x2.splat", &[L], VECTOR, &[(18, 18)], &[], true),
    group("f32x4.splat", &[F], VECTOR, &[(19, 19)], &[], true),
    group("f64x2.splat", &[D], VECTOR, &[(20, 20)], &[], true),
    group(
        "an extraction of a lane",
        &[V],
        VECTOR,
        &[(21, 22), (24, 25), (27, 27), (29, 29), (31, 31), (33, 33)],
        &[0],
        true,
    ),
    group("a replacement of a lane", &[V, I], VECTOR, &[(23, 23), (26, 26), (28, 28)], &[0], true),
    group("i64x2.replace_lane", &[V, L], VECTOR, &[(30, 30)], &[0], true),
    group("f32x4.replace_lane", &[V, F], VECTOR, &[(32, 32)], &[0], true),
    group("f64x2.replace_lane", &[V, D], VECTOR, &[(34, 34)], &[0], true),
    group("v128.bitselect", &[V, V, V], VECTOR, &[(82, 82)], &[], true),
    group("a vector shift", &[V, I], VECTOR, &[(107, 109), (139, 141), (171, 173), (203, 205)], &[], true),
    group("an operator of a vector", &[V], VECTOR, UNARY_VECTOR, &[], true),
    group("an operator of two vectors", &[V, V], VECTOR, BINARY_VECTOR, &[], true),
    group("select", &[I, I, I], &[], &[(0x1b, 0x1b)], &[], true),
    group("memory.size", &[], &[], &[(0x3f, 0x3f)], &[0], true),
    group("memory.fill", &[I, I, I], BULK, &[(11, 11)], &[0], false),
    group("memory.copy", &[I, I, I], BULK, &[(10, 10)], &[0, 0], false),
    group("memory.init", &[I, I, I], BULK, &[(8, 8)], &[0, 0], false),
    group("data.drop or elem.drop", &[], BULK, &[(9, 9), (13, 13)], &[1], false),
    group("table.init", &[I, I, I], BULK, &[(12, 12)], &[0, 0], false),
    group("table.copy", &[I, I, I], BULK, &[(14, 14)], &[0, 0], false),
    group("table.size", &[], BULK, &[(16, 16)], &[0], true),
    group("table.get", &[I], &[], &[(0x25, 0x25)], &[0], true),
    group("local.get", &[], &[], &[(0x20, 0x20)], &[I], true),
    group("local.set", &[F], &[], &[(0x21, 0x21)], &[F], false),
    group("local.tee", &[D], &[], &[(0x22, 0x22)], &[D], true),
    group("global.get", &[], &[], &[(0x23, 0x23)], &[0], true),
    group("global.set", &[I], &[], &[(0x24, 0x24)], &[0], false),
    group("call_indirect", &[I], &[], &[(0x11, 0x11)], &[0, 0], false),
];

/// Opcodes of vector operators, as numbered by the specification.
const UNARY_VECTOR: &[(u16, u16)] = &[
    (77, 77),
    (83, 83),
    (94, 100),
    (103, 106),
    (116, 117),
    (122, 122),
    (124, 129),
    (131, 132),
    (135, 138),
    (148, 148),
    (160, 161),
    (163, 164),
    (167, 170),
    (192, 193),
    (195, 196),
    (199, 202),
    (224, 225),
    (227, 227),
    (236, 237),
    (239, 239),
    (248, 255),
];
const BINARY_VECTOR: &[(u16, u16)] = &[
    (14, 14),
    (35, 76),
    (78, 81),
    (101, 102),
    (110, 115),
    (118, 121),
    (123, 123),
    (130, 130),
    (133, 134),
    (142, 147),
    (149, 153),
    (155, 159),
    (174, 174),
    (177, 177),
    (181, 186),
    (188, 191),
    (206, 206),
    (209, 209),
    (213, 223),
    (228, 235),
    (240, 247),
];

const MEMORY_GROW: &str = "memory.grow that fails";
const TABLE_GROW: &str = "table.grow that fails";

/// Operators whose operands are not only locals.
const OTHERS: &[(&str, &[u8])] = &[
    (MEMORY_GROW, &[0x41, 0x7f, 0x40, 0, 0x1a]),
    (TABLE_GROW, &[0xd0, 0x70, 0x41, 0x7f, 0xfc, 15, 0, 0x1a]),
    ("memory.grow", &[0x41, 0, 0x40, 0, 0x1a]),
    ("table.grow", &[0xd0, 0x70, 0x41, 0, 0xfc, 15, 0, 0x1a]),
    ("table.set", &[0x41, 2, 0xd0, 0x70, 0x26, 0]),
    ("table.fill", &[0x41, 2, 0xd0, 0x70, 0x20, I, 0xfc, 17, 0]),
    ("ref.is_null", &[0x20, I, 0x25, 0, 0xd1, 0x1a]),
    ("ref.func", &[0x41, 2, 0xd2, 1, 0x26, 0]),
    ("if", &[0x20, I, 0x04, 0x40, 0x05, 0x0b]),
    ("br", &[0x02, 0x40, 0x0c, 0, 0x0b]),
    ("br_if", &[0x02, 0x40, 0x20, I, 0x0d, 0, 0x0b]),
    ("br_table", &[0x02, 0x40, 0x20, I, 0x0e, 1, 0, 0, 0x0b]),
    ("a call of the host", &[0x10, 0]),
    ("call", &[0x10, 1]),
    ("return_call", &[0x10, 2]),
    ("return_call_indirect", &[0x10, 3]),
    ("call_indirect", &[0x20, I, 0x11, 0, 0]),
];
