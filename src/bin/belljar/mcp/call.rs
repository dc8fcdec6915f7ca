//! One call of a tool: one store, stepped on a thread of its own.

use std::time::{Duration, Instant};

use belljar::{Error, LogEntry, Outcome, Step};
use rmcp::model::CallToolResult;
use serde_json::Value;

use super::{answer, catalog::Served};

/// Fuel between two looks at the log and the clock: some milliseconds.
const STEP: u64 = 500_000;

/// Time between two notes of progress.
const TICK: Duration = Duration::from_millis(100);

/// What a run tells on its way.
#[derive(Debug)]
pub enum Event {
    /// The guest has logged something.
    Log(LogEntry),
    /// So much fuel is used.
    Progress(u64),
}

/// Runs a tool to its end, or until `tell` is false: nobody listens any more. It is asked each [`TICK`].
pub fn call(served: &Served, arguments: &Value, mut tell: impl FnMut(Event) -> bool) -> CallToolResult {
    let input = match served.tool.encode(arguments) {
        Ok(input) => input,
        Err(error) => return answer::refused(&error),
    };
    let result = run(served, input.clone(), &mut tell);
    answer::of_run(served, &input, &result)
}

fn run(served: &Served, input: Vec<u8>, tell: &mut impl FnMut(Event) -> bool) -> Result<Outcome, Error> {
    let mut execution = served.tool.start(input)?;
    let (mut logged, mut ticked) = (0, Instant::now());
    let ended = loop {
        match execution.step(STEP) {
            Ok(Step::Yielded | Step::Waiting) => {}
            Ok(Step::Done(outcome)) => break Ok(outcome),
            Err(error) => break Err(error),
        }
        let new = execution.log().entries.get(logged..).unwrap_or_default();
        logged += new.len();
        let mut heard = new.iter().all(|entry| tell(Event::Log(entry.clone())));
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            heard &= tell(Event::Progress(execution.usage().fuel));
        }
        if !heard {
            execution.cancel_handle().cancel();
        }
    };
    let (log, usage) = match &ended {
        Ok(outcome) => (&outcome.log, outcome.usage),
        Err(Error::Stopped(stop)) => (&stop.log, stop.usage),
        Err(_) => return ended,
    };
    let rest = log.entries.iter().skip(logged).map(|entry| Event::Log(entry.clone()));
    // Whether anybody still listens, does not matter now.
    let _ = rest.chain([Event::Progress(usage.fuel)]).all(tell);
    ended
}
