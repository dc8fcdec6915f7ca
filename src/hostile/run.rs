//! Guests against the limits of a run.

use alloc::{vec, vec::Vec};

use super::{
    Input, Kind,
    wasm::{DROP, EMPTY, END, FUNCREF, I32, V128, Wasm, endless, forever, i32_const, leb, local_get, run},
};

macro_rules! attacks {
    ($($name:literal, $tries:literal, $against:literal => $expected:literal, $make:expr;)*) => {
        pub(super) const ATTACKS: &[super::Attack] = &[$(super::Attack {
            name: $name, tries: $tries, against: $against, expected: $expected, make: $make,
        }),*];
    };
}
pub(super) use attacks;

attacks! {
    "fuel-empty-loop", "a loop that does nothing for ever", "limits.fuel" => "stopped: fuel",
        || forever(&[]).into();
    "fuel-start-function", "a start function that does not end", "limits.fuel" => "stopped: fuel",
        || forever(&[]).start(0).into();
    "fuel-initialize", "an `_initialize` that does not end", "limits.fuel" => "stopped: fuel",
        || forever(&[]).export("_initialize", 0, 0).into();
    "fuel-alloc", "an `alloc` that does not end", "limits.fuel" => "stopped: fuel", alloc_for_ever;
    "fuel-one-unit", "a run with one unit of fuel", "limits.fuel" => "stopped: fuel",
        || Input::from(forever(&[]).build()).with(|config| config.with_fuel(1));
    "fuel-reads", "reads of the input that move nothing, for ever", "limits.fuel" => "stopped: fuel",
        || calls("read_input", &[0, 0], true);
    "fuel-reads-at-the-end", "reads into all of the memory after the end of the input", "limits.fuel" => "stopped: fuel",
        || calls("read_input", &[0, 65_536], true);
    "fuel-empty-logs", "log messages without text, for ever", "limits.fuel" => "stopped: fuel",
        || calls("log", &[0, 0], false);
    "fuel-long-logs", "log messages of all of the memory, for ever", "limits.fuel" => "stopped: fuel",
        || calls("log", &[0, 65_536], false);
    "fuel-empty-output", "output of nothing, for ever", "limits.fuel" => "stopped: fuel",
        || calls("write_output", &[0, 0], false);
    "fuel-input-length", "the length of the input, for ever", "limits.fuel" => "stopped: fuel",
        || calls("input_len", &[], true);
    "fuel-bulk-copy", "copies of all of the memory, for ever", "limits.fuel" => "stopped: fuel",
        || forever(&[i32_const(0), i32_const(8 << 20), i32_const(8 << 20), vec![0xfc, 10, 0, 0]].concat())
            .memory(256).into();
    "fuel-bulk-fill", "fills of all of the memory, for ever", "limits.fuel" => "stopped: fuel",
        || forever(&[i32_const(0), i32_const(7), i32_const(16 << 20), vec![0xfc, 11, 0]].concat()).memory(256).into();
    "fuel-bulk-nothing", "fills of no byte, for ever", "limits.fuel" => "stopped: fuel",
        || forever(&[i32_const(0), i32_const(7), i32_const(0), vec![0xfc, 11, 0]].concat()).memory(1).into();
    "fuel-table-fill", "fills of a large table, for ever", "limits.fuel" => "stopped: fuel",
        || forever(&[i32_const(0), vec![0xd0, FUNCREF], i32_const(100_000), vec![0xfc, 17, 0]].concat())
            .table(100_000).into();
    "fuel-table-copy", "copies of a large table, for ever", "limits.fuel" => "stopped: fuel",
        || forever(&[i32_const(0), i32_const(50_000), i32_const(50_000), vec![0xfc, 14, 0, 0]].concat())
            .table(100_000).into();
    "fuel-grow-by-nothing", "growth by no page, for ever", "limits.fuel" => "stopped: fuel",
        || forever(&[i32_const(0), vec![0x40, 0, DROP]].concat()).memory(1).into();
    "memory-initial", "1 GiB of initial memory", "limits.memory_bytes" => "refused: limits.memory_bytes",
        || run(&[0]).memory(16_384).into();
    "memory-initial-sum", "memories that are too large together", "limits.memory_bytes" => "refused: limits.memory_bytes",
        || run(&[0]).memory(200).memory(200).memory(200).into();
    "memory-initial-4gib", "the largest memory there can be", "limits.memory_bytes" => "refused: limits.memory_bytes",
        || run(&[0]).memory(65_536).into();
    "memory-growth", "growth, page by page, for ever", "limits.memory_bytes" => "stopped: memory",
        || forever(&[i32_const(1), vec![0x40, 0, DROP]].concat()).memory(0).into();
    "memory-growth-at-once", "growth to 4 GiB less a page", "limits.memory_bytes" => "stopped: memory",
        || forever(&[i32_const(65_534), vec![0x40, 0, DROP]].concat()).memory(1).into();
    "memory-growth-in-turn", "growth of several memories in turn, page by page", "limits.memory_bytes" => "stopped: memory",
        || forever(&in_turn(4, 1, 0x40)).many(5, 4, &[0, 0]).into();
    "memory-growth-refused", "growth that is refused, for ever", "limits.memory_bytes" => "stopped: fuel",
        || Input::from(forever(&[i32_const(65_535), vec![0x40, 0, DROP]].concat()).memory(1).build())
            .with(|config| config.with_on_growth_limit(crate::OnGrowthLimit::Refuse));
    "memory-growth-then-refused", "growth to the limit and beyond, over and over", "limits.memory_bytes" => "stopped: fuel",
        || Input::from(forever(&[i32_const(100), vec![0x40, 0, DROP], i32_const(1), vec![0x40, 0, DROP]].concat())
            .memory(1).build()).with(|config| config.with_on_growth_limit(crate::OnGrowthLimit::Refuse));
    "table-initial", "tables of 10,000,000 elements", "limits.table_elements" => "refused: limits.table_elements",
        || run(&[0]).many(4, 4, &[&[FUNCREF, 0][..], &leb(10_000_000)].concat()).into();
    "table-growth", "growth of a table, eight elements at a time, for ever", "limits.table_elements" => "stopped: table",
        || forever(&table_grow(0, 8)).table(0).into();
    "table-growth-in-turn", "growth of several tables in turn, eight elements at a time", "limits.table_elements" => "stopped: table",
        || forever(&[table_grow(0, 8), table_grow(1, 8), table_grow(2, 8)].concat())
            .table(0).table(0).table(0).into();
    "table-growth-at-once", "growth of a table by 2^32 - 1 elements", "limits.table_elements" => "stopped: table",
        || forever(&table_grow(0, -1)).table(0).into();
    "table-growth-refused", "growth of a table that is refused, for ever", "limits.table_elements" => "stopped: fuel",
        || Input::from(forever(&table_grow(0, -1)).table(0).build())
            .with(|config| config.with_on_growth_limit(crate::OnGrowthLimit::Refuse));
    "table-growth-declared", "growth of a table beyond its own maximum, for ever", "limits.table_elements" => "stopped: fuel",
        || forever(&table_grow(0, 11)).add(4, &[FUNCREF, 1, 0, 10]).into();
    "stack-recursion", "a function that calls itself", "limits.call_depth" => "stopped: stack",
        || run(&[0, 0x10, 0]).into();
    "stack-mutual", "functions that call each other through a table", "limits.call_depth" => "stopped: stack",
        || run(&[vec![0], i32_const(0), vec![0x11, 0, 0]].concat())
            .table(1).add(9, &[&[0][..], &i32_const(0), &[END, 1, 0]].concat()).into();
    "stack-again-and-again", "recursion to just below the limit, for ever", "limits.call_depth" => "stopped: fuel", to_and_fro;
    "stack-values", "a few calls with many locals each", "limits.value_stack_bytes" => "stopped: stack",
        || run(&[&[1][..], &leb(1_000), &[V128, 0x10, 0]].concat()).into();
    "stack-operands", "a few calls with many operands each", "limits.value_stack_bytes" => "stopped: stack", many_operands;
    "stack-large", "the deepest calls that any configuration allows", "limits.value_stack_bytes" => "stopped: stack",
        || Input::from(run(&[0, 0x10, 0]).build()).with(|config| config.with_call_depth(1_000_000));
    "tail-calls", "a function that calls itself in its tail", "limits.fuel" => "stopped: fuel",
        || run(&[0, 0x12, 0]).into();
    "tail-calls-with-arguments", "tail calls that take a hundred arguments along", "limits.fuel" => "stopped: fuel",
        || {
            let arguments: Vec<u8> = (0..100).flat_map(local_get).collect();
            let start: Vec<u8> = (0..100).flat_map(|_| i32_const(0)).collect();
            Wasm::new().ty(&[], &[]).ty(&[I32; 100], &[])
                .func(0, &[&[0][..], &start, &[0x10, 1, END]].concat())
                .func(1, &[&[0][..], &arguments, &[0x12, 1, END]].concat())
                .export("_start", 0, 0).into()
        };
    "output-flood", "output of all of the memory, for ever", "limits.output_bytes" => "stopped: output",
        || calls("write_output", &[0, 65_536], false);
    "output-bytes", "output byte by byte, for ever", "limits.output_bytes" => "stopped: fuel",
        || calls("write_output", &[0, 1], false);
    "output-at-once", "output of 4 GiB that are not there", "limits.output_bytes" => "stopped: abi",
        || calls("write_output", &[1, -1], false);
    "log-lines", "twenty thousand messages of one byte", "limits.log_lines" => "done, the log cut",
        || logs(20_000, 1);
    "log-bytes", "messages of 64 KiB", "limits.log_bytes" => "done, the log cut",
        || logs(20, 65_536);
    "log-level", "a log level that is none", "limits.log_lines" => "stopped: abi",
        || calls("log_at", &[7, 0, 0], false);
    "host-calls", "calls of the host, for ever", "limits.host_calls" => "stopped: host calls",
        || calls("input_len", &[], true).with(|config| config.with_host_calls(1_000));
    "fault-fuel", "a fault at the first unit of fuel there is", "faults.stop_at_fuel" => "stopped: injected",
        || Input::from(forever(&[]).build()).with(|config| config.with_stop_at_fuel(1));
    "fault-host-call", "a fault in a late call of the host", "faults.fail_host_call" => "stopped: injected",
        || calls("input_len", &[], true).with(|config| config.with_fail_host_call(1_000));
    "fault-growth", "growth, page by page, of which one is denied on purpose", "faults.deny_growth" => "stopped: memory",
        || Input::from(forever(&[i32_const(1), vec![0x40, 0, DROP]].concat()).memory(1).build())
            .with(|config| config.with_deny_growth(3));
    "deadline", "a long run under a deadline", "deadline_ms" => "stopped: deadline",
        || Input::from(forever(&[]).build())
            .with(|config| config.with_fuel(1_000_000_000_000_000).with_deadline_ms(20));
    "deadline-start-function", "a long start function under a deadline", "deadline_ms" => "stopped: deadline",
        || Input::from(forever(&[]).start(0).build())
            .with(|config| config.with_fuel(1_000_000_000_000_000).with_deadline_ms(20));
    "deadline-growth", "growths of a table by more than it may hold, under a deadline", "deadline_ms" => "stopped: deadline",
        || Input::from(forever(&[vec![0xd0, FUNCREF], i32_const(i32::MAX), vec![0xfc, 15, 0, DROP]].concat())
            .add(4, &[FUNCREF, 1, 0, 1]).build())
            .with(|config| config.with_fuel(1_000_000_000).with_deadline_ms(20));
    "last-words-far-away", "`fail` with a message outside the memory", "limits.fuel" => "stopped: abi",
        || calls("fail", &[65_536, 1], false);
    "last-words-endless", "`fail` with a message as large as the memory", "limits.fuel" => "stopped: failed",
        || calls("fail", &[0, 65_536], false);
    "abort-without-header", "`abort` with a string whose length lies outside the memory", "limits.fuel" => "stopped: abi",
        || calls("abort", &[65_538, 0, 0, 0], false);
    "abort-at-address-one", "`abort` with a string in front of the memory", "limits.fuel" => "stopped: abi",
        || calls("abort", &[1, 2, 3, 4], false);
}

