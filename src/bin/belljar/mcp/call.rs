//! One call of a tool: a separate store, stepped on a blocking thread.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use belljar::{Error, GuestFault, Input, LogEntry, Outcome, Step, StopReason, record::Receipt};
use hyper::body::Bytes;
use rmcp::model::CallToolResult;
use tokio::sync::mpsc;

use super::{answer, served::ServedTool, server::Server};
use crate::{explain::Explainer, hint, show};

/// Fuel between two checks of the log and the clock: some milliseconds.
const STEP: u64 = 500_000;

/// Time between two progress events.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Capacity of the event channel; further events are dropped. A run never waits for its client, so that its deadline
/// holds whatever the client does.
const CHANNEL_CAPACITY: usize = 1_024;

/// An event of a run.
#[derive(Debug)]
pub enum Event {
    /// A message of the guest's log.
    Log(LogEntry),
    /// The fuel used so far.
    Progress(u64),
}

/// The sender of the events of a run.
#[derive(Debug)]
pub struct EventSender {
    sender: mpsc::Sender<Event>,
    /// The number of dropped log messages.
    dropped: u64,
}

impl EventSender {
    /// Returns both ends of an event channel.
    pub fn new() -> (EventSender, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(CHANNEL_CAPACITY);
        (EventSender { sender, dropped: 0 }, receiver)
    }

    fn log(&mut self, entries: &[LogEntry]) {
        for entry in entries {
            self.dropped += u64::from(self.sender.try_send(Event::Log(entry.clone())).is_err());
        }
    }

    fn progress(&self, fuel: u64) {
        // A dropped event does not matter, since the next one supersedes it.
        let _ = self.sender.try_send(Event::Progress(fuel));
    }
}

/// Runs a tool to its end, and cancels it if the receiver of its events is dropped. Returns the result, and the number
/// of dropped log messages.
///
/// With `--explain` a stop is explained on stderr. With `--receipts` the result has a receipt, unless the run had effects: checking one would need its transcript.
pub fn call(
    server: &Arc<Server>,
    served: &ServedTool,
    arguments: Bytes,
    mut events: EventSender,
) -> (CallToolResult, u64) {
    let input: Bytes = match served.tool.encode_json(arguments) {
        Ok(input) => input.into(),
        Err(error) => return (answer::refused(&error), 0),
    };
    let busy = server.explains.clone();
    let explainer = busy.and_then(|busy| Explainer::new(served.tool.sandbox(), served.wasm.clone(), busy).ok());
    let result = run(served, input.clone(), &mut events);
    if let Err(error) = &result {
        advise(server, served, error);
    }
    if let (Some(explainer), Err(Error::Stopped(stopped))) = (explainer, &result) {
        let (server, name, reason) = (Arc::clone(server), show::name(served.tool.name()), stopped.reason.to_string());
        explainer.in_background(input.to_vec(), stopped, move |lines| {
            server.with_console(|console| {
                console.line(format_args!("{name}: {reason}"));
                lines.iter().for_each(|line| console.line(line));
            });
        });
    }
    let receipt = || Receipt::of_run(&served.wasm, &input, served.tool.sandbox().config(), &result);
    let receipt = server.receipts.then(receipt).flatten();
    (answer::of_run(served, &result, receipt), events.dropped)
}

/// Tells the operator on stderr what to do about an error that only an operator can change.
fn advise(server: &Server, served: &ServedTool, error: &Error) {
    // How a guest is written is nothing that an operator can change.
    let is_trap = matches!(error.stop_reason(), Some(StopReason::Guest(GuestFault::Trap(_))));
    let hint = hint::under(error, &server.origins).filter(|_| !is_trap);
    if let Some(hint) = hint {
        let name = show::name(served.tool.name());
        server.with_console(|console| console.error(Some(&name), &error.to_string(), Some(&hint)));
    }
}

fn run(served: &ServedTool, input: Bytes, events: &mut EventSender) -> Result<Outcome, Error> {
    let mut execution = served.tool.start(Input::shared(input))?;
    let (mut logged, mut last_progress) = (0, Instant::now());
    let ended = loop {
        match execution.step(STEP) {
            Ok(Step::Yielded | Step::Waiting) => {}
            Ok(Step::Done(outcome)) => break Ok(outcome),
            Err(error) => break Err(error),
        }
        let new = execution.log().entries.get(logged..).unwrap_or_default();
        logged += new.len();
        events.log(new);
        if last_progress.elapsed() >= PROGRESS_INTERVAL {
            last_progress = Instant::now();
            events.progress(execution.usage().fuel);
        }
        if events.sender.is_closed() {
            execution.cancel_handle().cancel();
        }
    };
    let (log, usage) = match &ended {
        Ok(outcome) => (&outcome.log, outcome.usage),
        Err(Error::Stopped(stop)) => (&stop.log, stop.usage),
        Err(_) => return ended,
    };
    events.log(log.entries.get(logged..).unwrap_or_default());
    events.progress(usage.fuel);
    ended
}
