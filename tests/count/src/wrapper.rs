//! Functions in the place of imported ones, which tell what the host's work costs.

use wasm_encoder::{Function, InstructionSink, ValType};

use crate::{
    body::{Globals, add},
    host,
    prices::{BYTES, OUTPUT_BYTES, Prices},
};

/// An imported function.
#[derive(Debug)]
pub struct Imported {
    pub ty: u32,
    params: u32,
    work: Work,
}

/// The price of a call, beside that of every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// One function of the interface `env`, as the docs have it.
    Nothing,
    /// Moves as many bytes as the result says.
    Given,
    /// Moves as many bytes as the last parameter says.
    Taken,
    /// As that, and adds them to the output.
    Output,
    /// Does not return, and keeps as many bytes as the last parameter says, but no more than 4,096.
    Words,
    /// Does not return.
    Ends,
    /// Is called by a function between, which does nothing but hand on.
    Later,
    /// Any other: the meter is asked before and after.
    Asked,
}

/// The bytes that are kept of the words of `fail`.
const WORDS: i32 = 4_096;

impl Imported {
    /// Returns the function of this name.
    pub fn new(module: &str, name: &str, ty: u32, params: u32) -> Imported {
        let work = match (module, name.trim_start_matches("host_")) {
            ("env", "input_len" | "get_input_len") => Work::Nothing,
            ("env", "read_input") => Work::Given,
            ("env", "write_output") => Work::Output,
            ("env", "log" | "log_at") => Work::Taken,
            ("env", "fail") => Work::Words,
            ("env", "abort" | "process.exit") | (_, "proc_exit") => Work::Ends,
            (host::OWN, host::LATER) => Work::Later,
            _ => Work::Asked,
        };
        Imported { ty, params, work }
    }

    /// Returns whether the meter is asked what the function costs.
    pub fn is_asked(&self) -> bool {
        self.work == Work::Asked
    }
}

/// Makes the wrapper of an import with this index; the function that tells how much fuel is left has another.
pub fn wrapper(import: &Imported, index: u32, fuel_left: u32, globals: Globals, prices: &Prices) -> Function {
    let last = import.params.wrapping_sub(1);
    let mut function = Function::new([(1, ValType::I64)]);
    let code = &mut function.instructions();
    let host = globals.host;
    match import.work {
        Work::Asked => {
            let before = import.params;
            code.call(fuel_left).local_set(before);
            call(code, import, index);
            code.global_get(host).local_get(before).i64_add();
            // The second question is paid for before it is answered.
            code.call(fuel_left).i64_sub().i64_const(prices.host_call as i64).i64_sub().global_set(host);
        }
        Work::Ends => {
            add(code, host, prices.host_call);
            add(code, globals.exits, 1);
            call(code, import, index);
        }
        Work::Words => {
            add(code, host, prices.host_call);
            code.global_get(host);
            code.i32_const(WORDS).local_get(last).i32_const(WORDS).local_get(last).i32_lt_u().select();
            rounded_up(code, BYTES);
            code.i64_add().global_set(host);
            call(code, import, index);
        }
        Work::Nothing => {
            call(code, import, index);
            add(code, host, prices.host_call);
        }
        Work::Later => {
            call(code, import, index);
            let between =
                prices.entry + u64::from(import.params) * prices.operator("local_get") + prices.operator("call");
            add(code, host, prices.host_call + between);
        }
        Work::Given => {
            call(code, import, index);
            code.i64_extend_i32_u().local_tee(import.params);
            code.global_get(host).local_get(import.params).i32_wrap_i64();
            rounded_up(code, BYTES);
            code.i64_add().global_set(host).i32_wrap_i64();
            add(code, host, prices.host_call);
        }
        Work::Taken | Work::Output => {
            call(code, import, index);
            code.global_get(host).local_get(last);
            rounded_up(code, if import.work == Work::Output { OUTPUT_BYTES } else { BYTES });
            code.i64_add().global_set(host);
            add(code, host, prices.host_call);
        }
    }
    code.end();
    function
}

fn call(code: &mut InstructionSink<'_>, import: &Imported, index: u32) {
    for param in 0..import.params {
        code.local_get(param);
    }
    code.call(index);
}

/// Divides a number on the stack, which has 32 bits, and leaves 64.
fn rounded_up(code: &mut InstructionSink<'_>, unit: u64) {
    code.i64_extend_i32_u().i64_const(unit as i64 - 1).i64_add().i64_const(unit as i64).i64_div_u();
}
