//! What is shown of two runs that are compared.

use std::io::{self, Write};

use belljar::{
    Outcome, StopReason, Stopped, Value,
    explain::{DifferenceKind, Differences, FirstDifference, TraceEvent},
    text,
};
use serde::Serialize;

use crate::{console::Console, failure::Failure, json, options::Format, show};

/// How a run has ended.
type Ended = Result<Outcome, Box<Stopped>>;

/// Bytes of an event that are shown.
const SHOWN_BYTES: usize = 64;

/// The document of two runs.
#[derive(Serialize)]
struct Document<'a> {
    same_module: bool,
    differences: &'a [FirstDifference],
    results: [RunResult<'a>; 2],
}

#[derive(Serialize)]
struct RunResult<'a> {
    reason: Option<&'a StopReason>,
    status: Option<i32>,
    fuel: u64,
    output_sha256: String,
}

/// Shows where two runs part, and how they end.
pub fn print(differences: &Differences, console: &Console) -> Result<(), Failure> {
    let [first, second] = &differences.results;
    if console.format != Format::Human {
        let document = Document {
            same_module: differences.is_same_module,
            differences: &differences.first,
            results: [RunResult::of(first), RunResult::of(second)],
        };
        return json::print(console.format, &document).map_err(|error| Failure::stdout(&error));
    }
    let mut out = io::stdout().lock();
    let written = match differences.first.as_slice() {
        [] if first == second => match console.is_quiet() {
            true => Ok(()),
            false => writeln!(out, "the same"),
        },
        [] => writeln!(out, "what they do is the same, as far as it is compared"),
        list => list.iter().try_for_each(|difference| write(&mut out, difference)),
    };
    let mut ends = || -> io::Result<()> {
        if first == second {
            return Ok(());
        }
        for (name, ended) in [("first", first), ("second", second)] {
            writeln!(out, "{name} run: {}", end(ended))?;
        }
        Ok(())
    };
    written.and_then(|()| ends()).map_err(|error| Failure::stdout(&error))
}

impl<'a> RunResult<'a> {
    fn of(ended: &'a Ended) -> RunResult<'a> {
        let sha256 = |bytes: &[u8]| belljar::record::Digest::of(bytes).sha256;
        match ended {
            Ok(outcome) => RunResult {
                reason: None,
                status: Some(outcome.status),
                fuel: outcome.usage.fuel,
                output_sha256: sha256(&outcome.output),
            },
            Err(stopped) => RunResult {
                reason: Some(&stopped.reason),
                status: None,
                fuel: stopped.usage.fuel,
                output_sha256: sha256(&stopped.output),
            },
        }
    }
}

fn end(ended: &Ended) -> String {
    let (how, output, fuel) = match ended {
        Ok(outcome) => (format!("status {}", outcome.status), outcome.output.len(), outcome.usage.fuel),
        Err(stopped) => (stopped.reason.to_string(), stopped.output.len(), stopped.usage.fuel),
    };
    format!("{how}; {} of output, {} fuel", show::count(output as u64, "byte"), show::grouped(fuel))
}

fn write(out: &mut impl Write, difference: &FirstDifference) -> io::Result<()> {
    let what = match difference.kind {
        DifferenceKind::HostCall => "calls of the host and their returns",
        DifferenceKind::Call => "calls of functions",
        DifferenceKind::Store => "stores",
        _ => "other events",
    };
    writeln!(out, "{what}: {} equal, then", show::grouped(difference.equal))?;
    for (name, event) in ["first", "second"].iter().zip(&difference.events) {
        match event {
            Some(event) => writeln!(out, "  {name:<6}  {}", show_event(event))?,
            None => writeln!(out, "  {name:<6}  no more")?,
        }
    }
    Ok(())
}

/// Formats an event: `step 7, 0x212 at parser.c:45:3: read_input returns (4), "1234"`.
fn show_event(event: &TraceEvent) -> String {
    let at = event.locations.first().map(|location| format!(" at {location}")).unwrap_or_default();
    let values: Vec<_> = event.values.iter().map(Value::to_string).collect();
    let bytes = match event.bytes.as_slice() {
        [] => String::new(),
        bytes => format!(", {}", shown(bytes)),
    };
    let what = match (event.address, event.function) {
        (Some(address), _) => format!("store at {address:#x}{bytes}"),
        (None, function) => {
            let name = event.name.as_deref().map(show::name);
            let name = name.unwrap_or_else(|| format!("function {}", function.unwrap_or_default()));
            let does = if event.is_return { " returns " } else { "" };
            format!("{name}{does}({}){bytes}", values.join(", "))
        }
    };
    format!("step {}, {:#x}{at}: {what}", show::grouped(event.step), event.offset)
}

/// Formats bytes as text if they are, and else in hexadecimal.
fn shown(bytes: &[u8]) -> String {
    let start = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    let more =
        if start.len() < bytes.len() { format!(" and {} more", bytes.len() - start.len()) } else { String::new() };
    match str::from_utf8(start) {
        Ok(text) if text.chars().all(|c| !c.is_control() || c == '\n') => {
            format!("\"{}\"{more}", text::escape(&text.replace('\n', "\\n"), usize::MAX))
        }
        _ => {
            let hex: Vec<_> = start.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{}{more}", hex.join(" "))
        }
    }
}
