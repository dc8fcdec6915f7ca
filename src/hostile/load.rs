//! Modules against the limits of size and structure.

use alloc::{vec, vec::Vec};

use super::{
    Input,
    run::attacks,
    wasm::{DROP, EMPTY, END, FUNCREF, I32, I64, UNREACHABLE, V128, Wasm, i32_const, leb, local_get, run},
};

attacks! {
    "size", "a module of 30 MB", "module.size_bytes" => "refused: module.size_bytes",
        || run(&[0]).custom("x", &vec![0; 30_000_000]).into();
    "types", "2,001 types", "module.types" => "refused: module.types",
        || Wasm::new().many(1, 2_001, &[0x60, 0, 0]).into();
    "types-million", "a million types in 3 MB", "module.types" => "refused: module.types",
        || Wasm::new().many(1, 1_000_000, &[0x60, 0, 0]).into();
    "types-in-a-group", "a million types in one recursive group", "module.types" => "refused: unsupported", group;
    "types-claimed-in-a-group", "a recursive group that claims a million types", "module.types" => "refused: unsupported",
        || Wasm::new().add(1, &[&[0x4e][..], &leb(1_000_000), &[0x60, 0, 0]].concat()).into();
    "params", "101 parameters", "module.params" => "refused: module.params",
        || Wasm::new().ty(&[I32; 101], &[]).into();
    "results", "17 results", "module.results" => "refused: module.results",
        || Wasm::new().ty(&[], &[I32; 17]).into();
    "imports", "1,001 imports", "module.imports" => "refused: module.imports",
        || Wasm::new().ty(&[], &[I32]).many(2, 1_001, b"\x03env\x09input_len\0\0").into();
    "functions", "20,001 functions", "module.functions" => "refused: module.functions",
        || Wasm::new().ty(&[], &[]).many(3, 20_001, &[0]).many(10, 20_001, &[2, 0, END]).into();
    "functions-million", "a million functions in 4 MB", "module.functions" => "refused: module.functions",
        || Wasm::new().ty(&[], &[]).many(3, 1_000_000, &[0]).many(10, 1_000_000, &[2, 0, END]).into();
    "body", "a function of more than 1 MiB", "module.body_bytes" => "refused: module.body_bytes",
        || run(&[&[0][..], &[1].repeat(1_100_000)].concat()).into();
    "locals", "1,001 locals", "module.locals" => "refused: module.locals",
        || run(&[&[1][..], &leb(1_001), &[I32]].concat()).into();
    "locals-claimed", "4,294,967,295 locals, twice", "module.locals" => "refused: module.locals",
        || run(&[&[2][..], &leb(u32::MAX), &[I64], &leb(u32::MAX), &[I64]].concat()).into();
    "locals-in-all", "1,000 locals in each of 501 functions", "module.locals_total" => "refused: module.locals_total",
        || many_functions(501, &[&[1][..], &leb(1_000), &[V128, END]].concat());
    "nesting", "a hundred thousand nested blocks", "module.nesting" => "refused: module.nesting",
        || run(&[&[0][..], &[0x02, EMPTY].repeat(100_000), &[END].repeat(100_000)].concat()).into();
    "nesting-ifs", "501 nested conditions", "module.nesting" => "refused: module.nesting",
        || run(&[&[0][..], &[0x41, 0, 0x04, EMPTY].repeat(501), &[END].repeat(501)].concat()).into();
    "load-work", "more than a million operators", "module.load_work" => "refused: module.load_work",
        || many_functions(3, &[&[0][..], &[1].repeat(500_000), &[END]].concat());
    "load-work-br-table", "a table of branches that each take 16 values along", "module.load_work" => "refused: module.load_work",
        || branches(&[&[0x0e][..], &leb(100_000), &[0].repeat(100_001)].concat(), 1);
    "load-work-br-if", "branches that each take 16 values along", "module.load_work" => "refused: module.load_work",
        || branches(&[0x41, 0, 0x0d, 0], 100_000);
    "load-work-thousand-results", "a table of branches with a thousand values each", "module.load_work"
        => "refused: module.results", thousand_results;
    "load-work-calls", "calls with a hundred arguments that nothing made", "module.load_work" => "refused: module.load_work",
        || unreachable(&[0x10, 1], 300_000);
    "load-work-tail-calls", "tail calls with a hundred arguments that nothing made", "module.load_work"
        => "refused: module.load_work", || unreachable(&[0x12, 1], 300_000);
    "load-work-blocks", "blocks with a hundred parameters that nothing made", "module.load_work"
        => "refused: module.load_work", || unreachable(&[0x02, 1, UNREACHABLE, END], 200_000);
    "load-work-returns", "functions whose 16 results nothing made", "module.load_work" => "refused: module.load_work",
        || {
            let body = [&[0, UNREACHABLE][..], &[0x0f].repeat(400_000), &[END]].concat();
            Wasm::new().ty(&[], &[I32; 16]).func(0, &body).into()
        };
    "load-work-br-to-the-end", "tables of branches out of a function with 16 results", "module.load_work"
        => "refused: module.load_work",
        || {
            let table = [&[0x0e][..], &leb(100_000), &[0].repeat(100_001)].concat();
            Wasm::new().ty(&[], &[I32; 16]).func(0, &[&[0, UNREACHABLE][..], &table, &[END]].concat()).into()
        };
    "globals", "2,001 globals", "module.globals" => "refused: module.globals",
        || run(&[0]).many(6, 2_001, &[I32, 0, 0x41, 0, END]).into();
    "memories", "five memories", "module.memories" => "refused: module.memories",
        || run(&[0]).many(5, 5, &[0, 0]).into();
    "tables", "a hundred tables of 10,000,000 elements", "module.tables" => "refused: limits.table_elements",
        || run(&[0]).many(4, 100, &[&[FUNCREF, 0][..], &leb(10_000_000)].concat()).into();
    "tables-empty", "five tables", "module.tables" => "refused: module.tables",
        || run(&[0]).many(4, 5, &[FUNCREF, 0, 0]).into();
    "element-segments", "1,001 element segments", "module.element_segments" => "refused: module.element_segments",
        || run(&[0]).many(9, 1_001, &[1, 0, 0]).into();
    "element-items", "ten million items of an element segment", "module.element_items" => "refused: module.size_bytes",
        || run(&[0]).add(9, &[&[1, 0][..], &leb(10_000_000), &[0].repeat(10_000_000)].concat()).into();
    "element-items-in-size", "100,001 items of an element segment", "module.element_items" => "refused: module.element_items",
        || run(&[0]).add(9, &[&[1, 0][..], &leb(100_001), &[0].repeat(100_001)].concat()).into();
    "data-segments", "20,001 data segments", "module.data_segments" => "refused: module.data_segments",
        || run(&[0]).many(11, 20_001, &[1, 0]).into();
    "data-segments-announced", "a count of data segments that never come", "module.data_segments"
        => "refused: module.data_segments", || run(&[0]).add(12, &leb(u32::MAX)).into();
    "exports", "2,001 exports", "module.exports" => "refused: module.exports",
        || {
            let one = run(&[0]);
            (0..2_000).fold(one, |wasm, i| wasm.export(&alloc::format!("e{i}"), 0, 0)).into()
        };
    "names-of-imports", "import names of 100 KB", "module.name_bytes" => "refused: module.name_bytes",
        || Wasm::new().ty(&[], &[]).import("env", &"n".repeat(100_000), 0).into();
    "names-of-exports", "export names of 100 KB", "module.name_bytes" => "refused: module.name_bytes",
        || run(&[0]).export(&"n".repeat(100_000), 0, 0).into();
    "names-of-sections", "a section name of 100 KB", "module.name_bytes" => "refused: module.name_bytes",
        || run(&[0]).custom(&"n".repeat(100_000), &[]).into();
    "names-of-modules", "a name section that names the module with 100 KB", "module.name_bytes"
        => "refused: module.name_bytes",
        || {
            let name = [leb(100_000), [b'n'].repeat(100_000)].concat();
            run(&[0]).custom("name", &[&[0][..], &leb(name.len() as u32), &name].concat()).into()
        };
    "names-of-a-thousand-imports", "a thousand unknown imports, each with the longest names", "module.name_bytes"
        => "refused: imports",
        || {
            let name = "n".repeat(512);
            let import = Wasm::new().ty(&[], &[]);
            (0..1_000).fold(import, |wasm, i| wasm.import(&name, &alloc::format!("{i:0512}"), 0)).into()
        };
    "constant", "a constant expression of 600 KB", "module.constant_operators" => "refused: module.constant_operators",
        || constant(300_000);
    "constant-30kb", "a constant expression of 30 KB", "module.constant_operators"
        => "refused: module.constant_operators", || constant(10_000);
    "constant-in-elements", "long constant expressions in an element segment", "module.constant_operators"
        => "refused: module.constant_operators",
        || run(&[0]).table(1).add(9, &[&[4, 0x41, 0, END, 1][..], &[0xd0, FUNCREF].repeat(100), &[END]].concat()).into();
    "constant-in-data", "long constant expressions in data segments", "module.constant_operators"
        => "refused: module.constant_operators",
        || run(&[0]).memory(1).many(11, 100, &[&[0, 0x41, 0][..], &[0x41, 0, 0x6a].repeat(40), &[END, 0]].concat()).into();
    "custom-sections", "101 custom sections", "module.custom_sections" => "refused: module.custom_sections",
        || (0..101).fold(run(&[0]), |wasm, _| wasm.custom("", &[])).into();
    "custom-sections-million", "a million custom sections", "module.custom_sections" => "refused: module.custom_sections",
        || {
            let mut bytes = run(&[0]).build();
            bytes.extend([0, 1, 0].repeat(1_000_000));
            bytes.into()
        };
}

