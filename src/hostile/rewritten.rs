//! Modules that are hard to rewrite: what belljar puts into a module must not be met there already,
//! and what it changes must keep its meaning.

use alloc::{vec, vec::Vec};

use super::{
    Input, Kind,
    run::{attacks, table_grow},
    wasm::{DROP, EMPTY, END, FUNCREF, I32, UNREACHABLE, V128, Wasm, endless, leb, run},
};

attacks! {
    "rewrite-names-taken", "exports under the names that belljar adds", "format" => "done",
        || start_and_table().export("belljar.start", 0, 1).export("belljar.reserve", 1, 0)
            .export("belljar.start.1", 2, 0).export("belljar.reserve.1", 0, 1).into();
    "rewrite-no-exports", "a start function that grows a table, in a module without exports", "format"
        => "call: the module exports neither `execute` nor `_start`",
        || Wasm::new().ty(&[], &[]).func(0, &[&[0][..], &table_grow(0, 1), &[END]].concat()).table(0).start(0).into();
    "rewrite-start-trap", "a start function that traps", "format" => "stopped: trap",
        || run(&[0, UNREACHABLE]).start(0).into();
    "rewrite-start-of-a-start", "a start function that is the entry too, and counts", "format" => "stopped: trap",
        || {
            // Traps when it is called for the second time.
            let count = [0, 0x23, 0, 0x04, EMPTY, UNREACHABLE, END, 0x41, 1, 0x24, 0];
            run(&count).add(6, &[I32, 1, 0x41, 0, END]).start(0).into()
        };
    "rewrite-first-operator", "growth of a table as the first operator of a function whose locals are charged", "format"
        => "done", first_operator;
    "rewrite-custom-sections", "custom sections between all the others", "format" => "done", between;
    "rewrite-long-numbers", "sections whose sizes are written in five bytes", "format" => "done", long_numbers;
    "rewrite-every-table", "growth of each of four tables, again and again", "limits.table_elements" => "stopped: table",
        || {
            let all = [table_grow(0, 7), table_grow(1, 8), table_grow(2, 9), table_grow(3, 10)].concat();
            run(&[&[0][..], &endless(&all)].concat()).many(4, 4, &[FUNCREF, 0, 0]).into()
        };
    "rewrite-grow-nothing", "growth of a table by nothing, for ever", "limits.fuel" => "stopped: fuel",
        || run(&[&[0][..], &endless(&table_grow(0, 0))].concat()).table(0).into();
    "rewrite-grow-unreachable", "growth of a table in code that is never reached", "format" => "done",
        || run(&[0, 0x0f, 0xfc, 15, 0, DROP]).table(0).into();
    "rewrite-code-doubled", "a function that consists of what is rewritten", "module.load_work"
        => "refused: module.load_work", || patched(5, 80_000);
    "rewrite-code-largest", "as much of that as a module may have", "format" => "stopped: trap", || patched(4, 22_000);
    "rewrite-locals", "many functions whose locals are charged", "module.locals_total" => "done",
        || {
            let body = [&[1, 32, V128][..], &[END]].concat();
            super::load::many_functions(15_000, &body)
        };
    "rewrite-locals-in-a-loop", "calls of a function with a thousand locals, for ever", "limits.fuel" => "stopped: fuel",
        || locals_in_a_loop(1_000, false);
    "rewrite-locals-tail", "tail calls of functions with a thousand locals, for ever", "limits.fuel" => "stopped: fuel",
        || locals_in_a_loop(1_000, true);
    "rewrite-locals-unpriced", "calls of a function with 63 locals, which is not charged for them", "limits.fuel"
        => "stopped: fuel", || locals_in_a_loop(31, false);
    "rewrite-tables-at-most", "growth of a table beside as many tables as there may be", "format" => "done",
        || Input::from(run(&[&[0][..], &table_grow(0, 1)].concat()).many(4, 99, &[FUNCREF, 0, 0]).build())
            .with(|config| config.with_module_tables(99));
}

fn start_and_table() -> Wasm {
    Wasm::new()
        .ty(&[], &[])
        .func(0, &[&[0][..], &table_grow(0, 3), &[END]].concat())
        .func(0, &[0, END])
        .table(0)
        .memory(1)
        .start(0)
        .export("_start", 0, 1)
}

/// The first operator of a body that is charged for its locals, and grows by its parameters.
fn first_operator() -> Input {
    let grow = [&[1][..], &leb(500), &[I32, UNREACHABLE, 0xfc, 15, 0, DROP, END]].concat();
    let real = [&[1][..], &leb(500), &[I32], &table_grow(0, 1), &[END]].concat();
    Wasm::new().ty(&[], &[]).func(0, &grow).func(0, &real).table(0).export("_start", 0, 1).into()
}

/// The sections of a module that is rewritten in all ways, with a custom section before each.
fn between() -> Input {
    resectioned(|id, contents, out| {
        out.extend([0, 2, 1, b'x', id]);
        out.extend(leb(contents.len() as u32));
        out.extend_from_slice(contents);
    })
}

fn long_numbers() -> Input {
    resectioned(|id, contents, out| {
        let size = contents.len() as u32;
        out.push(id);
        out.extend((0..4).map(|byte| (size >> (7 * byte)) as u8 & 0x7f | 0x80));
        out.extend([0]);
        out.extend_from_slice(contents);
    })
}

fn resectioned(put: impl Fn(u8, &[u8], &mut Vec<u8>)) -> Input {
    let whole = start_and_table().build();
    let mut out = whole[..8].to_vec();
    let mut at = 8;
    // All sections of this module are shorter than 128 bytes.
    while let [id, size, ..] = whole[at..] {
        put(id, &whole[at + 2..at + 2 + usize::from(size)], &mut out);
        at += 2 + usize::from(size);
    }
    Input::new(Kind::Modules(vec![out]))
}

/// Functions of stores of their own pointers, far away, one after the other.
fn patched(functions: u32, stores: usize) -> Input {
    let store = [&[0x20, 0, 0x20, 0, 0x36, 0][..], &leb(0x10000)].concat();
    let rest = [&[1, 1, I32][..], &store.repeat(stores), &[END]].concat();
    let body = [&leb(rest.len() as u32)[..], &rest].concat();
    Wasm::new().ty(&[], &[]).many(3, functions, &[0]).many(10, functions, &body).memory(1).export("_start", 0, 0).into()
}

fn locals_in_a_loop(locals: u32, tail: bool) -> Input {
    let many = [&[1][..], &leb(locals), &[V128]].concat();
    let callee = if tail { [&many[..], &[0x12, 0, END]].concat() } else { [&many[..], &[END]].concat() };
    let caller = [&[0][..], &endless(&[0x10, 0]), &[END]].concat();
    Wasm::new().ty(&[], &[]).func(0, &callee).func(0, &caller).export("_start", 0, 1).into()
}
