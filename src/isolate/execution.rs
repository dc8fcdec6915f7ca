//! One run in flight, in a process of its own.

use std::{
    fmt,
    marker::PhantomData,
    time::{Duration, Instant},
};

use super::{
    bounds::Bounds,
    channel::{Channel, Gap, PATIENCE},
    child::{Child, Program},
    message::{self, GREETING, Job, MAX_GREETING_BYTES, News, Part},
    wire::Wire,
};
use crate::{
    config::Config,
    error::{CallError, Error, IsolationError, ModuleError, StopReason, Stopped, WorkerEnd},
    execution::Step,
    files::{Change, Changes, MAX_PATH_BYTES},
    inspect::Inspection,
    outcome::{Log, LogEntry, Outcome, Usage},
    watch::Cancel,
};

/// A worker gets so much longer than the deadline: it keeps the deadline itself.
const GRACE: Duration = Duration::from_secs(1);

/// One run in flight, in a process of its own: waited for, cancelled, or dropped, which ends it.
///
/// It stays on the thread that started it, since on Linux the process ends with that thread.
pub struct IsolatedExecution {
    child: Child,
    channel: Channel,
    config: Config,
    max_bytes: usize,
    /// All that has come, and how much of it a report has vouched for.
    output: Vec<u8>,
    log: Vec<LogEntry>,
    log_bytes: usize,
    files: Changes,
    file_bytes: u64,
    told: Told,
    clock: Clock,
    ended: bool,
    /// Not `Send`.
    stays: PhantomData<*const ()>,
}

/// What the last report said.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    output_bytes: usize,
    log_lines: usize,
    dropped: u64,
    usage: Usage,
}

#[derive(Debug, Clone, Copy)]
enum Clock {
    Running(Instant),
    Stopped(Duration),
}

impl IsolatedExecution {
    /// Starts a worker, and hands it its job. What it answers is still to come.
    pub(super) fn new(program: &Program, job: Job, wasm: &[u8], input: &[u8]) -> Result<Self, Error> {
        let (child, stream) = program.start()?;
        let start =
            |error: std::io::Error| IsolationError::Start { program: program.name(), message: error.to_string() };
        let patience = PATIENCE + Duration::from_secs(Bounds::of(&job).loading_seconds);
        let channel = Channel::new(stream, patience).map_err(start)?;
        let mut run = IsolatedExecution {
            child,
            channel,
            max_bytes: message::max_bytes(&job.config, wasm.len()),
            output: Vec::new(),
            log: Vec::new(),
            log_bytes: 0,
            files: Changes::new(),
            file_bytes: 0,
            told: Told::default(),
            clock: Clock::Stopped(Duration::ZERO),
            ended: false,
            stays: PhantomData,
            config: job.config.clone(),
        };
        let mut head = Vec::new();
        message::put(&job, &mut head);
        run.greet(program, &head)?;
        for bytes in [wasm, input] {
            run.channel.send(bytes).map_err(|gap| run.loading(gap))?;
        }
        Ok(run)
    }

    /// Before it has said its name, whatever is wrong is no fault of a guest.
    fn greet(&mut self, program: &Program, head: &[u8]) -> Result<(), IsolationError> {
        let stranger = |found| IsolationError::NotAWorker { program: program.name(), found };
        let sent = self.channel.send(head);
        let greeting = match self.channel.receive(MAX_GREETING_BYTES) {
            Ok(greeting) => greeting,
            Err(Gap::Closed) => {
                return Err(match self.child.end() {
                    end @ WorkerEnd::Signal { .. } => IsolationError::Died { program: program.name(), end },
                    _ => stranger(None),
                });
            }
            Err(_) => return Err(stranger(None)),
        };
        if greeting == GREETING.as_bytes() && sent.is_ok() {
            return Ok(());
        }
        let version = core::str::from_utf8(greeting).ok().filter(|text| text.starts_with("belljar worker "));
        Err(stranger(version.map(String::from)))
    }

    /// Waits for the module to be found valid.
    pub(super) fn validated(mut self) -> Result<Inspection, Error> {
        match self.news_of_loading()? {
            News::Valid { inspection } => Ok(inspection),
            _ => Err(self.garbled(ModuleError::Worker)),
        }
    }

    /// Waits until the guest is run.
    pub(super) fn started(mut self) -> Result<Self, Error> {
        let News::Started = self.news_of_loading()? else { return Err(self.garbled(ModuleError::Worker)) };
        let now = Instant::now();
        self.clock = Clock::Running(now);
        let limit = self.config.deadline_ms.map(Duration::from_millis);
        self.channel.set_patience(PATIENCE, limit.and_then(|limit| now.checked_add(limit + GRACE)));
        Ok(self)
    }

    fn news_of_loading(&mut self) -> Result<News, Error> {
        match self.news().map_err(|gap| self.loading(gap))? {
            News::Unwalled { wall, code } => {
                Err(IsolationError::Wall { wall, message: std::io::Error::from_raw_os_error(code).to_string() }.into())
            }
            News::Failed { error: error @ (Error::Module(_) | Error::Call(_)) } => Err(error),
            news => Ok(news),
        }
    }

