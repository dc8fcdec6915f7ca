//! The run of a request: begun where the request has come, and gone on with on a thread of its own if it is long.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use belljar::{Error, Execution, Log, Outcome, Step};
use hyper::{StatusCode, http::request::Parts};

use super::{
    access,
    pool::Stop,
    problem::{self, Problem},
    reply::Reply,
    server::Server,
};
use crate::engine::Run;

/// Fuel of a run before it is given a thread: some tens of microseconds.
const FIRST: u64 = 20_000;
/// The largest body that is read, and the largest output that is looked through, without a thread.
const SMALL: usize = 16 << 10;

/// The run of a request.
#[derive(Debug)]
pub struct Running {
    server: Arc<Server>,
    number: u64,
    head: Parts,
    body: Vec<u8>,
    state: State,
    /// What has been spent on it.
    time: Duration,
}

#[derive(Debug)]
enum State {
    Waits,
    Runs(Box<Execution>),
    Ended(Result<Outcome, Error>),
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// How it ended; `None` if there was none.
    pub end: Option<Cow<'static, str>>,
    /// What it has used.
    pub fuel: u64,
    /// The answer.
    pub reply: Result<Reply, Problem>,
}

impl Ran {
    /// That there was none.
    fn none(problem: Problem) -> Ran {
        Ran { end: None, fuel: 0, reply: Err(problem) }
    }
}

impl Running {
    /// A run that has not begun.
    pub fn new(server: &Arc<Server>, number: u64, head: Parts, body: Vec<u8>) -> Running {
        let server = Arc::clone(server);
        Running { server, number, head, body, state: State::Waits, time: Duration::ZERO }
    }

    /// Begins it, if it is likely to be short: what came of it if it was.
    pub fn begin(&mut self) -> Option<Ran> {
        if !self.server.pace.is_short() || self.body.len() > SMALL || self.server.guest.waits() {
            return None;
        }
        let began = Instant::now();
        self.state = match self.start() {
            Err(problem) => return Some(Ran::none(problem)),
            Ok(Ok(Run::InProcess(mut run))) => match run.step(FIRST) {
                Ok(Step::Done(outcome)) => State::Ended(Ok(outcome)),
                Ok(_) => State::Runs(run),
                Err(error) => State::Ended(Err(error)),
            },
            // Of a guest that waits.
            #[cfg(unix)]
            Ok(Ok(run)) => State::Ended(to_end(run)),
            Ok(Err(error)) => State::Ended(Err(error)),
        };
        let is_small = match &self.state {
            State::Ended(Ok(outcome)) => outcome.output.len() <= SMALL,
            State::Ended(Err(_)) => true,
            _ => false,
        };
        self.time = began.elapsed();
        is_small.then(|| self.ended(Duration::ZERO))
    }

    /// Runs to the end, on a thread that may be kept for as long as it takes.
    pub fn finish(mut self, stop: &Stop) -> Ran {
        let began = Instant::now();
        let run = match std::mem::replace(&mut self.state, State::Waits) {
            State::Waits => match self.start() {
                Ok(run) => run,
                Err(problem) => return Ran::none(problem),
            },
            State::Runs(run) => Ok(Run::InProcess(run)),
            ended @ State::Ended(_) => {
                self.state = ended;
                return self.ended(began.elapsed());
            }
        };
        self.state = State::Ended(run.and_then(|run| {
            stop.stops(run.cancel_handle());
            to_end(run)
        }));
        self.ended(began.elapsed())
    }

    /// Gives the guest its input.
    fn start(&mut self) -> Result<Result<Run, Error>, Problem> {
        let guest = &self.server.guest;
        let input = guest.exchange.input(guest, &self.head, std::mem::take(&mut self.body))?;
        Ok(guest.start(input))
    }

    /// What came of it, which took this much longer.
    fn ended(&mut self, more: Duration) -> Ran {
        let server = &self.server;
        let exchange = server.guest.exchange;
        let ended = match std::mem::replace(&mut self.state, State::Waits) {
            State::Ended(ended) => ended,
            // It has been driven to its end.
            State::Waits | State::Runs(_) => {
                return Ran::none(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "there was no run"));
            }
        };
        let (end, fuel, reply): (Cow<str>, _, _) = match ended {
            Ok(outcome) => {
                server.tell(self.number, &outcome.log);
                let fuel = outcome.usage.fuel;
                let reply = exchange.reply(&server.guest, outcome.output, server.options.content_type.as_deref());
                ("done".into(), fuel, reply.map_err(|problem| problem.with_fuel(fuel)))
            }
            Err(Error::Stopped(stopped)) => {
                server.tell(self.number, &stopped.log);
                (problem::kind(&stopped.reason).into(), stopped.usage.fuel, Err(Problem::stopped(&stopped)))
            }
            Err(error) => ("failed".into(), 0, Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))),
        };
        let time = self.time + more;
        server.pace.note(time);
        server.metrics.runs.count(end.clone());
        server.metrics.fuel.add(fuel);
        server.metrics.run_time.add(time);
        let with_fuel = |reply: Reply| reply.with_header("belljar-fuel", fuel.to_string());
        Ran { end: Some(end), fuel, reply: reply.map(with_fuel) }
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
    /// What a guest has logged, for those who asked for it.
    fn tell(&self, number: u64, log: &Log) {
        if self.verbose {
            for entry in &log.entries {
                self.say(|line| line.push_str(&access::message(entry, number, self.options.log_format)));
            }
        }
    }
}
