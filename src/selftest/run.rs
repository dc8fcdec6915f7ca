//! Checks of runs: limits, faults, and errors of the guest.

use super::list;

/// Builds a loop with this many iterations, counted in local 0.
macro_rules! times {
    ($count:literal, $body:literal) => {
        concat!(
            "(local i32) (loop ",
            $body,
            " (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br_if 0 (i32.lt_u (local.get 0) (i32.const ",
            $count,
            "))))"
        )
    };
}

/// Builds a module with a memory of one page and these fields.
macro_rules! module {
    ($($field:expr),*) => { concat!("(module (memory (export \"memory\") 1)", $($field,)* ")") };
}

/// Builds a module that imports a function of `env` with this type, has a memory of one page, and this entry function.
macro_rules! calls {
    ($name:literal, $ty:literal, $body:expr) => {
        concat!(
            "(module (import \"env\" \"",
            $name,
            "\" (func ",
            $ty,
            ")) (memory (export \"memory\") 1)
            (func (export \"_start\") ",
            $body,
            "))"
        )
    };
}

/// Builds a module with this entry function.
macro_rules! does {
    ($body:expr) => {
        module!("(func (export \"_start\") ", $body, ")")
    };
}

const FUEL: &str = "limits.fuel = 10_000";

list! {
    "fuel", "100,000 turns of a loop", "limits.fuel", FUEL => "stopped: fuel", Module(does!(times!(100_000, "")));
    "fuel-bulk", "1,000 fills of a page", "limits.fuel", FUEL => "stopped: fuel",
        Module(does!(times!(1_000, "(memory.fill (i32.const 0) (i32.const 7) (i32.const 65536))")));
    "fuel-host", "1,000 messages that are dropped", "limits.fuel", "log = \"off\"\nlimits.fuel = 10_000"
        => "stopped: fuel", Module(calls!("log", "(param i32 i32)", times!(1_000, "(call 0 (i32.const 0) (i32.const 65536))")));
    "memory", "8 growths by a page", "limits.memory_bytes", "limits.memory_bytes = 131_072" => "stopped: memory",
        Module(does!(times!(8, "(drop (memory.grow (i32.const 1)))")));
    "memory-initial", "two memories of a page", "limits.memory_bytes", "limits.memory_bytes = 65_536"
        => "refused: limits.memory_bytes", Module("(module (memory 1) (memory 1))");
    "memory-refused", "a growth that may not be", "limits.memory_bytes",
        "on_growth_limit = \"refuse\"\nlimits.memory_bytes = 131_072" => "done",
        Module(does!("(local i32) (local.set 0 (memory.grow (i32.const 4)))
            (if (i32.ne (local.get 0) (i32.const -1)) (then (unreachable)))"));
    "table", "a growth by 8 elements", "limits.table_elements", "limits.table_elements = 10" => "stopped: table",
        Module(module!("(table 4 funcref) (func (export \"_start\") (drop (table.grow 0 (ref.null func) (i32.const 8))))"));
    "table-initial", "a table of 11 elements", "limits.table_elements", "limits.table_elements = 10"
        => "refused: limits.table_elements", Module("(module (table 11 funcref))");
    "call-depth", "100 calls within each other", "limits.call_depth", "limits.call_depth = 16" => "stopped: stack",
        Module("(module (func (param i32) (if (local.get 0) (then (call 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export \"_start\") (call 0 (i32.const 100))))");
    "value-stack", "100 calls with 16 locals each", "limits.value_stack_bytes", "limits.value_stack_bytes = 4_096"
        => "stopped: stack",
        Module("(module (func (param i32) (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
            (if (local.get 0) (then (call 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export \"_start\") (call 0 (i32.const 100))))");
    "output", "11 bytes of output", "limits.output_bytes", "limits.output_bytes = 10" => "stopped: output",
        Module(calls!("write_output", "(param i32 i32)", "(call 0 (i32.const 0) (i32.const 11))"));
    "log-lines", "4 messages", "limits.log_lines", "limits.log_lines = 3" => "done, the log cut",
        Module(calls!("log", "(param i32 i32)", times!(4, "(call 0 (i32.const 0) (i32.const 1))")));
    "log-bytes", "a message of 11 bytes", "limits.log_bytes", "limits.log_bytes = 10" => "done, the log cut",
        Module(calls!("log", "(param i32 i32)", "(call 0 (i32.const 0) (i32.const 11))"));
    "host-calls", "4 calls of the host", "limits.host_calls", "limits.host_calls = 3" => "stopped: host calls",
        Module(calls!("input_len", "(result i32)", times!(4, "(drop (call 0))")));
    "deadline", "1,000,000 turns of a loop within a millisecond", "deadline_ms",
        "deadline_ms = 1\nlimits.fuel = 100_000_000" => "stopped: deadline", Module(does!(times!(1_000_000, "")));
    "fault-fuel", "a fault in the middle of a loop", "faults.stop_at_fuel", "faults.stop_at_fuel = 5_000"
        => "stopped: injected", Module(does!(times!(10_000, "")));
    "fault-host-call", "a fault in the third call of the host", "faults.fail_host_call", "faults.fail_host_call = 3"
        => "stopped: injected", Module(calls!("input_len", "(result i32)", times!(4, "(drop (call 0))")));
    "fault-growth", "a growth that is denied", "faults.deny_growth", "faults.deny_growth = 1" => "done",
        Module(does!("(local i32) (local.set 0 (memory.grow (i32.const 1)))
            (if (i32.ne (local.get 0) (i32.const -1)) (then (unreachable)))"));
    "start-function", "a start function, which comes before the entry", "start function", "" => "done",
        Module(module!("(global (mut i32) (i32.const 0)) (start 0) (func (global.set 0 (i32.const 1)))
            (func (export \"_start\") (if (i32.eqz (global.get 0)) (then (unreachable))))"));
    "start-function-fuel", "100,000 turns of a loop in a start function", "start function", FUEL => "stopped: fuel",
        Module(module!("(start 0) (func ", times!(100_000, ""), ") (func (export \"_start\"))"));
    "slices", "a loop with stores and output, whole and in slices", "slices", "" => "done",
        Module(calls!("write_output", "(param i32 i32)",
            times!(20, "(i32.store (i32.const 0) (local.get 0)) (call 0 (i32.const 0) (i32.const 4))")));
    "dispatch", "a sandbox, which asks first whether the engine keeps to its stack", "dispatch", "" => "done",
        Module(does!(""));
    "host-panic", "a call of a host function that panics", "host panic", "" => "stopped: host panic",
        Panic("(module (import \"host\" \"panic\" (func)) (func (export \"_start\") (call 0)))");
    "trap-unreachable", "an operator that traps", "traps", "" => "stopped: trap", Module(does!("(unreachable)"));
    "trap-division", "a division by zero", "traps", "" => "stopped: trap",
        Module(does!("(local i32) (drop (i32.div_s (local.get 0) (local.get 0)))"));
    "trap-conversion", "a float that no integer is near to", "traps", "" => "stopped: trap",
        Module(does!("(local f64) (local.set 0 (f64.const 1e300)) (drop (i32.trunc_f64_s (local.get 0)))"));
    "trap-memory", "a load behind the end of a memory", "traps", "" => "stopped: trap",
        Module(does!("(local i32) (local.set 0 (i32.const 65533)) (drop (i32.load (local.get 0)))"));
    "trap-table", "an indirect call of an element that is not there", "traps", "" => "stopped: trap",
        Module("(module (type (func)) (table 1 funcref)
            (func (export \"_start\") (local i32) (local.set 0 (i32.const 1)) (call_indirect (type 0) (local.get 0))))");
    "abi", "output from outside the memory", "abi", "" => "stopped: abi",
        Module(calls!("write_output", "(param i32 i32)", "(call 0 (i32.const 65536) (i32.const 1))"));
}
