//! The process of a worker, from its start to its end. It never outlives its owner.

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

use super::{message::GREETING, worker};
use crate::error::{IsolationError, WorkerEnd};

/// The one environment variable of a worker.
pub(super) const MARK: &str = "BELLJAR_WORKER";

/// A process that has closed its end gets so long to be gone.
const LAST_BREATH: Duration = Duration::from_secs(5);

/// The program that is a worker, with its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Program {
    /// The one that this process runs.
    #[default]
    Own,
    /// Another.
    Other(PathBuf, Vec<OsString>),
}

/// The process of a worker.
#[derive(Debug)]
pub(super) struct Child(Process);

impl Program {
    /// How messages name it.
    pub(super) fn name(&self) -> String {
        match self {
            Program::Own => "this program".into(),
            Program::Other(path, _) => path.to_string_lossy().into_owned(),
        }
    }

    /// Starts it with nothing but a connection to this process.
    pub(super) fn start(&self) -> Result<(Child, UnixStream), IsolationError> {
        if env::var_os(MARK).is_some() {
            // A program that never became a worker would start itself without end.
            return Err(IsolationError::Nested);
        }
        if *self == Program::Own && !worker::is_able() {
            return Err(IsolationError::NotAWorker { program: self.name(), found: None });
        }
        self.spawn().map_err(|error| IsolationError::Start { program: self.name(), message: error.to_string() })
    }

    fn spawn(&self) -> io::Result<(Child, UnixStream)> {
        let (path, arguments) = match self {
            Program::Own => (own_path()?, [].as_slice()),
            // The worker starts in another directory.
            Program::Other(path, arguments) => (std::path::absolute(path)?, arguments.as_slice()),
        };
        let (ours, theirs) = UnixStream::pair()?;
        // Nobody listens to its stderr.
        let (listener, stderr) = io::pipe()?;
        drop(listener);
        let process = Command::new(path)
            .args(arguments)
            .env_clear()
            .env(MARK, GREETING)
            .current_dir("/")
            // What a terminal sends to this process is not for the worker.
            .process_group(0)
            .stdin(OwnedFd::from(theirs.try_clone()?))
            .stdout(OwnedFd::from(theirs))
            .stderr(stderr)
            .spawn()?;
        Ok((Child(process), ours))
    }
}

/// The program that this process runs.
fn own_path() -> io::Result<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};
        // It leads to the very file that runs here, even if another has taken its name by now.
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
    /// How a process ended that has closed its end.
    pub(super) fn end(&mut self) -> WorkerEnd {
        let start = Instant::now();
        let mut pause = Duration::from_micros(100);
        while start.elapsed() < LAST_BREATH {
            match self.0.try_wait() {
                Ok(Some(status)) => return ended(status),
                Ok(None) => thread::sleep(pause),
                // Somebody else has waited for it.
                Err(_) => break,
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        self.kill();
        WorkerEnd::Garbage
    }

    /// Ends it, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        // It may be gone already.
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
