//! The output line for a run.

use std::{borrow::Cow, str};

use belljar::{Error, GuestFault, LogEntry, Outcome, StopReason, Usage};
use serde::{Serialize, de::IgnoredAny};

use crate::{json::Bytes, show};

/// The format of output lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The output itself.
    Text,
    /// A record of the run, as JSON.
    Record,
}

/// The output line for a run.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The line number, from 1.
    pub line: u64,
    /// The line without its line feed.
    pub text: Cow<'a, [u8]>,
    /// The reason why there is no output.
    pub error: Option<LineError>,
    /// The log of the guest, unless the line contains it.
    pub log: &'a [LogEntry],
    /// The usage of the run.
    pub usage: Usage,
}

/// The reason why there is no output.
#[derive(Debug)]
pub struct LineError {
    /// The message.
    pub message: String,
    /// A hint, in addition to that of the stop reason.
    pub hint: Option<&'static str>,
}

const RECORDS: &str = "with `--format json`, outputs are strings in records";

impl<'a> Answer<'a> {
    /// Returns the output line for the result of a run.
    pub fn of(line: u64, result: &'a Result<Outcome, Error>, form: Form) -> Answer<'a> {
        let record = Record::of(line, result);
        let usage = match result {
            Ok(outcome) => outcome.usage,
            Err(Error::Stopped(stopped)) => stopped.usage,
            Err(_) => Usage::default(),
        };
        let error = record.message.clone().map(|message| LineError { message, hint: None });
        match (form, error) {
            (Form::Record, error) => Answer { line, text: json(&record), error, log: &[], usage },
            (Form::Text, Some(error)) => {
                let text =
                    json(&Failed { error: ErrorRecord { line, message: &error.message, reason: record.reason } });
                Answer { line, text, error: Some(error), log: record.log, usage }
            }
            (Form::Text, None) => match one_line(record.output.0) {
                Some(text) => Answer { line, text, error: None, log: record.log, usage },
                None => {
                    let message = "the output has more than one line, and is not a JSON document".to_owned();
                    let error = ErrorRecord { line, message: &message, reason: None };
                    let text = json(&Failed { error });
                    Answer {
                        line,
                        text,
                        error: Some(LineError { message, hint: Some(RECORDS) }),
                        log: record.log,
                        usage,
                    }
                }
            },
        }
    }
}

impl Answer<'static> {
    /// Returns the output line for a line that is too long to be run.
    pub fn too_long(line: u64, limit: u64, form: Form) -> Answer<'static> {
        let message = format!("the line is longer than {}", show::bytes(limit));
        let text = match form {
            Form::Record => json(&Record { end: "stopped", message: Some(message.clone()), ..Record::empty(line) }),
            Form::Text => json(&Failed { error: ErrorRecord { line, message: &message, reason: None } }),
        };
        let error = Some(LineError { message, hint: None });
        Answer { line, text, error, log: &[], usage: Usage::default() }
    }
}

/// `{"line", "end", "status", "output", …, "fuel"}`
#[derive(Serialize)]
struct Record<'a> {
    line: u64,
    end: &'static str,
    status: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a StopReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    output: Bytes<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    log: &'a [LogEntry],
    #[serde(skip_serializing_if = "is_zero")]
    log_dropped: u64,
    fuel: u64,
}

impl<'a> Record<'a> {
    fn empty(line: u64) -> Self {
        Record {
            line,
            end: "done",
            status: None,
            reason: None,
            message: None,
            output: Bytes(&[]),
            log: &[],
            log_dropped: 0,
            fuel: 0,
        }
    }

    fn of(line: u64, result: &'a Result<Outcome, Error>) -> Self {
        let stopped = |error: &Error| (Some(error.to_string()), "stopped");
        let empty = Record::empty(line);
        match result {
            Ok(outcome) => Record {
                status: Some(outcome.status),
                output: Bytes(&outcome.output),
                log: &outcome.log.entries,
                log_dropped: outcome.log.dropped,
                fuel: outcome.usage.fuel,
                ..empty
            },
            Err(error @ Error::Stopped(run)) => {
                let (message, end) = stopped(error);
                let status = match run.reason {
                    StopReason::Guest(GuestFault::Status { code }) => Some(code),
                    _ => None,
                };
                Record {
                    end,
                    status,
                    reason: Some(&run.reason),
                    message,
                    output: Bytes(&run.output),
                    log: &run.log.entries,
                    log_dropped: run.log.dropped,
                    fuel: run.usage.fuel,
                    ..empty
                }
            }
            Err(error) => {
                let (message, end) = stopped(error);
                Record { end, message, ..empty }
            }
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// `{"error": {"line", "message", "reason"}}`, in place of an output.
#[derive(Serialize)]
struct Failed<'a> {
    error: ErrorRecord<'a>,
}

#[derive(Serialize)]
struct ErrorRecord<'a> {
    line: u64,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a StopReason>,
}

fn json(record: &impl Serialize) -> Cow<'static, [u8]> {
    // A record contains only types that JSON can represent.
    Cow::Owned(serde_json::to_vec(record).unwrap_or_default())
}

/// Returns an output as one line: without the line feed at its end or, for a JSON document on several lines, without
/// whitespace between its tokens.
fn one_line(output: &[u8]) -> Option<Cow<'_, [u8]>> {
    let line = output.strip_suffix(b"\n").unwrap_or(output);
    // Many readers take a carriage return for the end of a line, unless a line feed follows.
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if !line.strip_suffix(b"\r").unwrap_or(line).iter().any(ends) {
        return Some(Cow::Borrowed(line));
    }
    let text = str::from_utf8(line).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    Some(Cow::Owned(compact(line)))
}

/// Removes the whitespace between the tokens of a JSON document.
fn compact(json: &[u8]) -> Vec<u8> {
    let (mut within, mut escaped) = (false, false);
    let keep = |byte: &u8| {
        let kept = within || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        within ^= *byte == b'"' && !escaped;
        escaped = within && *byte == b'\\' && !escaped;
        kept
    };
    let mut compact = json.to_vec();
    compact.retain(keep);
    compact
}
