//! Modules within all limits that take as long, or as much memory, as those let them.

use alloc::{format, vec, vec::Vec};

use super::{
    Input,
    load::{many_functions, unreachable},
    run::{attacks, times},
    wasm::{
        DROP, EMPTY, END, FUNCREF, I32, I64, UNREACHABLE, V128, Wasm, endless, forever, i32_const, leb, local_get, run,
        sized,
    },
};

attacks! {
    "cost-functions", "20,000 functions", "module.functions" => "done", || many_functions(20_000, &[0, END]);
    "cost-operators", "a million operators that do nothing", "module.load_work" => "done",
        || many_functions(1, &[&[0][..], &[1].repeat(999_000), &[END]].concat());
    "cost-constants", "as many constants as a module may have", "module.load_work" => "done",
        || many_functions(4, &[&[0][..], &[&[0x42][..], &[0xff; 9], &[0x7f, DROP]].concat().repeat(80_000), &[END]].concat());
    "cost-vectors", "as many vector constants as a module may have", "module.size_bytes" => "done",
        || many_functions(3, &[&[0][..], &[&[0xfd, 12][..], &[7; 16], &[DROP]].concat().repeat(55_000), &[END]].concat());
    "cost-sums", "as many sums as a module may have", "module.load_work" => "done",
        || many_functions(2, &body(&[0x20, 0, 0x20, 0, 0x6a, 0x21, 0], 120_000));
    "cost-blocks", "as many blocks as a module may have", "module.load_work" => "done",
        || many_functions(2, &body(&[0x02, EMPTY, END], 240_000));
    "cost-loops", "as many loops as a module may have", "module.load_work" => "done",
        || many_functions(2, &body(&[0x03, EMPTY, END], 240_000));
    "cost-conditions", "as many conditions as a module may have", "module.load_work" => "done",
        || many_functions(2, &body(&[0x20, 0, 0x04, EMPTY, 0x05, END], 60_000));
    "cost-branches", "as many branches to one place as a module may have", "module.load_work" => "done",
        || many_functions(2, &[&[1, 1, I32, 0x02, EMPTY][..], &[0x20, 0, 0x0d, 0].repeat(120_000), &[END, END]].concat());
    "cost-branch-tables", "as many targets of branches as a module may have", "module.load_work" => "done",
        || many_functions(4, &body(&[&[0x02, EMPTY, 0x20, 0, 0x0e][..], &leb(100), &[0].repeat(101), &[END]].concat(), 1_200));
    "cost-operands-and-blocks", "blocks above ten thousand operands", "module.load_work" => "done",
        || deep(&[0x02, EMPTY, END], 200_000);
    "cost-operands-and-loops", "loops above ten thousand operands", "module.load_work" => "done",
        || deep(&[0x03, EMPTY, END], 200_000);
    "cost-operands-and-conditions", "conditions above ten thousand operands", "module.load_work" => "done",
        || deep(&[0x20, 0, 0x04, EMPTY, END], 138_000);
    "cost-operands-and-locals", "writes of a local above ten thousand reads of it", "module.load_work" => "done",
        || deep(&[0x20, 0, 0x21, 0], 200_000);
    "cost-locals-and-blocks", "a read, a write and a block over and over, above ten thousand operands", "module.load_work"
        => "done", || deep(&[0x20, 0, 0x02, EMPTY, END, DROP], 150_000);
    "cost-many-locals-and-blocks", "a thousand locals on the stack, and blocks", "module.load_work" => "done", many_locals;
    "cost-loop-parameters", "nested loops with a hundred parameters", "module.load_work" => "done",
        || parameters(0x03, 400, 20);
    "cost-block-parameters", "nested blocks with a hundred parameters", "module.load_work" => "done",
        || parameters(0x02, 400, 20);
    "cost-unreachable-blocks", "blocks with a hundred parameters in code that is never reached", "module.load_work"
        => "stopped: trap", || unreachable(&[0x02, 1, 0x00, END], 4_000);
    "cost-types", "2,000 types of a hundred parameters, all different", "module.types" => "done", types;
    "cost-exports", "exports of functions of such types", "module.exports" => "done", exports;
    "cost-element-items", "as many items of element segments as a module may have", "module.element_items" => "done",
        || run(&[0]).table(100_000).add(9, &[&[0, 0x41, 0, END][..], &leb(100_000), &[0].repeat(100_000)].concat()).into();
    "cost-element-expressions", "the same as expressions", "module.element_items" => "done",
        || run(&[0]).table(100_000).add(9, &[&[4, 0x41, 0, END][..], &leb(100_000), &[0xd2, 0, END].repeat(100_000)].concat()).into();
    "cost-element-segments", "as many element segments as a module may have", "module.element_segments" => "done",
        || run(&[0]).table(100).many(9, 1_000, &[&[0, 0x41, 0, END][..], &leb(100), &[0].repeat(100)].concat()).into();
    "cost-data", "4 MB of data", "module.size_bytes" => "done",
        || run(&[0]).memory(64).add(11, &[&[0, 0x41, 0, END][..], &leb(4_100_000), &[7].repeat(4_100_000)].concat()).into();
    "cost-data-rewritten", "4 MB of data in a module that has to be rewritten", "module.size_bytes" => "done",
        || run(&[&[0][..], &super::run::table_grow(0, 1)].concat()).table(0).memory(64)
            .add(11, &[&[0, 0x41, 0, END][..], &leb(4_100_000), &[7].repeat(4_100_000)].concat()).into();
    "cost-data-segments", "as many data segments as a module may have", "module.data_segments" => "done",
        || run(&[0]).memory(1).many(11, 20_000, &[&[0, 0x41, 0, END][..], &leb(190), &[7].repeat(190)].concat()).into();
    "cost-data-offsets", "data segments whose places take long to work out", "module.data_segments" => "done",
        || run(&[0]).memory(1).many(11, 11_000, &[&[0, 0x41, 0][..], &[0x41, 0, 0x6a].repeat(31), &[END, 1, 7]].concat()).into();
    "cost-names", "a name section of 4 MB", "module.size_bytes" => "done",
        || run(&[0]).custom("name", &[9, 1, 0].repeat(1_390_000)).into();
    "cost-memory", "as much initial memory as there may be", "limits.memory_bytes" => "done", || run(&[0]).memory(256).into();
    "cost-memory-growth", "growth of four memories in turn to the limit, page by page", "limits.memory_bytes"
        => "stopped: memory",
        || {
            let turn: Vec<u8> = (0..4).flat_map(|m| [i32_const(1), vec![0x40, m, DROP]].concat()).collect();
            forever(&turn).many(5, 4, &[0, 0]).into()
        };
    "cost-memory-and-output", "all of the memory and all of the output", "limits.output_bytes" => "stopped: output", || {
        let write = [i32_const(0), i32_const(65_536), vec![0x10, 0]].concat();
        let grow = [i32_const(255), vec![0x40, 0, DROP]].concat();
        Wasm::new().ty(&[I32; 2], &[]).ty(&[], &[]).import("env", "write_output", 0).memory(1).export("memory", 2, 0)
            .func(1, &[&[0][..], &grow, &endless(&write), &[END]].concat()).export("_start", 0, 1).into()
    };
    "cost-cache-misses", "reads from all over 16 MiB, each of which waits for the one before", "limits.fuel"
        => "stopped: fuel", misses;
    "cost-chase", "a chain of pointers all over 16 MiB, in no order", "limits.fuel" => "stopped: fuel", || chase().into();
    "cost-strides", "writes all over 16 MiB, one to a page", "limits.fuel" => "stopped: fuel",
        || looped_in(I32, &[&[0x20, 0][..], &i32_const(4_160), &[0x6a], &i32_const(0x00ff_fffc), &[0x71, 0x22, 0, 0x41, 1, 0x36, 2, 0]].concat(), 256);
    "cost-divisions", "divisions that depend on each other", "limits.fuel" => "stopped: fuel",
        || looped(I64, &[0x20, 0, 0x42, 3, 0x80, 0x42, 0x7f, 0x85, 0x21, 0]);
    "cost-roots", "square roots that depend on each other", "limits.fuel" => "stopped: fuel",
        || looped(0x7c, &[0x20, 0, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x21, 0]);
    "cost-rounding", "rounding of floats", "limits.fuel" => "stopped: fuel",
        || looped(0x7c, &[0x20, 0, 0x9e, 0x9b, 0x9c, 0x9d, 0x9e, 0x21, 0]);
    "cost-shuffles", "shuffles of vectors", "limits.fuel" => "stopped: fuel",
        || looped(V128, &[&[0x20, 0, 0x20, 0, 0xfd, 13][..], &[0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31], &[0x21, 0]].concat());
    "cost-indirect-calls", "indirect calls, for ever", "limits.fuel" => "stopped: fuel",
        || Wasm::new().ty(&[], &[]).func(0, &[0, END])
            .func(0, &[&[0][..], &endless(&[0x41, 0, 0x11, 0, 0]), &[END]].concat()).table(1)
            .add(9, &[0, 0x41, 0, END, 1, 0]).export("_start", 0, 1).into();
    "cost-scattered-calls", "indirect calls of 8,192 functions, in no order", "limits.fuel" => "stopped: fuel",
        scattered_calls;
    "cost-scattered-copies", "copies of a byte from anywhere to anywhere in 16 MiB", "limits.fuel" => "stopped: fuel",
        scattered_copies;
    "cost-load-and-run", "as much work of loading as there may be, and then all of the fuel", "limits.fuel"
        => "stopped: fuel",
        || {
            let loaded = body(&[0x20, 0, 0x04, EMPTY, 0x05, END], 60_000);
            chase().many(3, 2, &[0]).add(10, &sized(&loaded)).add(10, &sized(&loaded)).into()
        };
    "cost-all-memory", "the largest code, memory, table, stack, log and output at once", "limits.output_bytes"
        => "stopped: output", all_memory;
    "cost-results", "calls that hand 16 results on as arguments", "limits.fuel" => "stopped: fuel", results;
    "cost-branch-values", "branches that take 16 values along", "limits.fuel" => "stopped: fuel", branch_values;
    "cost-table-growth", "growth of four tables in turn, eight elements at a time, to the limit", "limits.table_elements"
        => "stopped: table",
        || forever(&(0..4).flat_map(|t| super::run::table_grow(t, 8)).collect::<Vec<_>>()).many(4, 4, &[FUNCREF, 0, 0]).into();
    "cost-stack", "the deepest recursion, with as many values as there may be", "limits.value_stack_bytes"
        => "stopped: stack", || run(&[&[1][..], &leb(12), &[I64, 0x10, 0]].concat()).into();
    "cost-else", "conditions with a hundred parameters and two arms", "module.load_work" => "stopped: trap",
        || unreachable(&[0x04, 1, UNREACHABLE, 0x05, UNREACHABLE, END], 9_000);
    "cost-returns", "as many returns of 16 values as a module may have", "module.load_work" => "stopped: trap", || {
        let body = [&[0, UNREACHABLE][..], &[0x0f].repeat(55_000), &[END]].concat();
        Wasm::new().ty(&[], &[]).ty(&[], &[I32; 16]).func(0, &[0, UNREACHABLE, END]).func(1, &body)
            .export("_start", 0, 0).into()
    };
    "cost-import-list", "1,000 imports of functions of a hundred parameters", "module.imports" => "refused: imports",
        || {
            let base = Wasm::new().ty(&[I64; 100], &[I64; 16]);
            (0..1_000).fold(base, |wasm, i| wasm.import("\u{202e}", &format!("{i}"), 0)).into()
        };
}

