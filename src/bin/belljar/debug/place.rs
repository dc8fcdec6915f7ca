//! Places of a run as text, in which what comes from the module is escaped.

use belljar::{
    Value,
    explain::{Frame, Local, Location},
};

use crate::show;

/// Returns the names of the functions of a frame with their places: those inlined at its operator first, itself last.
pub fn functions(frame: &Frame) -> Vec<(String, Option<&Location>)> {
    let own = frame.name.as_deref().map_or_else(|| format!("function {}", frame.function), show::name);
    let Some((_, inlined)) = frame.locations.split_last() else { return vec![(own, None)] };
    let inlined = inlined.iter().map(|location| {
        let name = location.function.as_deref().map_or_else(|| "(inlined)".into(), show::name);
        (name, Some(location))
    });
    inlined.chain([(own.clone(), frame.locations.last())]).collect()
}

/// Returns a function with its place in the source: `digit at explain/parser.c:19:13`.
pub fn function((name, location): &(String, Option<&Location>)) -> String {
    location.map_or_else(|| name.clone(), |location| format!("{name} at {location}"))
}

/// Returns the innermost function of a frame with its place, and the operator with its offset.
pub fn frame(frame: &Frame) -> String {
    let innermost = functions(frame).first().map(function).unwrap_or_default();
    format!("{innermost}, {:#x} {}", frame.offset, operator(frame))
}

/// Returns the operator of a frame with its operands: `i32.load at 0x10f000 + 8`.
pub fn operator(frame: &Frame) -> String {
    let mut text = show::name(&frame.operator);
    if let Some(callee) = &frame.callee {
        text += &format!(" {}", show::name(callee));
    }
    let operands: Vec<_> = frame.operands.iter().map(Value::to_string).collect();
    match (frame.access_offset, frame.operands.split_first()) {
        (Some(offset), Some((Value::I32(address), values))) => {
            text += &format!(" at {:#x} + {offset}", *address as u32);
            text.extend(values.first().map(|value| format!(" of {value}")));
        }
        (_, Some(_)) => text += &format!(" {}", operands.join(", ")),
        (_, None) => {}
    }
    text
}

/// Returns a local by name or index.
pub fn local<'f>(frame: &'f Frame, text: &str) -> Option<&'f Local> {
    let by_name = frame.locals.iter().find(|local| local.name.as_deref() == Some(text));
    by_name.or_else(|| frame.locals.iter().find(|local| local.index.to_string() == text))
}

/// Returns the name of a local, or its index.
pub fn local_name(local: &Local) -> String {
    local.name.as_deref().map_or_else(|| local.index.to_string(), show::name)
}

/// Returns a value with its type: `i32 5 (0x5)`.
pub fn value(value: &Value) -> String {
    match value {
        Value::I32(number) => format!("i32 {number} ({number:#x})"),
        Value::I64(number) => format!("i64 {number} ({number:#x})"),
        other => format!("{} {other}", other.ty()),
    }
}
