//! Bytes of memories, and operators.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{session::Session, words};
use super::{
    data::parsed,
    member,
    stack::{self, Bases},
};
use crate::{base64, show};

/// Most bytes that a response has, and most operators.
const MAX_BYTES: u64 = 1 << 20;
const MAX_OPERATORS: u64 = 10_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    memory_reference: String,
    #[serde(default)]
    offset: i64,
    count: u64,
}

/// Answers `readMemory`. A reference is an address, in another memory than the first with its index before: `1:0x400`.
pub fn read(session: &mut Session<'_>, arguments: &Value) -> Result<Value, String> {
    let Read { memory_reference, offset, count } = parsed("readMemory", arguments)?;
    let (memory, address) = memory_reference.split_once(':').unwrap_or(("0", &memory_reference));
    let memory = words::index(memory)?;
    let start = i128::from(words::number(address)?) + i128::from(offset);
    let bytes = session.debugger.memory(memory).ok_or_else(|| format!("there is no memory {memory}"))?;
    let wanted = count.min(MAX_BYTES);
    let found = usize::try_from(start).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
    let found = found.get(..found.len().min(wanted as usize)).unwrap_or_default();
    let mut body = json!({ "address": format!("{:#x}", start.max(0)), "data": base64::encode(found) });
    let unreadable = wanted - found.len() as u64;
    if unreadable > 0 {
        member::set(&mut body, "unreadableBytes", unreadable);
    }
    Ok(body)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Disassembled {
    memory_reference: String,
    #[serde(default)]
    offset: i64,
    #[serde(default)]
    instruction_offset: i64,
    instruction_count: u64,
}

/// Answers `disassemble` with the number of operators that was asked for. Those before the first and behind the last are
/// invalid.
pub fn disassemble(session: &Session<'_>, bases: Bases, arguments: &Value) -> Result<Value, String> {
    let Disassembled { memory_reference, offset, instruction_offset, instruction_count } =
        parsed("disassemble", arguments)?;
    if instruction_count > MAX_OPERATORS {
        return Err(format!("at most {MAX_OPERATORS} operators are disassembled at once"));
    }
    let middle = i128::from(words::number(&memory_reference)?) + i128::from(offset);
    let offsets = session.debugger.offsets();
    let first = offsets.partition_point(|at| i128::from(*at) < middle) as i128 + i128::from(instruction_offset);
    let invalid = |at: i128| json!({ "address": format!("{at:#x}"), "instruction": "", "presentationHint": "invalid" });
    let (lowest, highest) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
    let numbers = (0..i128::from(instruction_count)).map(|number| first + number);
    let instructions =
        numbers.map(|number| match usize::try_from(number).ok().and_then(|number| offsets.get(number)) {
            Some(at) => instruction(session, bases, *at),
            // Clients tell them apart by their addresses.
            None if number < 0 => invalid((i128::from(lowest) + number).max(0)),
            None => invalid(i128::from(highest) + 1 + number - offsets.len() as i128),
        });
    Ok(json!({ "instructions": instructions.collect::<Vec<_>>() }))
}

fn instruction(session: &Session<'_>, bases: Bases, at: u32) -> Value {
    let name = session.debugger.operators(at, 1).pop().map(|(_, name)| show::name(&name)).unwrap_or_default();
    let mut shown = json!({ "address": format!("{at:#x}"), "instruction": name });
    if let Some(function) = session.debugger.function_at(at) {
        member::set(&mut shown, "symbol", words::function_name(&session.debugger, function));
    }
    if let Some(location) = session.debugger.locations(at).first() {
        let mut place = json!({});
        stack::place_at(&mut place, session, bases, location);
        member::set(&mut shown, "location", member::take(&mut place, "source"));
        member::set(&mut shown, "line", member::take(&mut place, "line"));
        member::set(&mut shown, "column", member::take(&mut place, "column"));
    }
    shown
}