/// Local 0 is an i32.
fn body(operators: &[u8], times: usize) -> Vec<u8> {
    [&[1, 1, I32][..], &operators.repeat(times), &[END]].concat()
}

/// The operators above ten thousand reads of local 0.
fn deep(operators: &[u8], times: usize) -> Input {
    let (push, pop) = ([0x20, 0].repeat(10_000), [DROP].repeat(10_000));
    many_functions(1, &[&[1, 1, I32][..], &push, &operators.repeat(times), &pop, &[END]].concat())
}

fn many_locals() -> Input {
    let push: Vec<u8> = (0..1_000).flat_map(local_get).collect();
    let again: Vec<u8> = [&push[..], &[0x02, EMPTY, END], &[DROP].repeat(1_000)].concat().repeat(240);
    let one = [&[1][..], &leb(1_000), &[I32], &again, &[END]].concat();
    many_functions(2, &one)
}

/// Blocks with a hundred parameters within each other, over and over.
fn parameters(block: u8, nested: usize, times: usize) -> Input {
    let push: Vec<u8> = (0..100).flat_map(|_| local_get(0)).collect();
    let inner = [&push[..], &[block, 1].repeat(nested), &[DROP].repeat(100), &[END].repeat(nested)].concat();
    let body = [&[1, 1, I64][..], &inner.repeat(times), &[END]].concat();
    Wasm::new().ty(&[], &[]).ty(&[I64; 100], &[]).func(0, &body).export("_start", 0, 0).into()
}

