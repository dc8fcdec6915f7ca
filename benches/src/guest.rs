//! The guests, by what they do. All engines get the same bytes, but for what imports its input from
//! another host.

use crate::{engine::Abi, synthetic};

/// Real code: a Markdown library, compiled by Rust.
const MARKDOWN: &[u8] = include_bytes!("../../fixtures/guests/markdown.wasm");

/// Of `guests/kernels.rs`.
const KERNELS: &[u8] = include_bytes!("../guests/kernels.wasm");

#[derive(Debug, Clone, Copy)]
pub enum Guest {
    /// One page of memory, and nothing done.
    Empty,
    /// Mixes numbers, as often as a KiB has bytes.
    NoMemory,
    /// Reads its input to the last page, makes its letters capitals, writes it.
    Upper {
        pages: u32,
    },
    /// Reads its input at once and writes it.
    Echo {
        pages: u32,
    },
    Markdown,
    Kernels,
    /// `tick` adds one; `out` calls the host so often.
    Calls,
    /// Code of so many bytes, little of which is run.
    Synthetic {
        bytes: usize,
    },
}

impl Guest {
    /// The module, unless it has no form for this ABI.
    pub fn wasm(self, abi: Abi) -> Option<Vec<u8>> {
        let text = match (self, abi) {
            (Guest::Markdown, Abi::Env) => return Some(MARKDOWN.into()),
            (Guest::Kernels, Abi::Env) => return Some(KERNELS.into()),
            (Guest::Synthetic { bytes }, _) => return Some(synthetic::module(bytes, 0)),
            (Guest::Empty, _) => with_entry("", 1, "", "(i32.const 0)"),
            (Guest::NoMemory, _) => NO_MEMORY.into(),
            (Guest::Upper { pages }, Abi::Env) => with_entry(IMPORTS, pages, &upper(pages), READ_UPPER_WRITE),
            (Guest::Upper { pages }, Abi::Extism) => {
                with_entry(IMPORTS_EXTISM, pages, &upper(pages), &[LOAD, UPPER, STORE].concat())
            }
            (Guest::Echo { pages }, Abi::Env) => with_entry(IMPORTS, pages, "", READ_WRITE),
            (Guest::Echo { pages }, Abi::Extism) => {
                with_entry(IMPORTS_EXTISM, pages, "(global $at i32 (i32.const 0))", &[LOAD, STORE].concat())
            }
            (Guest::Calls, Abi::Env) => CALLS.into(),
            (Guest::Markdown | Guest::Kernels | Guest::Calls, Abi::Extism) => return None,
        };
        Some(wat::parse_str(&text).unwrap_or_else(|error| panic!("{self:?}: {error}")))
    }

    /// Another module of the same size.
    pub fn variant(self, wasm: &[u8], number: usize) -> Vec<u8> {
        match self {
            Guest::Synthetic { bytes } => synthetic::module(bytes, number as u64),
            _ => wasm.into(),
        }
    }
}

/// `execute` is entered with pointer and length; Extism enters `go` with neither.
fn with_entry(imports: &str, pages: u32, items: &str, body: &str) -> String {
    format!(
        r#"(module {imports} (memory (export "memory") {pages}) {items}
            (func $main (param $len i32) (result i32) (local $i i32) (local $end i32) (local $byte i32) {body})
            (func (export "execute") (param i32 i32) (result i32) (call $main (local.get 1)))
            (func (export "go") (result i32) (call $main (i32.const 0))))"#
    )
}

const NO_MEMORY: &str = r#"(module
    (func $main (result i32) (local $i i32) (local $x i32)
        (loop $next
            (local.set $x (i32.mul (i32.xor (local.get $x) (local.get $i)) (i32.const 16777619)))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1024))))
        (i32.and (local.get $x) (i32.const 0)))
    (func (export "execute") (param i32 i32) (result i32) (call $main))
    (func (export "go") (result i32) (call $main)))"#;

const CALLS: &str = r#"(module
    (import "env" "input_len" (func $input_len (result i32)))
    (memory (export "memory") 1)
    (func (export "tick") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func (export "out") (param i32) (result i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum) (call $input_len)))
            (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get $sum)))"#;

const IMPORTS: &str = r#"
    (import "env" "read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "write_output" (func $write (param i32 i32)))"#;

const IMPORTS_EXTISM: &str = r#"
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (import "extism:host/env" "input_load_u64" (func $load (param i64) (result i64)))
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))"#;

/// Where the text is, as compilers place data: behind their stack, in the last page.
fn upper(pages: u32) -> String {
    let at = (pages - 1) << 16;
    format!(
        r#"(global $at i32 (i32.const {at}))
        (func $upper (param $i i32) (param $end i32) (local $byte i32)
            (block $done
                (br_if $done (i32.ge_u (local.get $i) (local.get $end)))
                (loop $next
                    (local.set $byte (i32.load8_u (local.get $i)))
                    (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 97)) (i32.const 26))
                        (then (i32.store8 (local.get $i) (i32.sub (local.get $byte) (i32.const 32)))))
                    (br_if $next (i32.lt_u
                        (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                        (local.get $end))))))"#
    )
}

const READ_UPPER_WRITE: &str = r#"
    (local.set $len (call $read (global.get $at) (local.get $len)))
    (call $upper (global.get $at) (i32.add (global.get $at) (local.get $len)))
    (call $write (global.get $at) (local.get $len))
    (i32.const 0)"#;

const READ_WRITE: &str = r#"
    (local.set $len (call $read (i32.const 0) (local.get $len)))
    (call $write (i32.const 0) (local.get $len))
    (i32.const 0)"#;

/// Extism hands out input and output by the word: eight bytes at a time, as its kits do.
const LOAD: &str = r#"
    (local.set $len (i32.wrap_i64 (call $length)))
    (local.set $i (i32.const 0))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $len)))
        (i64.store (i32.add (global.get $at) (local.get $i)) (call $load (i64.extend_i32_u (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 8)))
        (br $next)))"#;

const UPPER: &str = "(call $upper (global.get $at) (i32.add (global.get $at) (local.get $len)))";

const STORE: &str = r#"
    (local.set $end (i32.wrap_i64 (call $alloc (i64.extend_i32_u (local.get $len)))))
    (local.set $i (i32.const 0))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $len)))
        (call $store
            (i64.extend_i32_u (i32.add (local.get $end) (local.get $i)))
            (i64.load (i32.add (global.get $at) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 8)))
        (br $next)))
    (call $output (i64.extend_i32_u (local.get $end)) (i64.extend_i32_u (local.get $len)))
    (i32.const 0)"#;
