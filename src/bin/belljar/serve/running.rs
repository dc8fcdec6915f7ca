//! The run of a request: started on the network thread, and continued on a pool thread if it is long.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use belljar::{Error, Execution, Log, Outcome, Step, Stopped};
use hyper::{StatusCode, http::request::Parts};

use super::{
    access,
    pool::Stop,
    problem::{self, Problem},
    reply::Reply,
    server::Server,
};
use crate::engine::Run;

/// Fuel of a run on the network thread, before it moves to a pool thread: some tens of microseconds.
const INLINE_FUEL: u64 = 20_000;
/// The largest body and the largest output that are processed on the network thread.
const INLINE_BYTES: usize = 16 << 10;

/// The run of a request.
#[derive(Debug)]
pub struct Running {
    server: Arc<Server>,
    number: u64,
    head: Parts,
    body: Vec<u8>,
    state: State,
    /// With `--explain`, the input of the run.
    explained: Option<Vec<u8>>,
    /// The time spent so far.
    time: Duration,
}

#[derive(Debug)]
enum State {
    Pending,
    Started(Box<Execution>),
    Ended(Result<Outcome, Error>),
}

/// The result of a run.
#[derive(Debug)]
pub struct RunResult {
    /// `done`, or the kind of stop; `None` if no run was started.
    pub end: Option<Cow<'static, str>>,
    /// The fuel used.
    pub fuel: u64,
    /// The response.
    pub reply: Result<Reply, Problem>,
}

impl RunResult {
    /// Returns the result for a request without a run.
    fn not_started(problem: Problem) -> RunResult {
        RunResult { end: None, fuel: 0, reply: Err(problem) }
    }
}

impl Running {
    /// Returns a run that has not started.
    pub fn new(server: &Arc<Server>, number: u64, head: Parts, body: Vec<u8>) -> Running {
        let server = Arc::clone(server);
        Running { server, number, head, body, state: State::Pending, explained: None, time: Duration::ZERO }
    }

    /// Starts the run on this thread if it is likely to be short; returns the result if it has ended.
    pub fn run_inline(&mut self) -> Option<RunResult> {
        if !self.server.pace.is_short() || self.body.len() > INLINE_BYTES || self.server.guest.may_block() {
            return None;
        }
        let began = Instant::now();
        self.state = match self.start() {
            Err(problem) => return Some(RunResult::not_started(problem)),
            Ok(Ok(Run::InProcess(mut run))) => match run.step(INLINE_FUEL) {
                Ok(Step::Done(outcome)) => State::Ended(Ok(outcome)),
                Ok(_) => State::Started(run),
                Err(error) => State::Ended(Err(error)),
            },
            // Not reached: a guest in a worker process may block.
            #[cfg(unix)]
            Ok(Ok(run)) => State::Ended(to_end(run)),
            Ok(Err(error)) => State::Ended(Err(error)),
        };
        let is_small = match &self.state {
            State::Ended(Ok(outcome)) => outcome.output.len() <= INLINE_BYTES,
            State::Ended(Err(_)) => true,
            _ => false,
        };
        self.time = began.elapsed();
        is_small.then(|| self.result(Duration::ZERO))
    }

    /// Runs to the end, on a pool thread that it may block.
    pub fn finish(mut self, stop: &Stop) -> RunResult {
        let began = Instant::now();
        let run = match std::mem::replace(&mut self.state, State::Pending) {
            State::Pending => match self.start() {
                Ok(run) => run,
                Err(problem) => return RunResult::not_started(problem),
            },
            State::Started(run) => Ok(Run::InProcess(run)),
            ended @ State::Ended(_) => {
                self.state = ended;
                return self.result(began.elapsed());
            }
        };
        self.state = State::Ended(run.and_then(|run| {
            stop.set_run(run.cancel_handle());
            to_end(run)
        }));
        self.result(began.elapsed())
    }

    /// Starts the run with its input.
    fn start(&mut self) -> Result<Result<Run, Error>, Problem> {
        let guest = &self.server.guest;
        let input = guest.exchange.input(guest, &self.head, std::mem::take(&mut self.body))?;
        self.explained = guest.explainer.is_some().then(|| input.clone());
        Ok(guest.start(input))
    }

    /// Logs where the run stopped, with `--explain`.
    fn explain(&mut self, stopped: &Stopped) {
        let (Some(explainer), Some(input)) = (&self.server.guest.explainer, self.explained.take()) else { return };
        let (server, number) = (Arc::clone(&self.server), self.number);
        explainer.in_background(input, stopped, move |lines| {
            for text in lines {
                let line = access::format_explanation(&text, number, server.options.log_format);
                server.log_line(|out| out.push_str(&line));
            }
        });
    }

    /// Returns the result of the ended run, and records it in the metrics. `more` is the time since `self.time`.
    fn result(&mut self, more: Duration) -> RunResult {
        let server = Arc::clone(&self.server);
        let exchange = server.guest.exchange;
        let ended = match std::mem::replace(&mut self.state, State::Pending) {
            State::Ended(ended) => ended,
            // The callers have driven the run to its end.
            State::Pending | State::Started(_) => {
                return RunResult::not_started(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "there was no run"));
            }
        };
        let (end, fuel, reply): (Cow<'_, str>, _, _) = match ended {
            Ok(outcome) => {
                server.log_guest(self.number, &outcome.log);
                let fuel = outcome.usage.fuel;
                let reply = exchange.reply(&server.guest, outcome.output, server.options.content_type.as_deref());
                ("done".into(), fuel, reply.map_err(|problem| problem.with_fuel(fuel)))
            }
            Err(Error::Stopped(stopped)) => {
                server.log_guest(self.number, &stopped.log);
                self.explain(&stopped);
                (problem::kind(&stopped.reason).into(), stopped.usage.fuel, Err(Problem::stopped(&stopped)))
            }
            Err(error) => ("failed".into(), 0, Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))),
        };
        let time = self.time + more;
        server.pace.record(time);
        server.metrics.runs.count(end.clone());
        server.metrics.fuel.add(fuel);
        server.metrics.run_time.record(time);
        let with_fuel = |reply: Reply| reply.with_header("belljar-fuel", fuel.to_string());
        RunResult { end: Some(end), fuel, reply: reply.map(with_fuel) }
    }
}

fn to_end(mut run: Run) -> Result<Outcome, Error> {
    loop {
        if let Step::Done(outcome) = run.step()? {
            return Ok(outcome);
        }
    }
}

impl Server {
    /// Logs the messages of a guest, with `--verbose`.
    fn log_guest(&self, number: u64, log: &Log) {
        if self.verbose {
            for entry in &log.entries {
                self.log_line(|line| line.push_str(&access::format_message(entry, number, self.options.log_format)));
            }
        }
    }
}
