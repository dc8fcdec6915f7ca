//! Breakpoints that clients set.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{
    points::{MAX_POINTS, Owner},
    session::Session,
    words::{self, Named},
};
use super::{
    data::{GLOBALS, parsed},
    member,
    stack::{Bases, source},
};
use crate::show;

#[derive(Debug, Deserialize)]
struct InSource {
    source: SourceFile,
    #[serde(default)]
    breakpoints: Vec<SourceLine>,
}

#[derive(Debug, Deserialize)]
struct SourceFile {
    path: Option<PathBuf>,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SourceLine {
    line: u32,
}

/// Answers `setBreakpoints`.
pub fn in_source(session: &mut Session<'_>, bases: Bases, arguments: &Value) -> Result<Value, String> {
    let InSource { source: file, breakpoints } = parsed("setBreakpoints", arguments)?;
    let path = file.path.map(|path| path.to_string_lossy().into_owned()).or(file.name);
    let path = path.ok_or("the source has neither a path nor a name")?;
    let owner = Owner::Source(path.clone());
    set(session, owner, breakpoints, |session, SourceLine { line }| {
        let (named, line) = words::line(&session.debugger, &path, bases.line_in(*line))?;
        let mut more = json!({ "line": bases.line_out(line) });
        let operator = named.breakpoints.first().and_then(|breakpoint| match breakpoint {
            belljar::explain::Breakpoint::Operator(at) => Some(*at),
            _ => None,
        });
        if let Some(at) = operator {
            member::set(&mut more, "instructionReference", format!("{at:#x}"));
            if let Some(location) = session.debugger.locations(at).first() {
                member::set(&mut more, "source", source(session, &location.file));
            }
        }
        Ok((named, more))
    })
}

#[derive(Debug, Deserialize)]
struct OfFunctions {
    breakpoints: Vec<FunctionName>,
}

#[derive(Debug, Deserialize)]
struct FunctionName {
    name: String,
}

/// Answers `setFunctionBreakpoints`.
pub fn of_functions(session: &mut Session<'_>, arguments: &Value) -> Result<Value, String> {
    let OfFunctions { breakpoints } = parsed("setFunctionBreakpoints", arguments)?;
    set(session, Owner::Functions, breakpoints, |session, FunctionName { name }| {
        Ok((words::place_of_code(session, name.trim())?, json!({})))
    })
}

#[derive(Debug, Deserialize)]
struct OfOperators {
    breakpoints: Vec<OperatorAt>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OperatorAt {
    instruction_reference: String,
    #[serde(default)]
    offset: i64,
}

/// Answers `setInstructionBreakpoints`.
pub fn of_operators(session: &mut Session<'_>, arguments: &Value) -> Result<Value, String> {
    let OfOperators { breakpoints } = parsed("setInstructionBreakpoints", arguments)?;
    set(session, Owner::Instructions, breakpoints, |session, at| {
        let offset = words::number(&at.instruction_reference)?.checked_add_signed(at.offset);
        let offset = offset.ok_or("the offset is out of range")?;
        let named = words::operator(&session.debugger, offset)?;
        Ok((named, json!({ "instructionReference": format!("{offset:#x}") })))
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataInfo {
    name: String,
    #[serde(default)]
    variables_reference: u64,
    bytes: Option<u64>,
    #[serde(default)]
    as_address: bool,
}

/// Answers `dataBreakpointInfo`. The number of what can be watched is how the command `watch` names it.
pub fn data_info(session: &mut Session<'_>, arguments: &Value) -> Result<Value, String> {
    let DataInfo { name, variables_reference, bytes, as_address } = parsed("dataBreakpointInfo", arguments)?;
    let none = |why: String| Ok(json!({ "dataId": null, "description": why }));
    let id = match variables_reference {
        0 if as_address || bytes.is_some() => format!("{}+{}", name.trim(), bytes.unwrap_or(1)),
        0 => name.trim().to_owned(),
        GLOBALS => format!("global {name}"),
        _ => return none("locals and operands are in no memory, so no store can be watched".into()),
    };
    match words::watched(session, &id) {
        Ok(Named { text, .. }) => Ok(json!({ "dataId": id, "description": text, "accessTypes": ["write"] })),
        Err(error) => none(error),
    }
}

#[derive(Debug, Deserialize)]
struct OfData {
    breakpoints: Vec<DataId>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataId {
    data_id: String,
    access_type: Option<String>,
}

/// Answers `setDataBreakpoints`.
pub fn of_data(session: &mut Session<'_>, arguments: &Value) -> Result<Value, String> {
    let OfData { breakpoints } = parsed("setDataBreakpoints", arguments)?;
    set(session, Owner::Data, breakpoints, |session, DataId { data_id, access_type }| {
        if access_type.as_deref().is_some_and(|access| access != "write") {
            return Err("only what is written can be watched".into());
        }
        Ok((words::watched(session, data_id)?, json!({})))
    })
}

/// Replaces the breakpoints of an owner. Those that cannot be set say why.
fn set<T>(
    session: &mut Session<'_>,
    owner: Owner,
    wanted: Vec<T>,
    named: impl Fn(&mut Session<'_>, &T) -> Result<(Named, Value), String>,
) -> Result<Value, String> {
    if wanted.len() > MAX_POINTS {
        return Err(format!("more than {}", show::count(MAX_POINTS as u64, "breakpoint")));
    }
    session.points.clear(&owner);
    let set = wanted.iter().map(|wanted| {
        let added = named(session, wanted).and_then(|(named, more)| {
            let point = session.points.add(owner.clone(), named.text, named.breakpoints)?;
            Ok((point.number, more))
        });
        match added {
            Ok((number, mut more)) => {
                member::set(&mut more, "id", number);
                member::set(&mut more, "verified", true);
                more
            }
            Err(message) => json!({ "verified": false, "message": message, "reason": "failed" }),
        }
    });
    Ok(json!({ "breakpoints": set.collect::<Vec<_>>() }))
}
