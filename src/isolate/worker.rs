//! The other side: a process that takes one job, locks itself in, does it, and ends.

use std::{
    collections::BTreeMap,
    env,
    io::{self, Read, Write},
    mem, process,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    bounds::Bounds,
    child::MARK,
    message::{self, GREETING, Job, News, PART_BYTES, Part, Task},
    walls,
    wire::Wire,
};
use crate::{
    error::Error,
    execution::{Execution, Step},
    files::{Change, Changes},
    outcome::{Log, LogEntry, Usage},
    sandbox::Sandbox,
};

/// Fuel between two reports: some milliseconds.
const STEP: u64 = 500_000;

/// Whether [`worker`] was called. A program that does not call it would not stop at it either, but do
/// all that it does a second time: it is never started as a worker.
static CALLED: AtomicBool = AtomicBool::new(false);

/// Whether this program can be a worker.
pub(super) fn is_able() -> bool {
    CALLED.load(Ordering::Relaxed)
}

/// Does the work of a worker, if this process was started as one, and ends it; else it does nothing.
///
/// A program whose own file is the worker calls it first thing in `main`, before it starts threads,
/// opens files or prints. What comes after it in `main` is not done in a worker.
pub fn worker() {
    CALLED.store(true, Ordering::Relaxed);
    if env::var_os(MARK).is_some() {
        // Whatever went wrong, the other side sees how this one ended.
        process::exit(i32::from(work().is_err()));
    }
}

fn work() -> io::Result<()> {
    let mut voice = Voice::default();
    voice.say_bytes(&(GREETING.len() as u32).to_le_bytes());
    voice.say_bytes(GREETING.as_bytes());
    voice.flush()?;
    let mut ear = io::stdin().lock();
    let size = u64::from(u32::from_le_bytes({
        let mut size = [0; 4];
        ear.read_exact(&mut size)?;
        size
    }));
    let job = Job::read(&read(&mut ear, size)?).ok_or(io::ErrorKind::InvalidData)?;
    // It asks the engine's build how it behaves, which may take what the walls keep out.
    let sandbox = Sandbox::new(job.config.clone()).map_err(|_| io::ErrorKind::InvalidData)?;
    if let Err((wall, code)) = walls::build(&Bounds::of(&job)) {
        voice.say(&News::Unwalled { wall, code });
        return voice.flush();
    }
    // Nothing that a stranger has made was read up to here.
    let wasm = read(&mut ear, job.wasm_bytes)?;
    let input = read(&mut ear, job.input_bytes)?;
    if let Err(error) = answer(&sandbox, job.task, &wasm, input, &mut voice) {
        voice.say(&News::Failed { error: error? });
    }
    voice.flush()
}

/// Reads exactly so many bytes.
fn read(ear: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX))?;
    ear.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// There is no answer: the guest's fault, or nobody listens.
type Unanswered = io::Result<Error>;

fn answer(sandbox: &Sandbox, task: Task, wasm: &[u8], input: Vec<u8>, voice: &mut Voice) -> Result<(), Unanswered> {
    let module = sandbox.load(wasm).map_err(Ok)?;
    let mut run = match task {
        Task::Validate => {
            voice.say(&News::Valid { inspection: module.inspect().clone() });
            return Ok(());
        }
        Task::Run => sandbox.start(&module, input),
        Task::Call { name, arguments } => sandbox.start_call(&module, &name, &arguments, input, ()),
    }
    .map_err(Ok)?;
    voice.say(&News::Started);
    voice.flush().map_err(Err)?;
    drive(&mut run, voice)
}

/// Runs to the end, and reports on the way.
fn drive(run: &mut Execution, voice: &mut Voice) -> Result<(), Unanswered> {
    loop {
        match run.step(STEP) {
            // A worker has no functions of its own that could wait.
            Ok(Step::Yielded | Step::Waiting) => {
                let usage = run.usage();
                voice.report(run.output(), run.log(), usage);
                voice.flush().map_err(Err)?;
            }
            Ok(Step::Done(outcome)) => {
                voice.report(&outcome.output, &outcome.log, outcome.usage);
                voice.say_files(outcome.files);
                voice.say(&News::Done { status: outcome.status, results: outcome.results });
                return Ok(());
            }
            Err(Error::Stopped(mut stopped)) => {
                voice.report(&mem::take(&mut stopped.output), &mem::take(&mut stopped.log), stopped.usage);
                voice.say_files(mem::take(&mut stopped.files));
                return Err(Ok(Error::Stopped(stopped)));
            }
            Err(error) => return Err(Ok(error)),
        }
    }
}

/// What is said, and how far the output and the log have been told.
#[derive(Debug, Default)]
struct Voice {
    unsaid: Vec<u8>,
    output_bytes: usize,
    log_lines: usize,
    /// What makes the process end without another word.
    broken: Option<io::Error>,
}

impl Voice {
    /// Tells what is new.
    fn report(&mut self, output: &[u8], log: &Log, usage: Usage) {
        let new: &[LogEntry] = log.entries.get(self.log_lines..).unwrap_or_default();
        for part in output.get(self.output_bytes..).unwrap_or_default().chunks(PART_BYTES) {
            self.say(&News::Output { part: Part(part.to_vec()) });
        }
        for entry in new {
            self.say(&News::Log { entry: entry.clone() });
        }
        (self.output_bytes, self.log_lines) = (output.len(), log.entries.len());
        self.say(&News::Used { usage, dropped: log.dropped });
    }

    fn say(&mut self, news: &News) {
        message::put(news, &mut self.unsaid);
        if self.unsaid.len() >= PART_BYTES {
            self.pass_on();
        }
    }

    fn say_files(&mut self, files: Changes) {
        // Names of one file share its bytes.
        let mut told = BTreeMap::new();
        for (path, change) in &files {
            if let Change::File(bytes) = change {
                let first: &String = told.entry((bytes.as_ptr(), bytes.len())).or_insert(path);
                if first != path {
                    self.say(&News::Linked { path: path.clone(), first: first.clone() });
                    continue;
                }
            }
            self.say(&News::Changed { path: path.clone(), change: change.clone() });
        }
    }

    fn say_bytes(&mut self, bytes: &[u8]) {
        self.unsaid.extend_from_slice(bytes);
    }

    fn pass_on(&mut self) {
        let mut stdout = io::stdout().lock();
        if let Err(error) = stdout.write_all(&self.unsaid).and_then(|()| stdout.flush()) {
            self.broken.get_or_insert(error);
        }
        self.unsaid.clear();
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on();
        self.broken.take().map_or(Ok(()), Err)
    }
}