    /// Waits for the next report, which comes after some milliseconds, or for the end.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the guest was stopped, also by the death of its process, with what had
    /// been reported by then; [`CallError::Ended`] if the run has ended before.
    pub fn wait(&mut self) -> Result<Step, Error> {
        if self.ended {
            return Err(CallError::Ended.into());
        }
        let ended = loop {
            let garbled = match self.news() {
                Ok(News::Output { part: Part(part) }) => !self.add_output(&part),
                Ok(News::Log { entry }) => !self.add_log(entry),
                Ok(News::Changed { path, change }) => !self.add_change(path, change),
                Ok(News::Linked { path, first }) => match self.files.get(&first) {
                    Some(Change::File(bytes)) => !self.add_name(path, Change::File(bytes.clone())),
                    _ => true,
                },
                Ok(News::Used { usage, dropped }) => {
                    let (output_bytes, log_lines) = (self.output.len(), self.log.len());
                    self.told = Told { output_bytes, log_lines, dropped, usage };
                    return Ok(Step::Yielded);
                }
                Ok(News::Done { status, results }) => break Ok((status, results)),
                Ok(News::Failed { error: Error::Stopped(stopped) }) => break Err(stopped.reason),
                Ok(_) => true,
                Err(gap) => break Err(self.stopped_by(gap)),
            };
            if garbled {
                break Err(self.stopped_by(Gap::TooLong));
            }
        };
        self.end();
        let (output, log, usage) = self.produced();
        let files = std::mem::take(&mut self.files);
        match ended {
            Ok((status, results)) => Ok(Step::Done(Outcome { output, log, status, results, files, usage })),
            Err(reason) => Err(Stopped { reason, output, log, files, usage }.into()),
        }
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// As [`wait`](IsolatedExecution::wait).
    pub fn finish(&mut self) -> Result<Outcome, Error> {
        loop {
            if let Step::Done(outcome) = self.wait()? {
                return Ok(outcome);
            }
        }
    }

    /// A handle that stops this run from any thread, within 20 ms. The process is ended.
    pub fn cancel_handle(&self) -> Cancel {
        self.channel.cancel()
    }

    /// What the run had used at its last report.
    pub fn usage(&self) -> Usage {
        self.told.usage
    }

    /// The output at the last report; empty after the end, when the outcome has it.
    pub fn output(&self) -> &[u8] {
        self.output.get(..self.told.output_bytes).unwrap_or_default()
    }

    /// The log messages at the last report; empty after the end, when the outcome has them.
    pub fn log(&self) -> &[LogEntry] {
        self.log.get(..self.told.log_lines).unwrap_or_default()
    }

    /// Wall time since the module was loaded, to the end or to now.
    pub fn wall_time(&self) -> Duration {
        match self.clock {
            Clock::Running(start) => start.elapsed(),
            Clock::Stopped(took) => took,
        }
    }

    fn news(&mut self) -> Result<News, Gap> {
        let message = self.channel.receive(self.max_bytes)?;
        News::read(message).ok_or(Gap::TooLong)
    }

    /// Whether it is within the limit.
    fn add_output(&mut self, part: &[u8]) -> bool {
        let fits = (self.output.len() + part.len()) as u64 <= self.config.limits.output_bytes;
        if fits {
            self.output.extend_from_slice(part);
        }
        fits
    }

    /// Whether it is within the limits.
    fn add_log(&mut self, entry: LogEntry) -> bool {
        self.log_bytes += entry.text.len();
        let limits = &self.config.limits;
        let fits = self.log_bytes as u64 <= limits.log_bytes && (self.log.len() as u64) < limits.log_lines;
        if fits {
            self.log.push(entry);
        }
        fits
    }

    /// Whether it is within the limits.
    fn add_change(&mut self, path: String, change: Change) -> bool {
        self.file_bytes = self.file_bytes.saturating_add(match &change {
            Change::File(bytes) => bytes.len() as u64,
            Change::Link(target) => target.len() as u64,
            Change::Directory | Change::Removed => 0,
        });
        self.file_bytes <= self.config.limits.file_bytes && self.add_name(path, change)
    }

    fn add_name(&mut self, path: String, change: Change) -> bool {
        // All that were given may be gone, and as many be there as may be.
        let names = self.config.limits.files.saturating_mul(2);
        let fits = path.len() <= MAX_PATH_BYTES && (self.files.len() as u64) < names;
        if fits {
            self.files.insert(path, change);
        }
        fits
    }

    /// What the last report vouched for.
    fn produced(&mut self) -> (Vec<u8>, Log, Usage) {
        let told = std::mem::take(&mut self.told);
        let (mut output, mut entries) = (std::mem::take(&mut self.output), std::mem::take(&mut self.log));
        output.truncate(told.output_bytes);
        entries.truncate(told.log_lines);
        (output, Log { entries, dropped: told.dropped }, told.usage)
    }

    fn end(&mut self) {
        self.ended = true;
        self.clock = Clock::Stopped(self.wall_time());
        self.child.kill();
    }

    fn stopped_by(&mut self, gap: Gap) -> StopReason {
        match gap {
            Gap::Cancelled => StopReason::Cancelled,
            Gap::Late => StopReason::Deadline { limit_ms: self.config.deadline_ms.unwrap_or_default() },
            other => StopReason::Worker(self.died(other)),
        }
    }

    fn loading(&mut self, gap: Gap) -> Error {
        ModuleError::Worker(self.died(gap)).into()
    }

    fn garbled(&mut self, how: fn(WorkerEnd) -> ModuleError) -> Error {
        how(self.died(Gap::TooLong)).into()
    }

    fn died(&mut self, gap: Gap) -> WorkerEnd {
        match gap {
            Gap::Closed => self.child.end(),
            Gap::Silent(limit) => WorkerEnd::Silent { limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) },
            Gap::TooLong | Gap::Late | Gap::Cancelled => WorkerEnd::Garbage,
        }
    }
}

impl fmt::Debug for IsolatedExecution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsolatedExecution").field("ended", &self.ended).finish_non_exhaustive()
    }
}
