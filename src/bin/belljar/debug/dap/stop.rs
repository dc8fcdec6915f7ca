//! Places where a run has stopped, as clients see them.

use belljar::{StopReason, explain::Direction};
use serde_json::{Value, json};

use super::super::{
    points::Owner,
    session::{Movement, Session},
};
use super::member;

/// The filter of exceptions: runs that are stopped.
pub const FILTER: &str = "stopped";

/// The one thread.
pub const THREAD: u64 = 1;

/// Returns the body of a `stopped` event with a reason.
pub fn because(session: &Session<'_>, reason: &str) -> Value {
    json!({
        "reason": reason,
        "description": session.place(),
        "threadId": THREAD,
        "allThreadsStopped": true,
    })
}

/// Returns the body of the `stopped` event behind a movement; `has_exceptions` says whether a run that is stopped is one.
pub fn behind(session: &Session<'_>, moved: Option<(Movement, Direction)>, has_exceptions: bool) -> Value {
    if session.is_at_end()
        && has_exceptions
        && let Err(stopped) = session.debugger.result()
        && !matches!(moved, Some((_, Direction::Backward)))
    {
        let mut body = because(session, "exception");
        member::set(&mut body, "text", stopped.reason.to_string());
        return body;
    }
    if let Some(arrival) = session.arrival() {
        return at_point(session, arrival.number);
    }
    because(
        session,
        match moved {
            None => "goto",
            Some((Movement::Resume, Direction::Forward)) => "pause",
            Some((Movement::Resume, Direction::Backward)) => "entry",
            Some(_) => "step",
        },
    )
}

/// Returns the body of the `stopped` event at a breakpoint.
pub fn at_point(session: &Session<'_>, number: u32) -> Value {
    let point = session.points.all().iter().find(|point| point.number == number);
    let mut body = because(
        session,
        match point {
            Some(point) if point.is_watch() => "data breakpoint",
            Some(point) if point.owner == Owner::Functions => "function breakpoint",
            Some(point) if point.owner == Owner::Instructions => "instruction breakpoint",
            _ => "breakpoint",
        },
    );
    member::set(&mut body, "hitBreakpointIds", json!([number]));
    body
}

/// Returns why a run was stopped, for `exceptionInfo`.
pub fn exception(session: &Session<'_>) -> Result<Value, String> {
    let Err(stopped) = session.debugger.result() else {
        return Err("the run is not stopped by a trap, a limit or a failure".into());
    };
    if !session.is_at_end() {
        return Err("the run is stopped at a later step".into());
    }
    Ok(json!({
        "exceptionId": kind(&stopped.reason),
        "description": stopped.reason.to_string(),
        "breakMode": "always",
        "details": { "message": stopped.reason.to_string(), "typeName": kind(&stopped.reason) },
    }))
}

/// Returns the name of a reason: the key of its JSON, such as `trap`.
fn kind(reason: &StopReason) -> String {
    let first = serde_json::to_value(reason).ok().and_then(|reason| match reason {
        Value::Object(members) => members.keys().next().cloned(),
        Value::String(name) => Some(name),
        _ => None,
    });
    first.unwrap_or_else(|| "stopped".into())
}

/// Returns the status of the run.
pub fn exit_code(session: &Session<'_>) -> i32 {
    match session.debugger.result() {
        Ok(outcome) => outcome.status,
        Err(stopped) => match stopped.reason {
            StopReason::Guest(belljar::GuestFault::Status { code }) => code,
            _ => 1,
        },
    }
}
