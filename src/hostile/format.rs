//! Bytes that are no module, or one that says more than there is.

use alloc::{vec, vec::Vec};

use super::{
    Input, Kind,
    run::attacks,
    wasm::{END, I32, Wasm, leb, raw, run, section, sized},
};

attacks! {
    "nothing", "no bytes at all", "format" => "refused: empty", || Vec::new().into();
    "text", "text where a binary is asked for", "format" => "refused: not wasm", || b"(module)".to_vec().into();
    "noise", "bytes that mean nothing", "format" => "refused: not wasm", || vec![0xff; 100_000].into();
    "zeros", "4 MiB of zeros", "format" => "refused: not wasm", || vec![0; 4 << 20].into();
    "magic-only", "the first four bytes and nothing else", "format" => "refused: malformed", || b"\0asm".to_vec().into();
    "version", "another version", "format" => "refused: version", || b"\0asm\x02\0\0\0".to_vec().into();
    "component", "a component", "format" => "refused: component", || b"\0asm\x0d\0\x01\0".to_vec().into();
    "version-of-a-component", "the layer of a component with a module's version", "format" => "refused: component",
        || b"\0asm\x01\0\x01\0".to_vec().into();
    "truncated", "a small module cut at each of its bytes", "format" => "call: the module exports neither `execute` nor `_start`, refused: empty, refused: invalid, refused: malformed, refused: not wasm",
        truncated;
    "counts-claimed", "sections that claim four billion entries in ten bytes", "format"
        => "refused: malformed, refused: module.data_segments, refused: module.element_segments, refused: module.exports, refused: module.functions, refused: module.globals, refused: module.imports, refused: module.types",
        || counts(u32::MAX);
    "counts-within-limits", "sections that claim as many entries as there may be, and have none", "format"
        => "refused: malformed", || counts(4);
    "section-claimed", "a section of 4 GiB in ten bytes", "format" => "refused: malformed",
        || [raw(&[]), vec![1], leb(u32::MAX)].concat().into();
    "body-claimed", "a function of 4 GiB in ten bytes", "format" => "refused: malformed",
        || raw(&[section(1, &[1, 0x60, 0, 0]), section(3, &[1, 0]), section(10, &[&[1][..], &leb(u32::MAX)].concat())]).into();
    "name-claimed", "a name of 4 GiB in ten bytes", "format" => "refused: malformed",
        || raw(&[section(7, &[&[1][..], &leb(u32::MAX)].concat())]).into();
    "leb-too-long", "a number that goes on for ever", "format" => "refused: malformed",
        || [raw(&[]), vec![1], [0x80].repeat(100_000)].concat().into();
    "sections-twice", "a section that comes twice", "format" => "refused: invalid",
        || raw(&[section(1, &[1, 0x60, 0, 0]), section(1, &[1, 0x60, 0, 0])]).into();
    "sections-out-of-order", "sections in the wrong order", "format" => "refused: invalid",
        || raw(&[section(3, &[0]), section(1, &[0])]).into();
    "section-unknown", "a section that is none", "format" => "refused: malformed", || raw(&[section(99, &[0])]).into();
    "functions-without-code", "functions that have no code", "format" => "refused: invalid",
        || raw(&[section(1, &[1, 0x60, 0, 0]), section(3, &[3, 0, 0, 0])]).into();
    "code-without-functions", "code of no function", "format" => "refused: invalid",
        || raw(&[section(10, &[1, 2, 0, END])]).into();
    "exports-twice", "two exports of one name", "format" => "refused: invalid",
        || run(&[0]).export("_start", 0, 0).into();
    "export-of-nothing", "an export of function 4,294,967,295", "format" => "refused: invalid",
        || run(&[0]).export("x", 0, u32::MAX).into();
    "start-of-nothing", "a start function that is not there", "format" => "refused: invalid",
        || run(&[0]).start(u32::MAX).into();
    "type-of-nothing", "a function of a type that is not there", "format" => "refused: invalid",
        || Wasm::new().ty(&[], &[]).func(u32::MAX, &[0, END]).into();
    "name-not-utf8", "a name that is not UTF-8", "format" => "refused: malformed",
        || raw(&[section(7, &[1, 2, 0xff, 0xff, 0, 0])]).into();
    "names-nested", "a name section that is all wrong", "format" => "done",
        || run(&[0]).custom("name", &[1, 0x85, 0x80, 0x80, 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0xff]).into();
    "names-bomb", "name sections that claim four billion names each", "format" => "done",
        || {
            let names = [&[1][..], &sized(&leb(u32::MAX))].concat();
            (0..99).fold(run(&[0]), |wasm, _| wasm.custom("name", &names.repeat(1_000))).into()
        };
    "entry-of-another-type", "an entry that is no entry", "format" => "refused: entry",
        || Wasm::new().ty(&[I32], &[]).func(0, &[0, END]).export("_start", 0, 0).into();
    "entry-is-a-memory", "an entry that is a memory", "format" => "refused: entry",
        || Wasm::new().memory(1).export("_start", 2, 0).into();
    "memory-is-a-function", "a function under the name of the memory", "format" => "refused: entry",
        || Wasm::new().ty(&[I32; 2], &[]).import("env", "log", 0).export("memory", 0, 0).into();
    "imported-memory", "an import of a memory of 4 GiB", "format" => "refused: limits.memory_bytes",
        || Wasm::new().add(2, &[b"\x03env\x06memory\x02\0".as_slice(), &leb(65_536)].concat()).into();
    "imported-import", "imports of things that are not there", "format" => "refused: imports",
        || Wasm::new().ty(&[], &[]).import("env", "exit", 0).import("\u{202e}", "\u{1b}[2J", 0).into();
    "shared-memory", "a memory of the threads proposal", "format" => "refused: unsupported",
        || Wasm::new().add(5, &[3, 1, 1]).into();
    "page-size", "a memory with pages of one byte", "format" => "refused: unsupported",
        || Wasm::new().add(5, &[8, 1, 0]).into();
    "tag", "a tag of the exceptions proposal", "format" => "refused: unsupported",
        || raw(&[section(1, &[1, 0x60, 0, 0]), section(13, &[1, 0, 0])]).into();
    "unknown-operator", "an operator that is none", "format" => "refused: malformed", || run(&[0, 0xff]).into();
    "atomic-operator", "an operator of the threads proposal", "format" => "refused: unsupported",
        || run(&[0, 0xfe, 3, 0]).into();
    "wrong-types", "a sum of nothing", "format" => "refused: invalid", || run(&[0, 0x6a]).into();
}

/// Each beginning of a module that has one of everything.
fn truncated() -> Input {
    let whole = Wasm::new()
        .ty(&[], &[])
        .ty(&[I32], &[I32])
        .table(1)
        .memory(1)
        .add(6, &[I32, 1, 0x41, 7, END])
        .func(0, &[1, 1, I32, 0x41, 0, 0x21, 0, END])
        .func(1, &[0, 0x20, 0, END])
        .add(9, &[0, 0x41, 0, END, 1, 0])
        .add(12, &[1])
        .add(11, &[0, 0x41, 0, END, 3, b'a', b'b', b'c'])
        .export("f", 0, 1)
        .custom("name", &[0, 2, 1, b'm'])
        .build();
    Input::new(Kind::Modules((0..whole.len()).map(|end| whole[..end].to_vec()).collect()))
}

/// Each section with this count and nothing after it.
fn counts(count: u32) -> Input {
    let ids = [1, 2, 3, 4, 5, 6, 7, 9, 10, 11];
    let all = ids.iter().map(|id| raw(&[section(*id, &leb(count))]));
    Input::new(Kind::Modules(all.collect()))
}
