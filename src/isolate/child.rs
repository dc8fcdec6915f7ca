//! The process of a worker, from start to end. It never outlives its owner.

use std::{
    env,
    ffi::OsString,
    io,
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::PathBuf,
    process::{Child as Process, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use super::{
    message::GREETING,
    worker::{self, WORKER_ENV},
};
use crate::error::{IsolationError, WorkerEnd};

/// Time that a process has to exit after it has closed its connection.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Program of a worker, with its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Program {
    /// The program that this process runs.
    #[default]
    Own,
    /// Another program.
    Other(PathBuf, Vec<OsString>),
}

/// The process of a worker.
#[derive(Debug)]
pub(super) struct Child(Process);

impl Program {
    /// Returns its name for messages.
    pub(super) fn name(&self) -> String {
        match self {
            Program::Own => "this program".into(),
            Program::Other(path, _) => path.to_string_lossy().into_owned(),
        }
    }

    /// Starts it with a connection to this process, and nothing else.
    pub(super) fn start(&self) -> Result<(Child, UnixStream), IsolationError> {
        if env::var_os(WORKER_ENV).is_some() {
            // A program that does not become a worker would start itself without end.
            return Err(IsolationError::Nested);
        }
        if *self == Program::Own && !worker::is_available() {
            return Err(IsolationError::NotAWorker { program: self.name(), found: None });
        }
        self.spawn().map_err(|error| IsolationError::Start { program: self.name(), message: error.to_string() })
    }

    fn spawn(&self) -> io::Result<(Child, UnixStream)> {
        let (path, arguments) = match self {
            Program::Own => (own_path()?, [].as_slice()),
            // The worker starts in another directory, so its path is made absolute.
            Program::Other(path, arguments) => (std::path::absolute(path)?, arguments.as_slice()),
        };
        let (ours, theirs) = UnixStream::pair()?;
        // Its stderr is discarded.
        let (reader, stderr) = io::pipe()?;
        drop(reader);
        let process = Command::new(path)
            .args(arguments)
            .env_clear()
            .env(WORKER_ENV, GREETING)
            .current_dir("/")
            // Signals of a terminal to this process are not for the worker.
            .process_group(0)
            .stdin(OwnedFd::from(theirs.try_clone()?))
            .stdout(OwnedFd::from(theirs))
            .stderr(stderr)
            .spawn()?;
        Ok((Child(process), ours))
    }
}

/// Returns the path of the program that this process runs.
fn own_path() -> io::Result<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};
        // It refers to the running file, even if the file at its path was replaced.
        const OWN: &str = "/proc/self/exe";
        if Path::new(OWN).exists() {
            return Ok(OWN.into());
        }
        let name = OsStr::from_bytes(rustix::param::linux_execfn().to_bytes());
        std::path::absolute(Path::new(name))
    }
    #[cfg(not(target_os = "linux"))]
    env::current_exe()
}

impl Child {
    /// Waits for a process that has closed its connection, and returns how it ended.
    pub(super) fn end(&mut self) -> WorkerEnd {
        let start = Instant::now();
        let mut pause = Duration::from_micros(100);
        while start.elapsed() < EXIT_TIMEOUT {
            match self.0.try_wait() {
                Ok(Some(status)) => return ended(status),
                Ok(None) => thread::sleep(pause),
                // Other code of this process has waited for it.
                Err(_) => break,
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        self.kill();
        WorkerEnd::Garbage
    }

    /// Kills the process and waits for it.
    pub(super) fn kill(&mut self) {
        // It may have exited before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn ended(status: ExitStatus) -> WorkerEnd {
    match (status.signal(), status.code()) {
        (Some(signal), _) => WorkerEnd::Signal { signal },
        (None, Some(code)) => WorkerEnd::Exit { code },
        (None, None) => WorkerEnd::Garbage,
    }
}
