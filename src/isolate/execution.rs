//! A run in progress in a separate process.

use std::{
    fmt,
    marker::PhantomData,
    time::{Duration, Instant},
};

use super::{
    bounds::Bounds,
    channel::{Channel, ChannelError, IDLE_TIMEOUT},
    child::{Child, Program},
    layers::LayerName,
    message::{self, GREETING, Job, MAX_GREETING_BYTES, Part, Reply},
};
use crate::{
    config::Config,
    data::{
        codec::Codec,
        files::{Change, Changes, MAX_PATH_BYTES},
        inspect::Inspection,
        outcome::{Log, LogEntry, Outcome, Usage},
    },
    error::{CallError, Error, HostStop, IsolationError, ModuleError, StopReason, Stopped, WorkerEnd},
    run::execution::Step,
    sync::watch::Cancel,
};

/// Time after the deadline at which a worker is killed. The worker enforces the deadline itself.
const GRACE: Duration = Duration::from_secs(1);

/// A run in progress in a separate process: it can be waited for and cancelled. Dropping it kills the process.
///
/// It stays on the thread that started it, since on Linux the process ends with that thread.
pub struct IsolatedExecution {
    child: Child,
    channel: Channel,
    config: Config,
    max_bytes: usize,
    /// All received output and log entries. Those since the last report do not count yet.
    output: Vec<u8>,
    log: Vec<LogEntry>,
    log_bytes: usize,
    files: Changes,
    file_bytes: u64,
    last_report: LastReport,
    clock: Clock,
    ended: bool,
    /// Makes the type not `Send`.
    stays: PhantomData<*const ()>,
}

/// State of the run at the last report.
#[derive(Debug, Clone, Copy, Default)]
struct LastReport {
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
    /// Starts a worker and sends it its job. Does not wait for replies.
    pub(super) fn new(program: &Program, job: Job, wasm: &[u8], input: &[u8]) -> Result<Self, Error> {
        let (child, stream) = program.start()?;
        let start =
            |error: std::io::Error| IsolationError::Start { program: program.name(), message: error.to_string() };
        let idle_timeout = IDLE_TIMEOUT
            + Duration::from_secs(Bounds::of(&job.config, job.wasm_bytes, job.input_bytes).loading_seconds);
        let channel = Channel::new(stream, idle_timeout).map_err(start)?;
        let mut run = IsolatedExecution {
            child,
            channel,
            max_bytes: message::max_bytes(&job.config, wasm.len()),
            output: Vec::new(),
            log: Vec::new(),
            log_bytes: 0,
            files: Changes::new(),
            file_bytes: 0,
            last_report: LastReport::default(),
            clock: Clock::Stopped(Duration::ZERO),
            ended: false,
            stays: PhantomData,
            config: job.config.clone(),
        };
        let mut head = Vec::new();
        message::put(&job, &mut head);
        run.greet(program, &head)?;
        for bytes in [wasm, input] {
            run.channel.send(bytes).map_err(|error| run.load_error(error))?;
        }
        Ok(run)
    }

    /// Sends the job and checks the greeting. No failure before the greeting is caused by a guest.
    fn greet(&mut self, program: &Program, head: &[u8]) -> Result<(), IsolationError> {
        let unknown = |found| IsolationError::NotAWorker { program: program.name(), found };
        let sent = self.channel.send(head);
        let greeting = match self.channel.receive(MAX_GREETING_BYTES) {
            Ok(greeting) => greeting,
            Err(ChannelError::Closed) => {
                return Err(match self.child.end() {
                    end @ WorkerEnd::Signal { .. } => IsolationError::Died { program: program.name(), end },
                    _ => unknown(None),
                });
            }
            Err(_) => return Err(unknown(None)),
        };
        if greeting == GREETING.as_bytes() && sent.is_ok() {
            return Ok(());
        }
        let version = core::str::from_utf8(greeting).ok().filter(|text| text.starts_with("belljar worker "));
        Err(unknown(version.map(String::from)))
    }

    /// Waits for the module to be found valid.
    pub(super) fn validated(mut self) -> Result<Inspection, Error> {
        match self.load_reply()? {
            Reply::Valid { inspection } => Ok(inspection),
            _ => Err(self.load_error(ChannelError::Invalid)),
        }
    }

    /// Waits until the guest has started.
    pub(super) fn started(mut self) -> Result<Self, Error> {
        let Reply::Started = self.load_reply()? else { return Err(self.load_error(ChannelError::Invalid)) };
        let now = Instant::now();
        self.clock = Clock::Running(now);
        let limit = self.config.deadline_ms.map(Duration::from_millis);
        self.channel.set_timeouts(IDLE_TIMEOUT, limit.and_then(|limit| now.checked_add(limit + GRACE)));
        Ok(self)
    }

    fn load_reply(&mut self) -> Result<Reply, Error> {
        match self.next_reply().map_err(|error| self.load_error(error))? {
            Reply::LayerFailed { layer: LayerName(layer), code } => {
                let message = std::io::Error::from_raw_os_error(code).to_string();
                Err(IsolationError::Layer { layer, message }.into())
            }
            Reply::Failed { error: error @ (Error::Module(_) | Error::Call(_)) } => Err(error),
            reply => Ok(reply),
        }
    }

