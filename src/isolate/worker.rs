//! The worker: a process that receives one job, activates its isolation layers, does the job and exits.

use std::{
    collections::BTreeMap,
    env,
    io::{self, Read, Write},
    mem, process,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    bounds::Bounds,
    layers,
    message::{self, GREETING, Job, MAX_PART_BYTES, Part, Reply, Task},
};
use crate::{
    data::{
        codec::Codec,
        files::{Change, Changes},
        outcome::{Log, LogEntry, Usage},
    },
    error::Error,
    run::execution::{Execution, Step},
    sandbox::Sandbox,
};

/// The only environment variable of a worker.
pub(super) const WORKER_ENV: &str = "BELLJAR_WORKER";

/// Fuel between two reports: a few milliseconds.
const STEP: u64 = 500_000;

/// Flag that [`worker`] was called. A program that does not call it is never started as a worker: it would do all its
/// work a second time.
static CALLED: AtomicBool = AtomicBool::new(false);

/// Returns whether this program can be a worker.
pub(super) fn is_available() -> bool {
    CALLED.load(Ordering::Relaxed)
}

/// Runs the worker and exits if this process was started as one; does nothing otherwise.
///
/// A program that is its own worker calls it at the start of `main`, before it starts threads, opens files or prints.
/// A worker does not execute the rest of `main`.
pub fn worker() {
    CALLED.store(true, Ordering::Relaxed);
    if env::var_os(WORKER_ENV).is_some() {
        // The other process sees the exit status, and no details of the error.
        process::exit(i32::from(work().is_err()));
    }
}

fn work() -> io::Result<()> {
    let mut replies = ReplyWriter::default();
    replies.push_bytes(&(GREETING.len() as u32).to_le_bytes());
    replies.push_bytes(GREETING.as_bytes());
    replies.flush()?;
    let mut stdin = io::stdin().lock();
    let size = u64::from(u32::from_le_bytes({
        let mut size = [0; 4];
        stdin.read_exact(&mut size)?;
        size
    }));
    let job = Job::read(&read(&mut stdin, size)?).ok_or(io::ErrorKind::InvalidData)?;
    // Creating a sandbox probes the engine's dispatch, which may need system calls that the layers forbid.
    let sandbox = Sandbox::new(job.config.clone()).map_err(|_| io::ErrorKind::InvalidData)?;
    if let Err((layer, code)) = layers::apply_all(&Bounds::of(&job.config, job.wasm_bytes, job.input_bytes)) {
        replies.push(&Reply::LayerFailed { layer, code });
        return replies.flush();
    }
    // No untrusted data was read before this line.
    let wasm = read(&mut stdin, job.wasm_bytes)?;
    let input = read(&mut stdin, job.input_bytes)?;
    if let Err(error) = perform(&sandbox, job.task, &wasm, input, &mut replies) {
        replies.push(&Reply::Failed { error: error? });
    }
    replies.flush()
}

/// Reads exactly `size` bytes.
fn read(stdin: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX))?;
    stdin.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Failure of a task: an error to send, or one of the connection.
type Failure = io::Result<Error>;

fn perform(
    sandbox: &Sandbox,
    task: Task,
    wasm: &[u8],
    input: Vec<u8>,
    replies: &mut ReplyWriter,
) -> Result<(), Failure> {
    let module = sandbox.load(wasm).map_err(Ok)?;
    let mut run = match task {
        Task::Validate => {
            replies.push(&Reply::Valid { inspection: module.inspect().clone() });
            return Ok(());
        }
        Task::Run => sandbox.start(&module, input),
        Task::Call { name, arguments } => sandbox.start_call(&module, &name, &arguments, input, ()),
    }
    .map_err(Ok)?;
    replies.push(&Reply::Started);
    replies.flush().map_err(Err)?;
    drive(&mut run, replies)
}

/// Runs to completion, with a report after each step.
fn drive(run: &mut Execution, replies: &mut ReplyWriter) -> Result<(), Failure> {
    loop {
        match run.step(STEP) {
            // A worker has no custom host functions that could wait.
            Ok(Step::Yielded | Step::Waiting) => {
                let usage = run.usage();
                replies.report(run.output(), run.log(), usage);
                replies.flush().map_err(Err)?;
            }
            Ok(Step::Done(outcome)) => {
                replies.report(&outcome.output, &outcome.log, outcome.usage);
                replies.push_files(outcome.files);
                replies.push(&Reply::Done { status: outcome.status, results: outcome.results });
                return Ok(());
            }
            Err(Error::Stopped(mut stopped)) => {
                replies.report(&mem::take(&mut stopped.output), &mem::take(&mut stopped.log), stopped.usage);
                replies.push_files(mem::take(&mut stopped.files));
                return Err(Ok(Error::Stopped(stopped)));
            }
            Err(error) => return Err(Ok(error)),
        }
    }
}

/// Buffered writer of replies, with the lengths of output and log that were sent.
#[derive(Debug, Default)]
struct ReplyWriter {
    buffer: Vec<u8>,
    output_bytes: usize,
    log_lines: usize,
    /// First error of a write. The process exits without another message.
    error: Option<io::Error>,
}

impl ReplyWriter {
    /// Reports what is new since the last report.
    fn report(&mut self, output: &[u8], log: &Log, usage: Usage) {
        let new: &[LogEntry] = log.entries.get(self.log_lines..).unwrap_or_default();
        for part in output.get(self.output_bytes..).unwrap_or_default().chunks(MAX_PART_BYTES) {
            self.push(&Reply::Output { part: Part(part.to_vec()) });
        }
        for entry in new {
            self.push(&Reply::Log { entry: entry.clone() });
        }
        (self.output_bytes, self.log_lines) = (output.len(), log.entries.len());
        self.push(&Reply::Used { usage, dropped: log.dropped });
    }

    fn push(&mut self, reply: &Reply) {
        message::put(reply, &mut self.buffer);
        if self.buffer.len() >= MAX_PART_BYTES {
            self.write_out();
        }
    }

    fn push_files(&mut self, files: Changes) {
        // Names of one file share its bytes.
        let mut sent = BTreeMap::new();
        for (path, change) in &files {
            if let Change::File(bytes) = change {
                let first: &String = sent.entry((bytes.as_ptr(), bytes.len())).or_insert(path);
                if first != path {
                    self.push(&Reply::Linked { path: path.clone(), first: first.clone() });
                    continue;
                }
            }
            self.push(&Reply::Changed { path: path.clone(), change: change.clone() });
        }
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn write_out(&mut self) {
        let mut stdout = io::stdout().lock();
        if let Err(error) = stdout.write_all(&self.buffer).and_then(|()| stdout.flush()) {
            self.error.get_or_insert(error);
        }
        self.buffer.clear();
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out();
        self.error.take().map_or(Ok(()), Err)
    }
}