fn distinct(i: u32) -> Vec<u8> {
    (0..100).map(|at| [I32, I64, 0x7d, 0x7c][(i >> (at % 16)) as usize & 3]).collect()
}

fn types() -> Input {
    let first = Wasm::new().ty(&[], &[]);
    (0..1_999).fold(first, |wasm, i| wasm.ty(&distinct(i), &[I64; 16])).func(0, &[0, END]).export("_start", 0, 0).into()
}

fn exports() -> Input {
    let first = Wasm::new().ty(&[], &[]).ty(&[V128; 100], &[]).func(0, &[0, END]).func(1, &[0, END]);
    (0..1_999).fold(first.export("_start", 0, 0), |wasm, i| wasm.export(&format!("{i:0512}"), 0, 1)).into()
}

/// A loop over a local of this type that is not written out.
fn looped(ty: u8, operators: &[u8]) -> Input {
    run(&[&[1, 1, ty][..], &endless(operators)].concat()).into()
}

/// Makes a ring of pointers, one to each cache line of 16 MiB: the next number after `n` is
/// `n * a + c` modulo the count of lines, which visits all of them. Then follows it.
fn chase() -> Wasm {
    let line = |n: &[u8]| [n, &[0x41, 6, 0x74]].concat();
    let next = [&local_get(0)[..], &i32_const(1_664_525), &[0x6c], &i32_const(1_013_904_223), &[0x6a]].concat();
    let next = [&next[..], &i32_const((1 << 18) - 1), &[0x71, 0x22, 1]].concat();
    let link = [&line(&local_get(0))[..], &line(&next), &[0x36, 2, 0], &local_get(1), &[0x22, 0, 0x0d, 0]].concat();
    let ring = [&[0x03, EMPTY][..], &link, &[END]].concat();
    let follow = [&local_get(0)[..], &[0x28, 2, 0].repeat(1_000), &[0x21, 0]].concat();
    run(&[&[1, 2, I32][..], &ring, &endless(&follow)].concat()).memory(256)
}

