//! Scopes, variables and expressions.

use belljar::Value;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::super::{place, session::Session};
use super::{member, stack::frame_of};
use crate::show;

/// The reference of the globals; behind it are those of the locals and operands of each frame.
pub const GLOBALS: u64 = 1;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scoped {
    frame_id: u64,
}

/// Answers `scopes`.
pub fn scopes(session: &Session<'_>, arguments: &Json) -> Result<Json, String> {
    let Scoped { frame_id } = parsed("scopes", arguments)?;
    let number = frame_of(frame_id);
    let scope =
        |name: &str, reference: u64| json!({ "name": name, "variablesReference": reference, "expensive": false });
    let mut scopes = Vec::new();
    if let Some(frame) = session.frames().get(number) {
        let mut locals = scope("Locals", 2 + 2 * number as u64);
        member::set(&mut locals, "presentationHint", "locals");
        scopes.push(locals);
        if !frame.operands.is_empty() {
            scopes.push(scope("Operands", 3 + 2 * number as u64));
        }
    }
    scopes.push(scope("Globals", GLOBALS));
    Ok(json!({ "scopes": scopes }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    variables_reference: u64,
    start: Option<u64>,
    count: Option<u64>,
    #[serde(default)]
    format: Form,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Form {
    hex: bool,
}

/// Answers `variables`.
pub fn variables(session: &mut Session<'_>, arguments: &Json) -> Result<Json, String> {
    let Listed { variables_reference, start, count, format } = parsed("variables", arguments)?;
    let values: Vec<(String, String, Option<Value>)> = if variables_reference == GLOBALS {
        let globals = session.debugger.globals().into_iter().enumerate();
        globals.map(|(index, value)| (index.to_string(), format!("global {index}"), value)).collect()
    } else {
        let number = variables_reference.checked_sub(2).ok_or("there are no such variables")?;
        let frame = usize::try_from(number / 2).ok().and_then(|number| session.frames().get(number));
        let frame = frame.ok_or("there are no such variables")?;
        if number.is_multiple_of(2) {
            let locals = frame.locals.iter();
            locals.map(|local| (place::local_name(local), place::local_name(local), Some(local.value))).collect()
        } else {
            let operands = frame.operands.iter().enumerate();
            operands.map(|(index, value)| (index.to_string(), String::new(), Some(*value))).collect()
        }
    };
    let start = usize::try_from(start.unwrap_or(0)).unwrap_or(usize::MAX);
    let count = count.filter(|count| *count > 0).and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let variables = values.into_iter().skip(start).take(count).map(|(name, expression, value)| {
        let mut variable = shown(value, format.hex);
        let result = member::take(&mut variable, "result");
        member::set(&mut variable, "value", result);
        member::set(&mut variable, "name", name);
        if !expression.is_empty() {
            member::set(&mut variable, "evaluateName", expression);
        }
        variable
    });
    Ok(json!({ "variables": variables.collect::<Vec<_>>() }))
}

/// Answers `evaluate` for an expression: a local, by name or index, or `global N`.
pub fn evaluate(session: &mut Session<'_>, expression: &str, hex: bool) -> Result<Json, String> {
    let expression = expression.trim();
    if let Some(global) = expression.strip_prefix("global ") {
        let global: usize = global.trim().parse().map_err(|_| format!("`{}` is no global", show::name(expression)))?;
        let value = session.debugger.globals().get(global).copied();
        return Ok(shown(value.ok_or_else(|| format!("there is no global {global}"))?, hex));
    }
    let local = place::local(session.frame()?, expression);
    let local = local.ok_or_else(|| format!("there is no local `{}`", show::name(expression)))?;
    Ok(shown(Some(local.value), hex))
}

/// Returns a value as the result of an expression; `None` is a reference.
fn shown(value: Option<Value>, hex: bool) -> Json {
    let Some(value) = value else { return json!({ "result": "a reference", "variablesReference": 0 }) };
    let text = match value {
        Value::I32(value) if hex => format!("{value:#x}"),
        Value::I64(value) if hex => format!("{value:#x}"),
        other => other.to_string(),
    };
    let mut shown = json!({ "result": text, "type": value.ty().to_string(), "variablesReference": 0 });
    let address = match value {
        Value::I32(value) => Some(u64::from(value as u32)),
        Value::I64(value) => Some(value as u64),
        _ => None,
    };
    if let Some(address) = address {
        member::set(&mut shown, "memoryReference", format!("{address:#x}"));
    }
    shown
}

/// Parses the arguments of a request.
pub fn parsed<'a, T: Deserialize<'a>>(command: &str, arguments: &'a Json) -> Result<T, String> {
    T::deserialize(arguments).map_err(|error| format!("arguments of `{command}`: {error}"))
}