/// A module that calls one function of the host for ever, with these arguments.
fn calls(function: &str, arguments: &[i32], result: bool) -> Input {
    Input::new(Kind::Modules(vec![host(function, arguments, result, endless)])).with_input(1 << 20)
}

/// A module that calls a function of the host; `repeat` makes one call many.
fn host(function: &str, arguments: &[i32], result: bool, repeat: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let results: &[u8] = if result { &[I32] } else { &[] };
    let call: Vec<u8> = arguments.iter().flat_map(|argument| i32_const(*argument)).chain([0x10, 0]).collect();
    let call = if result { [&call[..], &[DROP]].concat() } else { call };
    Wasm::new()
        .ty(&vec![I32; arguments.len()], results)
        .ty(&[], &[])
        .import("env", function, 0)
        .memory(1)
        .export("memory", 2, 0)
        .func(1, &[&[1, 1, I32][..], &repeat(&call), &[END]].concat())
        .export("_start", 0, 1)
        .build()
}

fn logs(messages: i32, bytes: i32) -> Input {
    host("log", &[0, bytes], false, |call| times(messages, call)).into()
}

/// A loop of so many turns; it counts in local 0.
pub(super) fn times(turns: i32, operators: &[u8]) -> Vec<u8> {
    let next = [&[0x20, 0, 0x41, 1, 0x6a, 0x22, 0][..], &i32_const(turns), &[0x48, 0x0d, 0, END]].concat();
    [&[0x03, EMPTY], operators, &next].concat()
}

