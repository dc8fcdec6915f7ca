//! `belljar selftest`: checks of the limits on this machine.

use std::{fs, io::Write, thread, time::Instant};

use belljar::selftest::{Check, checks};
use clap::Args;
use serde::Serialize;

use crate::{
    console::Console,
    exit::Exit,
    failure::Failure,
    json,
    options::{Format, LookArgs},
    show,
};

/// The stack of the thread that runs a check: as small as on phones. Builds without optimization have frames many
/// times as large, and so a larger stack.
const STACK: usize = if cfg!(debug_assertions) { 2 << 20 } else { 256 << 10 };

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar selftest --metrics
  belljar selftest fuel memory

The JSON document is {\"checks\": […]} with {\"name\", \"does\", \"tests\", \"expected\", \"ended\",
\"holds\"} for each, and with --metrics \"wall_ms\" and \"memory_bytes\".

Exit status:
  0  all checks passed
  1  a check failed
  2  usage";

/// Check that the limits of this build hold on this machine
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct SelftestArgs {
    /// Run only the checks whose names contain one of these [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Print the wall time of each check and, on Linux, the memory that it used
    #[arg(long)]
    metrics: bool,
    #[command(flatten)]
    look: LookArgs,
}

impl SelftestArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Runs the checks one after the other, and prints the result of each.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let chosen = |check: &Check| self.names.is_empty() || self.names.iter().any(|name| check.name.contains(name));
        let all: Vec<_> = checks().filter(chosen).collect();
        if all.is_empty() {
            return Err(Failure::usage("no check matches these names"));
        }
        let mut lines = Vec::new();
        for check in all {
            let line = Line::of(check, self.metrics)?;
            if console.format == Format::Human && !(console.is_quiet() && line.holds) {
                print(&line.to_string())?;
            }
            lines.push(line);
        }
        let held = lines.iter().filter(|line| line.holds).count();
        let exit = if held == lines.len() { Exit::Done } else { Exit::Stopped };
        if console.format != Format::Human {
            json::print(console.format, &Document { checks: lines }).map_err(|e| Failure::stdout(&e))?;
        } else if !console.is_quiet() {
            print(&format!("{held} of {} passed", show::count(lines.len() as u64, "check")))?;
        }
        Ok(exit)
    }
}

fn print(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(|e| Failure::stdout(&e))
}

/// `{"checks": [{"name", "does", "tests", "expected", "ended", "holds", "wall_ms", …}]}`
#[derive(Serialize)]
struct Document {
    checks: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    does: &'static str,
    tests: &'static str,
    expected: &'static str,
    ended: String,
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_ms: Option<f64>,
    /// Memory used beyond that of the process before; only where the system reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
}

impl Line {
    fn of(check: Check, metrics: bool) -> Result<Line, Failure> {
        let before = memory_before();
        let start = Instant::now();
        let thread = thread::Builder::new().stack_size(STACK).spawn(move || check.run());
        let thread = thread.map_err(|error| Failure::usage(format!("a thread cannot be started: {error}")))?;
        let ended = thread.join().unwrap_or_else(|_| "panicked".into());
        let wall_ms = start.elapsed().as_secs_f64() * 1e3;
        let memory = before.and_then(|before| Some(status("VmHWM:")?.saturating_sub(before)));
        Ok(Line {
            name: check.name,
            does: check.does,
            tests: check.tests,
            expected: check.expected,
            holds: ended == check.expected,
            ended,
            wall_ms: metrics.then_some(wall_ms),
            memory_bytes: memory.filter(|_| metrics),
        })
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.holds { "ok" } else { "FAILED" };
        write!(f, "{verdict} {} ({}): {}: {}", self.name, self.tests, self.does, self.ended)?;
        if !self.holds {
            write!(f, "; expected {}", self.expected)?;
        }
        if let Some(ms) = self.wall_ms {
            write!(f, " [{ms:.1} ms")?;
            self.memory_bytes.map_or(Ok(()), |bytes| write!(f, ", {} KiB", show::grouped(bytes >> 10)))?;
            f.write_str("]")?;
        }
        Ok(())
    }
}

/// Resets the peak memory of this process, and returns its current memory; `None` where the system cannot.
fn memory_before() -> Option<u64> {
    fs::write("/proc/self/clear_refs", "5").ok()?;
    status("VmRSS:")
}

/// Returns a value of `/proc/self/status` in bytes.
fn status(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}
