//! JSON documents on stdout.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use belljar::{
    CallError, ConfigError, Error, GuestFault, LogEntry, ModuleError, Outcome, StopReason, Usage, Value,
    error::IsolationError, files::Change,
};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{base64, failure::Report, options::Format};

/// The description of the document of a run in `--help`.
pub const RUN_HELP: &str = "\
The JSON document of a run:
  end          \"done\" or \"stopped\"
  status       the guest's own status; null if it was stopped before it had one
  reason       null, or why it was stopped: {\"fuel\": {\"limit\": …}}, {\"trap\": \"unreachable\"}, …
  message      null, or the reason as text; hint: null, or what to do about it
  output       the output: a string, or {\"base64\": …} if it is not UTF-8
  results      of -e: [{\"i32\": 5}, {\"i64\": \"5\"}, {\"f64\": 0.5, \"bits\": \"0x…\"}, {\"v128\": \"0x…\"}];
               i64 is a string since many readers round it, and so are nan, inf and -inf
  log          [{\"level\": \"info\", \"text\": …}], and log_dropped, how many messages are left out
  files        what a WASI program changed, if anything, by path: {\"file\": …} as output is, \"directory\",
               {\"link\": …} or \"removed\"
  usage        fuel, memory_peak_bytes, host_calls, input_bytes, output_bytes, …
  wall_ms      with --metrics: wall time in milliseconds; all else is the same in every run
An error before the run is {\"error\": {\"phase\", \"file\", \"message\", \"hint\", \"cause\"}}, where phase is
usage, config, io, module, call or isolation.";

/// Writes a document to stdout.
pub fn print(format: Format, document: &impl Serialize) -> io::Result<()> {
    let text = match format {
        Format::JsonCompact => serde_json::to_string(document),
        Format::Human | Format::Json => serde_json::to_string_pretty(document),
    };
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", escape_controls(&text?))?;
    stdout.flush()
}

/// Returns the text of a value that can always be written, in memory of its size: to grow it would take twice that.
#[cfg(feature = "serve")]
pub fn to_vec(value: &impl Serialize) -> Vec<u8> {
    struct Count(usize);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = serde_json::to_writer(&mut count, value);
    let mut text = Vec::with_capacity(count.0);
    let _ = serde_json::to_writer(&mut text, value);
    text
}

/// Replaces characters that could control a terminal by JSON escapes. The document stays the same: such characters
/// occur only within strings.
fn escape_controls(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        let mut utf8 = [0; 4];
        let plain = matches!(c, ' '..='~' | '\n');
        if plain || belljar::text::escape(c.encode_utf8(&mut utf8), 4).to_string().starts_with(c) {
            text.push(c);
        } else {
            text.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

/// The reason why a guest was stopped.
#[derive(Debug)]
pub struct Stop {
    /// The reason from the library.
    pub reason: StopReason,
    /// Advice on how to avoid it.
    pub hint: Option<String>,
}

/// The document of a run.
#[derive(Debug, Serialize)]
pub struct RunDocument<'a> {
    end: &'static str,
    status: Option<i32>,
    reason: Option<&'a StopReason>,
    message: Option<String>,
    hint: Option<&'a str>,
    output: Bytes<'a>,
    results: Vec<Number>,
    log: &'a [LogEntry],
    log_dropped: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<&'a str, Changed<'a>>,
    usage: &'a Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_ms: Option<f64>,
}

impl<'a> RunDocument<'a> {
    /// Returns the document of a run, complete or stopped.
    pub fn of(outcome: &'a Outcome, stop: Option<&'a Stop>, wall_ms: Option<f64>) -> Self {
        let reason = stop.map(|stop| &stop.reason);
        let status = match reason {
            None => Some(outcome.status),
            Some(StopReason::Guest(GuestFault::Status { code })) => Some(*code),
            Some(_) => None,
        };
        RunDocument {
            end: if reason.is_none() { "done" } else { "stopped" },
            status,
            reason,
            message: reason.map(ToString::to_string),
            hint: stop.and_then(|stop| stop.hint.as_deref()),
            output: Bytes(&outcome.output),
            results: outcome.results.iter().copied().map(Number).collect(),
            log: &outcome.log.entries,
            log_dropped: outcome.log.dropped,
            files: outcome.files.iter().map(|(path, change)| (&**path, Changed::of(change))).collect(),
            usage: &outcome.usage,
            wall_ms,
        }
    }
}

/// A change of a path.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Changed<'a> {
    File(Bytes<'a>),
    Directory,
    Link(&'a str),
    Removed,
}

impl<'a> Changed<'a> {
    fn of(change: &'a Change) -> Self {
        match change {
            Change::File(bytes) => Changed::File(Bytes(bytes)),
            Change::Link(target) => Changed::Link(target),
            Change::Removed => Changed::Removed,
            // The enum is non-exhaustive; a directory is the only other variant.
            _ => Changed::Directory,
        }
    }
}

/// Bytes that are serialized as a string, or as `{"base64": …}` if they are not UTF-8.
#[derive(Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = std::str::from_utf8(self.0) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("base64", &base64::encode(self.0))?;
        map.end()
    }
}

/// A value under the name of its type.
#[derive(Debug)]
struct Number(Value);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let ty = self.0.ty().to_string();
        match self.0 {
            Value::I32(value) => map.serialize_entry(&ty, &value)?,
            Value::F32(value) => {
                float(&mut map, &ty, &value, value.into())?;
                map.serialize_entry("bits", &format!("{:#010x}", value.to_bits()))?;
            }
            Value::F64(value) => {
                float(&mut map, &ty, &value, value)?;
                map.serialize_entry("bits", &format!("{:#018x}", value.to_bits()))?;
            }
            other => map.serialize_entry(&ty, &other.to_string())?,
        }
        map.end()
    }
}

/// Serializes a float as a number, or as a string if it is not finite.
fn float<M: SerializeMap>(map: &mut M, ty: &str, value: &impl Serialize, wide: f64) -> Result<(), M::Error> {
    match wide {
        wide if wide.is_finite() => map.serialize_entry(ty, value),
        wide if wide.is_nan() => map.serialize_entry(ty, "nan"),
        wide => map.serialize_entry(ty, if wide > 0.0 { "inf" } else { "-inf" }),
    }
}

/// The document of an error.
#[derive(Debug, Serialize)]
pub struct ErrorDocument<'a> {
    error: ErrorBody<'a>,
}

/// An error.
#[derive(Debug, Serialize)]
pub struct ErrorBody<'a> {
    phase: &'static str,
    file: Option<&'a str>,
    message: &'a str,
    hint: Option<&'a str>,
    cause: Option<Cause<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Cause<'a> {
    Config(&'a ConfigError),
    Module(&'a ModuleError),
    Call(&'a CallError),
    Isolation(&'a IsolationError),
}

impl<'a> ErrorDocument<'a> {
    /// Returns the document of a failure.
    pub fn of(report: &'a Report) -> Self {
        ErrorDocument { error: ErrorBody::of(report) }
    }
}

impl<'a> ErrorBody<'a> {
    /// Returns the error object of a failure.
    pub fn of(report: &'a Report) -> Self {
        let cause = match &report.cause {
            Some(Error::Config(cause)) => Some(Cause::Config(cause)),
            Some(Error::Module(cause)) => Some(Cause::Module(cause)),
            Some(Error::Call(cause)) => Some(Cause::Call(cause)),
            Some(Error::Isolation(cause)) => Some(Cause::Isolation(cause)),
            _ => None,
        };
        ErrorBody {
            phase: report.phase,
            file: report.file.as_deref(),
            message: &report.message,
            hint: report.hint.as_deref(),
            cause,
        }
    }
}