/// Function `n` is called at the place of a table that a sequence without order gives.
fn scattered_calls() -> Input {
    const COUNT: u32 = 1 << 13;
    let next = [&local_get(0)[..], &i32_const(1_664_525), &[0x6c], &i32_const(1_013_904_223), &[0x6a]].concat();
    // What is never done, since local 0 is never 0, makes the functions long.
    let change = [0x20, 0, 0x41, 5, 0x73, 0x21, 0].repeat(22);
    let one = [&[0][..], &next, &[0x20, 0, 0x45, 0x04, EMPTY], &change, &[END, END]].concat();
    let place = [&local_get(0)[..], &local_get(0), &i32_const(COUNT as i32 - 1), &[0x71, 0x11, 1, 0, 0x21, 0]].concat();
    let start = [&[1, 1, I32, 0x41, 1, 0x21, 0][..], &endless(&place), &[END]].concat();
    // An odd factor makes a permutation.
    let places: Vec<u8> = (0..COUNT).flat_map(|n| leb(1 + n.wrapping_mul(40_503) % COUNT)).collect();
    Wasm::new()
        .ty(&[], &[])
        .ty(&[I32], &[I32])
        .func(0, &start)
        .many(3, COUNT, &[1])
        .many(10, COUNT, &sized(&one))
        .table(COUNT)
        .add(9, &[&[0, 0x41, 0, END][..], &leb(COUNT), &places].concat())
        .export("_start", 0, 0)
        .into()
}

