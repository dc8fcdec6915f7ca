//! What came of a run, as one line.

use std::{borrow::Cow, str};

use belljar::{Error, LogEntry, Outcome, StopReason, Usage};
use serde::{Serialize, de::IgnoredAny};

use crate::{json::Bytes, show};

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The output as it is.
    Text,
    /// A record of the run, as JSON.
    Record,
}

/// What came of a run, as one line.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Its number, from 1.
    pub line: u64,
    /// The line, without its end.
    pub text: Cow<'a, [u8]>,
    /// Why there is no output.
    pub wrong: Option<Wrong>,
    /// What the guest logged, where the line does not have it.
    pub log: &'a [LogEntry],
    /// What the run used.
    pub usage: Usage,
}

/// Why there is no output.
#[derive(Debug)]
pub struct Wrong {
    /// In words.
    pub message: String,
    /// What to do about it, beside what the reason for a stop says.
    pub hint: Option<&'static str>,
}

const RECORDS: &str = "with `--format json`, outputs are texts within records";

impl<'a> Answer<'a> {
    /// The answer to a line.
    pub fn of(line: u64, result: &'a Result<Outcome, Error>, form: Form) -> Answer<'a> {
        let record = Record::of(line, result);
        let usage = match result {
            Ok(outcome) => outcome.usage,
            Err(Error::Stopped(stopped)) => stopped.usage,
            Err(_) => Usage::default(),
        };
        let wrong = record.message.clone().map(|message| Wrong { message, hint: None });
        match (form, wrong) {
            (Form::Record, wrong) => Answer { line, text: json(&record), wrong, log: &[], usage },
            (Form::Text, Some(wrong)) => {
                let error = ErrorRecord { line, message: &wrong.message, reason: record.reason };
                Answer { line, text: json(&Failed { error }), wrong: Some(wrong), log: record.log, usage }
            }
            (Form::Text, None) => match one_line(record.output.0) {
                Some(text) => Answer { line, text, wrong: None, log: record.log, usage },
                None => {
                    let message = "the output has more than one line, and is no JSON document".to_owned();
                    let error = ErrorRecord { line, message: &message, reason: None };
                    let text = json(&Failed { error });
                    Answer { line, text, wrong: Some(Wrong { message, hint: Some(RECORDS) }), log: record.log, usage }
                }
            },
        }
    }
}

impl Answer<'static> {
    /// The answer to a line that is too long to be run.
    pub fn too_long(line: u64, limit: u64, form: Form) -> Answer<'static> {
        let message = format!("the line is longer than {}", show::bytes(limit));
        let text = match form {
            Form::Record => json(&Record { end: "stopped", message: Some(message.clone()), ..Record::empty(line) }),
            Form::Text => json(&Failed { error: ErrorRecord { line, message: &message, reason: None } }),
        };
        let wrong = Some(Wrong { message, hint: None });
        Answer { line, text, wrong, log: &[], usage: Usage::default() }
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
                    StopReason::Status { code } => Some(code),
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

/// `{"error": {"line", "message", "reason"}}`: in place of an output.
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
    // There is nothing in it that JSON has not.
    Cow::Owned(serde_json::to_vec(record).unwrap_or_default())
}

/// An output as one line: without the line feed at its end, or if it is a JSON document without the spaces
/// between its parts.
fn one_line(output: &[u8]) -> Option<Cow<'_, [u8]>> {
    let line = output.strip_suffix(b"\n").unwrap_or(output);
    // Many readers take a carriage return for the end of a line, if it is not one with a line feed.
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if !line.strip_suffix(b"\r").unwrap_or(line).iter().any(ends) {
        return Some(Cow::Borrowed(line));
    }
    let text = str::from_utf8(line).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    Some(Cow::Owned(compact(line)))
}

/// A JSON document without the spaces between its parts, and not otherwise changed.
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
