//! Results of calls in the format of MCP.

use belljar::{Error, HostStop, Log, Outcome, StopReason, Stopped, record::Receipt, tool::ToolError, tool::ToolOutput};
use rmcp::model::{CallToolResult, ContentBlock, MetaObject, ResourceContents};
use serde::Serialize;
use serde_json::{Map, Value};

use super::served::ServedTool;
use crate::{base64, net::queue::Refused, show};

/// The largest part of an output, and of a log, that an error contains.
const PARTIAL_BYTES: usize = 8 << 10;

/// Converts the result of a run, with its usage and its receipt, if there is one.
pub fn of_run(served: &ServedTool, result: &Result<Outcome, Error>, receipt: Option<Receipt>) -> CallToolResult {
    let (mut answer, usage) = match result {
        Ok(outcome) => match served.tool.decode(&outcome.output) {
            Ok(answer) => (done(served, answer, &outcome.output), Some(outcome.usage)),
            Err(error) => (refused(&error), Some(outcome.usage)),
        },
        // Hints are for operators: a model can change neither the limits nor the guest.
        Err(Error::Stopped(stop)) => (stopped(stop), Some(stop.usage)),
        Err(error) => (failed(&error.to_string(), None), None),
    };
    let mut meta = Map::new();
    let mut note = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            meta.insert(format!("belljar/{key}"), value);
        }
    };
    note("fuel", usage.map(|usage| usage.fuel.into()));
    note("usage", usage.and_then(|usage| json(&usage)));
    if let Err(Error::Stopped(stop)) = result {
        note("stop", json(&stop.reason));
    }
    note("receipt", receipt.and_then(|receipt| json(&receipt)));
    answer.meta = Some(MetaObject(meta));
    answer
}

/// Returns the result of a call that could not be run, or whose output does not match the manifest.
pub fn refused(error: &ToolError) -> CallToolResult {
    failed(&error.to_string(), None)
}

/// Adds the number of log messages that were not sent to the client.
pub fn note_dropped(result: &mut CallToolResult, dropped: u64) {
    if dropped > 0 {
        let meta = result.meta.get_or_insert_with(|| MetaObject(Map::new()));
        meta.0.insert("belljar/log_dropped".into(), dropped.into());
    }
}

/// Summarizes a result in one line, for the log.
pub fn summary(result: &CallToolResult) -> String {
    let fuel = result.meta.as_ref().and_then(|meta| meta.0.get("belljar/fuel")?.as_u64());
    let fuel = fuel.map_or(String::new(), |fuel| format!(", {} fuel", show::grouped(fuel)));
    let why = result.content.first().and_then(|content| content.as_text());
    let why = why.and_then(|text| text.text.lines().next()).unwrap_or_default();
    let end = if result.is_error == Some(true) { show::name(why) } else { "done".into() };
    format!("{end}{fuel}")
}

/// Returns the result of a call that was cancelled before its run started.
pub fn cancelled() -> CallToolResult {
    failed(&StopReason::Host(HostStop::Cancelled).to_string(), None)
}

/// Returns the result of a call that the queue refused.
pub fn busy(why: Refused) -> CallToolResult {
    let message = match why {
        Refused::Full => "the server is busy: too many calls are queued",
        Refused::Crowding => "the server is busy: too many calls of this client are queued",
    };
    failed(message, Some("try again in a moment"))
}

/// Returns an error result for the model, with a hint that a model can follow.
pub fn failed(message: &str, hint: Option<&str>) -> CallToolResult {
    let text = hint.map_or(message.into(), |hint| format!("{message}\nhint: {hint}"));
    CallToolResult::error(vec![ContentBlock::text(text)])
}

fn done(served: &ServedTool, answer: ToolOutput, output: &[u8]) -> CallToolResult {
    let ToolOutput { text, structured, .. } = answer;
    let content = match (text, &structured) {
        (Some(text), _) => ContentBlock::text(text),
        (None, Some(value)) => ContentBlock::text(value.to_string()),
        (None, None) => {
            let uri = format!("belljar:{}/output", served.tool.name());
            let blob = ResourceContents::blob(base64::encode(output), uri);
            ContentBlock::resource(blob.with_mime_type("application/octet-stream"))
        }
    };
    let mut result = CallToolResult::success(vec![content]);
    result.structured_content = structured;
    result
}

/// Returns the result of a stopped run: the reason, the output so far and the end of the log.
fn stopped(stop: &Stopped) -> CallToolResult {
    let mut content = vec![ContentBlock::text(stop.reason.to_string())];
    if !stop.output.is_empty() {
        let start = stop.output.get(..PARTIAL_BYTES).unwrap_or(&stop.output);
        content.push(ContentBlock::text(format!("output until then:\n{}", String::from_utf8_lossy(start))));
    }
    let log = tail(&stop.log);
    if !log.is_empty() {
        content.push(ContentBlock::text(format!("log:\n{log}")));
    }
    CallToolResult::error(content)
}

/// Returns the last messages of a log, one per line.
fn tail(log: &Log) -> String {
    let mut room = PARTIAL_BYTES;
    let fits = log.entries.iter().rev().take_while(|entry| {
        room = room.saturating_sub(entry.text.len() + 8);
        room > 0
    });
    let skipped = log.entries.len() - fits.count();
    let lines = log.entries.iter().skip(skipped).map(|entry| format!("{}: {}", entry.level, entry.text));
    lines.collect::<Vec<_>>().join("\n")
}

fn json(value: &impl Serialize) -> Option<Value> {
    serde_json::to_value(value).ok()
}
