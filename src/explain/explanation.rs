//! Explanations of stops.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::Serialize;

use super::symbols::{Symbols, location::Location};
use crate::{
    data::{text::escape, value::Value},
    error::{StopReason, Stopped},
    load::{instrument::FIRST_OPERAND, operator_name::operator_at},
    run::machine::Called,
};

/// Explanation of a stop: the functions that were being called.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Reason of the stop.
    pub reason: StopReason,
    /// Fuel at which the guest stopped.
    pub fuel: u64,
    /// Functions that were being called, the innermost first. Empty if the stop was before the first.
    pub frames: Vec<Frame>,
    /// Size of the exported memory in bytes when the guest stopped.
    pub memory_bytes: u64,
    /// Parts of the module's names and debugging information that were not read, and why.
    pub problems: Vec<String>,
}

/// Function that was being called.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Frame {
    /// Index of the function.
    pub function: u32,
    /// Name of the function, if the module has one.
    pub name: Option<String>,
    /// Offset in the module of the operator: in the innermost frame that at which the run stopped, in others the call.
    pub offset: u32,
    /// Name of the operator, as in the text format.
    pub operator: String,
    /// Operands of the operator, except references; of the innermost sixteen frames only. Empty for bulk operators and
    /// growths, and where the run ran out of fuel between two operators.
    pub operands: Vec<Value>,
    /// What a load or store adds to its address.
    pub access_offset: Option<u64>,
    /// Places in the source, that of the innermost inlined function first. Empty without debugging information.
    pub locations: Vec<Location>,
    /// Values of parameters and locals, except references, at most 64; of the innermost sixteen frames only.
    pub locals: Vec<Local>,
}

/// Parameter or local of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Local {
    /// Index in the function.
    pub index: u32,
    /// Name, if the module has one.
    pub name: Option<String>,
    /// Value.
    pub value: Value,
}

/// Bytes of a name that are shown.
const MAX_NAME: usize = 1_000;

impl Explanation {
    pub(super) fn new(wasm: &[u8], stopped: &Stopped, called: &[Called], memory_bytes: u64) -> Explanation {
        let symbols = Symbols::read(wasm);
        Explanation {
            reason: stopped.reason.clone(),
            fuel: stopped.usage.fuel,
            frames: called.iter().map(|called| Frame::new(wasm, &symbols, called)).collect(),
            memory_bytes,
            problems: symbols.problems().iter().map(ToString::to_string).collect(),
        }
    }
}

impl Frame {
    fn new(wasm: &[u8], symbols: &Symbols, called: &Called) -> Frame {
        let Called { function, at, .. } = *called;
        let (operator, access_offset) = operator_at(wasm, at).unwrap_or_default();
        let (operands, locals): (Vec<_>, Vec<_>) =
            called.values.iter().copied().partition(|(number, _)| *number >= FIRST_OPERAND);
        let local = |(index, value)| {
            let name = symbols.local(function, index).map(String::from);
            Local { index, name, value }
        };
        Frame {
            function,
            name: symbols.function(function).map(String::from),
            offset: at,
            operator,
            operands: operands.into_iter().map(|(_, value)| value).collect(),
            access_offset,
            locations: symbols.locate(at),
            locals: locals.into_iter().map(local).collect(),
        }
    }
}

impl fmt::Display for Explanation {
    /// Formats the functions, the innermost first, each with its places in the source, as `wasmtime` does; in the first
    /// also the operands of the operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = 0;
        for (depth, frame) in self.frames.iter().enumerate() {
            let inlined = frame.locations.len().saturating_sub(1);
            for (level, location) in frame.locations.iter().enumerate() {
                let name = if level < inlined { location.function.as_deref() } else { frame.name.as_deref() };
                write_line(f, &mut number, name, frame)?;
                writeln!(f, "            at {location}")?;
            }
            if frame.locations.is_empty() {
                write_line(f, &mut number, frame.name.as_deref(), frame)?;
            }
            if depth == 0 {
                self.write_operator(f, frame)?;
            }
        }
        Ok(())
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, number: &mut u32, name: Option<&str>, frame: &Frame) -> fmt::Result {
    write!(f, "{number:>5}: {:#8x} - ", frame.offset)?;
    *number += 1;
    match name {
        Some(name) => writeln!(f, "{}", escape(name, MAX_NAME)),
        None => writeln!(f, "function {}", frame.function),
    }
}

impl Explanation {
    /// Writes the operator of the innermost frame with its operands: `i32.load at 0x10f000 + 8, memory is 0x10000`.
    fn write_operator(&self, f: &mut fmt::Formatter<'_>, frame: &Frame) -> fmt::Result {
        write!(f, "            {}", frame.operator)?;
        match (frame.access_offset, frame.operands.split_first()) {
            (Some(offset), Some((Value::I32(address), values))) => {
                write!(f, " at {:#x} + {offset}", *address as u32)?;
                if let Some(value) = values.first() {
                    write!(f, " of {value}")?;
                }
                write!(f, ", memory is {:#x}", self.memory_bytes)?;
            }
            (_, Some((first, others))) => {
                write!(f, " {first}")?;
                others.iter().try_for_each(|value| write!(f, ", {value}"))?;
            }
            (_, None) => {}
        }
        writeln!(f)
    }
}
