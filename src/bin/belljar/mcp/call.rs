//! One call of a tool: one store, stepped on a thread of its own.

use std::time::{Duration, Instant};

use belljar::{Error, Input, LogEntry, Outcome, Step};
use hyper::body::Bytes;
use rmcp::model::CallToolResult;
use tokio::sync::mpsc;

use super::{answer, served::Served};

/// Fuel between two looks at the log and the clock: some milliseconds.
const STEP: u64 = 500_000;

/// Time between two notes of progress.
const TICK: Duration = Duration::from_millis(100);

/// What waits for a client at most. What comes then is dropped: a run never waits for its client, so that its deadline
/// acts whatever the client does.
const WAITING: usize = 1_024;

/// What a run tells on its way.
#[derive(Debug)]
pub enum Event {
    /// The guest has logged something.
    Log(LogEntry),
    /// So much fuel is used.
    Progress(u64),
}

/// What a run tells, to whoever listens.
#[derive(Debug)]
pub struct Teller {
    events: mpsc::Sender<Event>,
    /// The messages of the log that nobody took.
    dropped: u64,
}

impl Teller {
    /// Returns both ends.
    pub fn new() -> (Teller, mpsc::Receiver<Event>) {
        let (events, told) = mpsc::channel(WAITING);
        (Teller { events, dropped: 0 }, told)
    }

    fn log(&mut self, entries: &[LogEntry]) {
        for entry in entries {
            self.dropped += u64::from(self.events.try_send(Event::Log(entry.clone())).is_err());
        }
    }

    fn progress(&self, fuel: u64) {
        // The next one says more.
        let _ = self.events.try_send(Event::Progress(fuel));
    }
}

/// Runs a tool to its end, or until nobody listens any more, which is asked each [`TICK`]. Returns the result, and the
/// number of messages of the log that were dropped.
pub fn call(served: &Served, arguments: Bytes, mut teller: Teller) -> (CallToolResult, u64) {
    let input: Bytes = match served.tool.encode_json(arguments) {
        Ok(input) => input.into(),
        Err(error) => return (answer::refused(&error), 0),
    };
    let result = run(served, input.clone(), &mut teller);
    (answer::of_run(served, &input, &result), teller.dropped)
}

fn run(served: &Served, input: Bytes, teller: &mut Teller) -> Result<Outcome, Error> {
    let mut execution = served.tool.start(Input::shared(input))?;
    let (mut logged, mut ticked) = (0, Instant::now());
    let ended = loop {
        match execution.step(STEP) {
            Ok(Step::Yielded | Step::Waiting) => {}
            Ok(Step::Done(outcome)) => break Ok(outcome),
            Err(error) => break Err(error),
        }
        let new = execution.log().entries.get(logged..).unwrap_or_default();
        logged += new.len();
        teller.log(new);
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            teller.progress(execution.usage().fuel);
        }
        if teller.events.is_closed() {
            execution.cancel_handle().cancel();
        }
    };
    let (log, usage) = match &ended {
        Ok(outcome) => (&outcome.log, outcome.usage),
        Err(Error::Stopped(stop)) => (&stop.log, stop.usage),
        Err(_) => return ended,
    };
    teller.log(log.entries.get(logged..).unwrap_or_default());
    teller.progress(usage.fuel);
    ended
}