fn scattered_copies() -> Input {
    let place = |n: u32| i32_const((n.wrapping_mul(2_654_435_761) >> 8) as i32);
    let copy = |n: u32| [place(2 * n), place(2 * n + 1), vec![0x41, 1, 0xfc, 10, 0, 0]].concat();
    run(&[&[0][..], &endless(&(0..30_000).flat_map(copy).collect::<Vec<_>>())].concat()).memory(256).into()
}

fn all_memory() -> Input {
    let write = [i32_const(0), i32_const(65_536), vec![0x10, 0]].concat();
    let log = [i32_const(0), i32_const(20), vec![0x10, 1]].concat();
    let grow = [&super::run::table_grow(0, 99_000)[..], &i32_const(255), &[0x40, 0, DROP]].concat();
    let down = [&[0, 0x20, 0, 0x04, EMPTY, 0x20, 0, 0x41, 1, 0x6b, 0x10, 3, END, END][..]].concat();
    let start =
        [&[1, 1, I32][..], &grow, &i32_const(9_990), &[0x10, 3], &times(10_000, &log), &endless(&write), &[END]];
    let loaded = body(&[0x20, 0, 0x04, EMPTY, 0x05, END], 60_000);
    Wasm::new()
        .ty(&[I32; 2], &[])
        .ty(&[], &[])
        .ty(&[I32], &[])
        .import("env", "write_output", 0)
        .import("env", "log", 0)
        .table(0)
        .memory(1)
        .export("memory", 2, 0)
        .func(1, &start.concat())
        .func(2, &down)
        .func(1, &loaded)
        .func(1, &loaded)
        .export("_start", 0, 2)
        .into()
}

/// The same with a memory.
fn looped_in(ty: u8, operators: &[u8], pages: u32) -> Input {
    run(&[&[1, 1, ty][..], &endless(operators)].concat()).memory(pages).into()
}

/// address = (address * a + c + load(address)) mod 16 MiB, and again.
fn misses() -> Input {
    let next = [
        local_get(0),
        vec![0x28, 2, 0],
        local_get(0),
        i32_const(1_664_525),
        vec![0x6c, 0x6a],
        i32_const(1_013_904_223),
        vec![0x6a],
        i32_const(0x00ff_fffc),
        vec![0x71, 0x21, 0],
    ];
    run(&[&[1, 1, I32][..], &endless(&next.concat())].concat()).memory(256).into()
}

fn results() -> Input {
    let values: Vec<u8> = (0..16).flat_map(|_| [0x42, 7]).collect();
    Wasm::new()
        .ty(&[], &[I64; 16])
        .ty(&[I64; 16], &[])
        .ty(&[], &[])
        .func(0, &[&[0][..], &values, &[END]].concat())
        .func(1, &[0, END])
        .func(2, &[&[0][..], &endless(&[0x10, 0, 0x10, 1]), &[END]].concat())
        .export("_start", 0, 2)
        .into()
}

fn branch_values() -> Input {
    let values: Vec<u8> = (0..16).flat_map(|_| local_get(0)).collect();
    let turn = [&[0x02, 1][..], &values, &[0x0c, 0, END], &[DROP].repeat(16)].concat();
    let body = [&[1, 1, I64][..], &endless(&turn), &[END]].concat();
    Wasm::new().ty(&[], &[]).ty(&[], &[I64; 16]).func(0, &body).export("_start", 0, 0).into()
}