fn in_turn(count: u8, by: i32, operator: u8) -> Vec<u8> {
    (0..count).flat_map(|index| [i32_const(by), vec![operator, index, DROP]].concat()).collect()
}

pub(super) fn table_grow(table: u8, by: i32) -> Vec<u8> {
    [vec![0xd0, FUNCREF], i32_const(by), vec![0xfc, 15, table, DROP]].concat()
}

fn alloc_for_ever() -> Input {
    Input::from(
        Wasm::new()
            .ty(&[I32], &[I32])
            .ty(&[I32, I32], &[I32])
            .func(0, &[&[0][..], &endless(&[]), &[0, END]].concat())
            .func(1, &[0, 0x41, 0, END])
            .memory(1)
            .export("memory", 2, 0)
            .export("alloc", 0, 0)
            .export("execute", 0, 1)
            .build(),
    )
    .with_input(10)
}

/// `f(n)` calls `f(n - 1)` until that is 0.
fn to_and_fro() -> Input {
    let down = [&[0, 0x20, 0, 0x04, EMPTY, 0x20, 0, 0x41, 1, 0x6b, 0x10, 0, END][..], &[END]].concat();
    let again = [&[0][..], &endless(&[i32_const(9_990), vec![0x10, 0]].concat()), &[END]].concat();
    Wasm::new().ty(&[I32], &[]).ty(&[], &[]).func(0, &down).func(1, &again).export("_start", 0, 1).into()
}

/// Operands that have to be in place at the time of the call.
fn many_operands() -> Input {
    let operands: Vec<u8> = [0x20, 0].repeat(10_000);
    let drops = [DROP].repeat(10_000);
    run(&[&[1, 1, I32][..], &operands, &[0x02, EMPTY, END, 0x10, 0], &drops].concat()).into()
}
