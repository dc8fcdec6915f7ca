//! Modules that take down, stall or fill up a process that hands them to the engine as they are.

use alloc::{vec, vec::Vec};

use super::{
    Input, Kind,
    run::{attacks, table_grow, times},
    wasm::{DROP, EMPTY, END, FUNCREF, I32, I64, UNREACHABLE, Wasm, forever, i32_const, leb, raw, run, section},
};

attacks! {
    "grow-leaves-frames", "growth of a memory that fails, for ever: a native frame each time", "B1" => "stopped: fuel",
        || Input::from(forever(&[i32_const(-1), vec![0x40, 0, DROP]].concat()).add(5, &[1, 0, 0]).build());
    "grow-table-leaves-frames", "growth of a table that fails, for ever: a native frame each time", "B1"
        => "stopped: fuel", || forever(&table_grow(0, -1)).add(4, &[FUNCREF, 1, 0, 1]).into();
    "store-leaves-frames", "stores and indirect calls, for ever: a native frame each time", "B2" => "stopped: fuel",
        || {
            let store = [0x41, 0, 0x41, 1, 0x36, 2, 0, 0x41, 0, 0x11, 0, 0];
            Wasm::new().ty(&[], &[]).func(0, &[0, END])
                .func(0, &[&[0][..], &super::wasm::endless(&store), &[END]].concat())
                .table(1).memory(1).add(9, &[0, 0x41, 0, END, 1, 0]).export("_start", 0, 1).into()
        };
    "store-of-its-pointer", "a store of its own pointer, far away", "B3" => "stopped: trap", || own_pointer(0, 0x10000);
    "store-of-its-pointer-memory", "a store of its own pointer in another memory", "B3" => "done", || own_pointer(1, 0);
    "store-of-its-pointer-callee", "the same, in a function that is called", "B3" => "done", in_callee;
    "stores-of-their-pointers", "every integer store of its own pointer", "B3" => "done, stopped: trap", every_store;
    "after-the-end", "operators after the end of a function", "B4" => "refused: invalid",
        || run(&[0, END, 0x6a, 0x41, 0]).into();
    "after-the-end-blocks", "blocks after the end of a function", "B4" => "refused: invalid",
        || run(&[0, END, 0x02, EMPTY, END]).into();
    "no-functions", "a code section of no functions, and a kilobyte after that", "B5" => "refused: malformed",
        || raw(&[section(10, &[&[0][..], &[0x55; 1_000]].concat())]).into();
    "constants-within-limits", "2,000 of the longest constant expressions there may be", "B6" => "done",
        || {
            let sum = [&[0x41, 1][..], &[0x41, 1, 0x6a].repeat(31), &[END]].concat();
            run(&[0]).many(6, 2_000, &[&[I32, 0][..], &sum].concat()).into()
        };
    "constant-deep", "a constant expression of 600 KB", "B6" => "refused: module.constant_operators",
        || {
            let sum = [&[I64, 0][..], &[0x42, 0].repeat(300_000), &[0x7c].repeat(299_999), &[END]].concat();
            run(&[0]).add(6, &sum).into()
        };
    "memory64", "growth of a 64-bit memory that may have 2^48 pages", "B7" => "refused: unsupported",
        || run(&[0, 0x42, 1, 0x40, 0, DROP])
            .add(5, &[&[5, 0][..], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]].concat()).into();
    "table64", "a 64-bit table", "B7" => "refused: unsupported", || Wasm::new().add(4, &[FUNCREF, 4, 0]).into();
    "modules-dropped", "a module of 5,000 functions, loaded and dropped over and over", "B8" => "done",
        || {
            let wasm = Wasm::new().ty(&[], &[]).many(3, 5_000, &[0]).many(10, 5_000, &[2, 0, END]);
            Input::new(Kind::Again(wasm.export("_start", 0, 0).build(), 50))
        };
    "modules-refused", "a module that the engine refuses in its last function, over and over", "B8"
        => "refused: invalid",
        || {
            let wasm = Wasm::new().ty(&[], &[]).many(3, 5_000, &[0]).many(10, 4_999, &[2, 0, END]);
            Input::new(Kind::Again(wasm.add(10, &[3, 0, 0x6a, END]).build(), 50))
        };
    "types-dropped", "2,000 types that no other module has, over and over", "B8" => "done", types_dropped;
    "host-panic", "a host function that panics", "B9" => "stopped: host panic", || panics(&[0x10, 0]);
    "host-panic-deep", "a host function that panics below many calls", "B9" => "stopped: host panic",
        || {
            let body = [&[0][..], &[0x20, 0, 0x45, 0x04, EMPTY, 0x10, 0, END], &[0x20, 0, 0x41, 1, 0x6b, 0x10, 1, END]];
            Input::new(Kind::Panic(Wasm::new().ty(&[], &[]).ty(&[I32], &[]).import("host", "panic", 0)
                .func(1, &body.concat())
                .func(0, &[&[0][..], &i32_const(5_000), &[0x10, 1, END]].concat())
                .export("_start", 0, 2).build()))
        };
    "host-panic-tail", "a tail call of a host function that panics", "B9" => "stopped: host panic", || panics(&[0x12, 0]);
    "host-panic-entry", "an entry that is a host function that panics", "B9" => "stopped: host panic",
        || Input::new(Kind::Panic(Wasm::new().ty(&[], &[]).import("host", "panic", 0).export("_start", 0, 0).build()));
    "host-panic-start", "a start function that is a host function that panics", "B9" => "stopped: host panic",
        || Input::new(Kind::Panic(Wasm::new().ty(&[], &[]).import("host", "panic", 0).func(0, &[0, END])
            .export("_start", 0, 1).start(0).build()));
    "host-panic-table", "an indirect call of a host function that panics", "B9" => "stopped: host panic",
        || Input::new(Kind::Panic(Wasm::new().ty(&[], &[]).import("host", "panic", 0)
            .func(0, &[0, 0x41, 0, 0x11, 0, 0, END]).table(1).add(9, &[0, 0x41, 0, END, 1, 0])
            .export("_start", 0, 1).build()));
}

