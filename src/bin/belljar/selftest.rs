//! `belljar selftest`: whether belljar holds on this machine.

use std::{fs, io::Write, thread, time::Instant};

use belljar::hostile::{Attack, attacks};
use serde::Serialize;

use crate::{
    args::{Format, SelftestArgs},
    console::Console,
    exit::Exit,
    failure::Failure,
    json, show,
};

/// The stack of the thread that an attack runs on: as small as those of phones, but in a build that
/// is not optimized, whose frames are many times as large.
const STACK: usize = if cfg!(debug_assertions) { 2 << 20 } else { 256 << 10 };

/// Runs the attacks one after the other, and tells of each how it ended.
pub fn selftest(args: &SelftestArgs, console: &Console) -> Result<Exit, Failure> {
    let chosen = |attack: &Attack| args.names.is_empty() || args.names.iter().any(|name| attack.name.contains(name));
    let all: Vec<_> = attacks().filter(chosen).collect();
    if all.is_empty() {
        return Err(Failure::usage("no attack has such a name"));
    }
    let mut lines = Vec::new();
    for attack in all {
        let line = Line::of(attack, args.metrics)?;
        if console.format == Format::Human && !(console.is_quiet() && line.holds) {
            tell(&line.to_string())?;
        }
        lines.push(line);
    }
    let held = lines.iter().filter(|line| line.holds).count();
    let exit = if held == lines.len() { Exit::Done } else { Exit::Stopped };
    if console.format != Format::Human {
        json::print(console.format, &Document { attacks: lines }).map_err(|e| Failure::stdout(&e))?;
    } else if !console.is_quiet() {
        tell(&format!("{held} of {} ended as they have to", show::count(lines.len() as u64, "attack")))?;
    }
    Ok(exit)
}

fn tell(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(|e| Failure::stdout(&e))
}

/// `{"attacks": [{"name", "tries", "against", "expected", "ended", "holds", "wall_ms", …}]}`
#[derive(Serialize)]
struct Document {
    attacks: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    tries: &'static str,
    against: &'static str,
    expected: &'static str,
    ended: String,
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_ms: Option<f64>,
    /// What it took beyond what the process had; only where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
}

impl Line {
    fn of(attack: Attack, metrics: bool) -> Result<Line, Failure> {
        let input = attack.build();
        let before = memory_before();
        let start = Instant::now();
        let thread = thread::Builder::new().stack_size(STACK).spawn(move || input.run());
        let thread = thread.map_err(|error| Failure::usage(format!("a thread cannot be started: {error}")))?;
        let ended = thread.join().unwrap_or_else(|_| "panicked".into());
        let wall_ms = start.elapsed().as_secs_f64() * 1e3;
        let memory = before.and_then(|before| Some(status("VmHWM:")?.saturating_sub(before)));
        Ok(Line {
            name: attack.name,
            tries: attack.tries,
            against: attack.against,
            expected: attack.expected,
            holds: ended == attack.expected,
            ended,
            wall_ms: metrics.then_some(wall_ms),
            memory_bytes: memory.filter(|_| metrics),
        })
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.holds { "ok" } else { "FAILED" };
        write!(f, "{verdict} {} ({}): {}: {}", self.name, self.against, self.tries, self.ended)?;
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

/// The memory of this process, from where its peak is counted anew; `None` where the system cannot.
fn memory_before() -> Option<u64> {
    fs::write("/proc/self/clear_refs", "5").ok()?;
    status("VmRSS:")
}

/// A figure of `/proc/self/status`, in bytes.
fn status(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}