/// Functions of type 0, and an entry.
pub(super) fn many_functions(count: u32, body: &[u8]) -> Input {
    let entry = [&leb(body.len() as u32), body].concat();
    Wasm::new().ty(&[], &[]).many(3, count, &[0]).many(10, count, &entry).export("_start", 0, 0).into()
}

fn group() -> Input {
    Wasm::new().add(1, &[&[0x4e][..], &leb(1_000_000), &[0x60, 0, 0].repeat(1_000_000)].concat()).into()
}

/// A block with 16 results in which a branch is taken over and over.
fn branches(branch: &[u8], times: usize) -> Input {
    let values: Vec<u8> = (0..16).flat_map(|_| local_get(0)).collect();
    let table = branch[0] == 0x0e;
    let select = if table { local_get(0) } else { Vec::new() };
    let body =
        [vec![1, 1, I32, 0x02, 1], values, select, branch.repeat(times), vec![END], [DROP].repeat(16), vec![END]];
    Wasm::new().ty(&[], &[]).ty(&[], &[I32; 16]).func(0, &body.concat()).export("_start", 0, 0).into()
}

fn thousand_results() -> Input {
    let targets = [&[0x0e][..], &leb(100_000), &[0].repeat(100_001)].concat();
    let body = [&[0, 0x02, 1, UNREACHABLE][..], &targets, &[END], &[DROP].repeat(1_000), &[END]].concat();
    Wasm::new().ty(&[], &[]).ty(&[], &[I32; 1_000]).func(0, &body).export("_start", 0, 0).into()
}

/// Code after `unreachable`, where operands need not be made; type 1 and function 1 take a hundred.
pub(super) fn unreachable(operators: &[u8], times: usize) -> Input {
    let body = [&[0, UNREACHABLE][..], &operators.repeat(times), &[END]].concat();
    Wasm::new().ty(&[], &[]).ty(&[I64; 100], &[]).func(0, &body).func(1, &[0, END]).export("_start", 0, 0).into()
}

/// A global whose value is a sum of so many constants.
fn constant(sums: usize) -> Input {
    let sum = [i32_const(0), [0x41, 0].repeat(sums), [0x6a].repeat(sums)].concat();
    run(&[0]).add(6, &[&[I32, 0][..], &sum, &[END]].concat()).into()
}