/// Stores local 0 at the address in local 0, which is `0`.
fn own_pointer(memory: u8, offset: u32) -> Input {
    run(&store(0x36, memory, offset)).memory(1).memory(1).into()
}

/// The body of a function that stores local 0 at local 0, which has just been worked out: it is in a
/// register then, as pointer and as value.
fn store(operator: u8, memory: u8, offset: u32) -> Vec<u8> {
    let narrow = matches!(operator, 0x36 | 0x3a | 0x3b);
    let (ty, constant, add) = if narrow { (I32, 0x41, 0x6a) } else { (I64, 0x42, 0x7c) };
    let pointer: &[u8] = if narrow { &[0x20, 0] } else { &[0x20, 0, 0xa7] };
    let memarg: &[u8] = if memory == 0 { &[0] } else { &[0x40, memory] };
    let added = [0x20, 0, constant, 4, add, 0x21, 0];
    [&[1, 1, ty][..], &added, pointer, &[0x20, 0, operator], memarg, &leb(offset)].concat()
}

fn in_callee() -> Input {
    Wasm::new()
        .ty(&[], &[])
        .func(0, &[&store(0x36, 0, 0x10000)[..], &[END]].concat())
        .func(0, &[&[1, 1, I32][..], &times(100, &[0x10, 0]), &[END]].concat())
        .memory(2)
        .export("_start", 0, 1)
        .into()
}

fn every_store() -> Input {
    let stores = [0x36, 0x37, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e];
    let places = [(0, 0xffff), (0, 0x10000), (0, u32::MAX), (1, 0), (1, 0xffff), (1, u32::MAX)];
    let all = stores.iter().flat_map(|op| places.map(|(memory, offset)| store(*op, memory, offset)));
    Input::new(Kind::Modules(all.map(|body| run(&body).memory(2).memory(2).build()).collect()))
}

fn types_dropped() -> Input {
    let types = [I32, I64, 0x7d, 0x7c];
    let module = |seed: u32| {
        let ty = |i: u32| (0..12).map(|at| types[((seed * 2_000 + i) >> (2 * at)) as usize & 3]).collect::<Vec<_>>();
        let none = Wasm::new().ty(&[], &[]);
        (0..1_999).fold(none, |wasm, i| wasm.ty(&ty(i), &[])).func(0, &[0, END]).export("_start", 0, 0).build()
    };
    Input::new(Kind::Modules((0..50).map(module).collect()))
}

fn panics(call: &[u8]) -> Input {
    let body = [&[0][..], call, &[UNREACHABLE, END]].concat();
    Input::new(Kind::Panic(
        Wasm::new().ty(&[], &[]).import("host", "panic", 0).func(0, &body).export("_start", 0, 1).build(),
    ))
}