    /// Waits for the next report, which arrives every few milliseconds, or for the end of the run.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the guest was stopped, also by the death of its process, with what was reported by then;
    /// [`CallError::Ended`] if the run has ended before.
    pub fn wait(&mut self) -> Result<Step, Error> {
        if self.ended {
            return Err(CallError::Ended.into());
        }
        let ended = loop {
            let invalid = match self.next_reply() {
                Ok(Reply::Output { part: Part(part) }) => !self.add_output(&part),
                Ok(Reply::Log { entry }) => !self.add_log(entry),
                Ok(Reply::Changed { path, change }) => !self.add_change(path, change),
                Ok(Reply::Linked { path, first }) => match self.files.get(&first) {
                    Some(Change::File(bytes)) => !self.add_name(path, Change::File(bytes.clone())),
                    _ => true,
                },
                Ok(Reply::Used { usage, dropped }) => {
                    let (output_bytes, log_lines) = (self.output.len(), self.log.len());
                    self.last_report = LastReport { output_bytes, log_lines, dropped, usage };
                    return Ok(Step::Yielded);
                }
                Ok(Reply::Done { status, results }) => break Ok((status, results)),
                Ok(Reply::Failed { error: Error::Stopped(stopped) }) => break Err(stopped.reason),
                Ok(_) => true,
                Err(error) => break Err(self.stopped_by(error)),
            };
            if invalid {
                break Err(self.stopped_by(ChannelError::Invalid));
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

    /// Waits for the end of the run and returns its outcome.
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

    /// Returns a handle that stops this run from any thread, within 20 ms, by killing the process.
    pub fn cancel_handle(&self) -> Cancel {
        self.channel.cancel()
    }

    /// Returns the usage at the last report.
    pub fn usage(&self) -> Usage {
        self.last_report.usage
    }

    /// Returns the output at the last report. Empty after the end, when the outcome has it.
    pub fn output(&self) -> &[u8] {
        self.output.get(..self.last_report.output_bytes).unwrap_or_default()
    }

    /// Returns the log entries at the last report. Empty after the end, when the outcome has them.
    pub fn log(&self) -> &[LogEntry] {
        self.log.get(..self.last_report.log_lines).unwrap_or_default()
    }

    /// Returns the elapsed time since the module was loaded, to the end or to now.
    pub fn wall_time(&self) -> Duration {
        match self.clock {
            Clock::Running(start) => start.elapsed(),
            Clock::Stopped(took) => took,
        }
    }

    fn next_reply(&mut self) -> Result<Reply, ChannelError> {
        let message = self.channel.receive(self.max_bytes)?;
        Reply::read(message).ok_or(ChannelError::Invalid)
    }

    /// Appends output. Returns false if it exceeds the limit.
    fn add_output(&mut self, part: &[u8]) -> bool {
        let fits = (self.output.len() + part.len()) as u64 <= self.config.limits.output_bytes;
        if fits {
            self.output.extend_from_slice(part);
        }
        fits
    }

    /// Appends a log entry. Returns false if it exceeds a limit.
    fn add_log(&mut self, entry: LogEntry) -> bool {
        self.log_bytes += entry.text.len();
        let limits = &self.config.limits;
        let fits = self.log_bytes as u64 <= limits.log_bytes && (self.log.len() as u64) < limits.log_lines;
        if fits {
            self.log.push(entry);
        }
        fits
    }

    /// Adds a change with its bytes. Returns false if it exceeds a limit.
    fn add_change(&mut self, path: String, change: Change) -> bool {
        self.file_bytes = self.file_bytes.saturating_add(match &change {
            Change::File(bytes) => bytes.len() as u64,
            Change::Link(target) => target.len() as u64,
            Change::Directory | Change::Removed => 0,
        });
        self.file_bytes <= self.config.limits.file_bytes && self.add_name(path, change)
    }

    fn add_name(&mut self, path: String, change: Change) -> bool {
        // All initial files may be removed, and as many created as the limit allows.
        let names = self.config.limits.files.saturating_mul(2);
        let fits = path.len() <= MAX_PATH_BYTES && (self.files.len() as u64) < names;
        if fits {
            self.files.insert(path, change);
        }
        fits
    }

    /// Takes the output, log and usage of the last report.
    fn produced(&mut self) -> (Vec<u8>, Log, Usage) {
        let report = std::mem::take(&mut self.last_report);
        let (mut output, mut entries) = (std::mem::take(&mut self.output), std::mem::take(&mut self.log));
        output.truncate(report.output_bytes);
        entries.truncate(report.log_lines);
        (output, Log { entries, dropped: report.dropped }, report.usage)
    }

    fn end(&mut self) {
        self.ended = true;
        self.clock = Clock::Stopped(self.wall_time());
        self.child.kill();
    }

    fn stopped_by(&mut self, error: ChannelError) -> StopReason {
        match error {
            ChannelError::Cancelled => StopReason::Host(HostStop::Cancelled),
            ChannelError::Deadline => {
                StopReason::Host(HostStop::Deadline { limit_ms: self.config.deadline_ms.unwrap_or_default() })
            }
            other => StopReason::Host(HostStop::Worker(self.died(other))),
        }
    }

    fn load_error(&mut self, error: ChannelError) -> Error {
        ModuleError::Worker(self.died(error)).into()
    }

    fn died(&mut self, error: ChannelError) -> WorkerEnd {
        match error {
            ChannelError::Closed => self.child.end(),
            ChannelError::Idle(limit) => {
                WorkerEnd::Silent { limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) }
            }
            ChannelError::Invalid | ChannelError::Deadline | ChannelError::Cancelled => WorkerEnd::Garbage,
        }
    }
}

impl fmt::Debug for IsolatedExecution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsolatedExecution").field("ended", &self.ended).finish_non_exhaustive()
    }
}
