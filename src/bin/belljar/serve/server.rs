//! The server: what all connections share, and how it begins and ends.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::Semaphore,
    time::timeout,
};

use super::{
    args::LogFormat,
    guest::Guest,
    listener,
    log::Log,
    metrics::Metrics,
    options::Options,
    pace::Pace,
    phase::{Phase, Phases},
    pool::Pool,
    service::Service,
};
use crate::{console::Console, exit::Exit, failure::Failure};

/// What all connections share.
#[derive(Debug)]
pub struct Server {
    /// How it serves.
    pub options: Options,
    /// What it serves.
    pub guest: Guest,
    /// What it has done.
    pub metrics: Metrics,
    /// Where runs are made.
    pub pool: Pool,
    /// How long they have taken lately.
    pub pace: Pace,
    /// How far it is on its way to its end.
    pub phases: Phases,
    /// Whether there is no access log.
    pub quiet: bool,
    /// Whether what guests log is told.
    pub verbose: bool,
    log: Log,
    requests: AtomicU64,
}

/// Connections to the metrics at a time.
const METRICS_CONNECTIONS: usize = 64;
/// For answers to be taken, and for runs to stop, once these are cancelled.
const LAST: Duration = Duration::from_secs(1);

/// Serves until it is told to stop.
pub fn serve(guest: Guest, options: Options, console: &Console) -> Result<Exit, Failure> {
    let of_system = |error: std::io::Error| Failure::io("the server", error.to_string());
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(options.runs.places)
        .thread_name("run")
        .build()
        .map_err(of_system)?;
    let server = Arc::new(Server {
        metrics: Metrics::default(),
        pool: Pool::new(options.runs),
        pace: Pace::new(),
        phases: Phases::new(),
        quiet: console.is_quiet(),
        verbose: console.is_verbose(),
        log: Log::new().map_err(of_system)?,
        requests: AtomicU64::new(0),
        options,
        guest,
    });
    raise_descriptors(&server.options, console);
    let done = runtime.block_on(server.clone().live());
    shut(runtime);
    server.log.flush();
    done.map(|()| Exit::Done)
}

impl Server {
    /// The number of the next request; the first is 1.
    pub fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Relaxed) + 1
    }

    /// Writes a line to stderr, or counts it as lost.
    pub fn say(&self, line: impl FnOnce(&mut String)) {
        if !self.log.line(line) {
            self.metrics.lost_lines.add(1);
        }
    }

    async fn live(self: Arc<Self>) -> Result<(), Failure> {
        let mut signals = Signals::new()?;
        let main = listener::listen(&self.options.listen)?;
        let metrics = self.options.metrics.listen.as_deref().map(listener::listen).transpose()?;
        let slots = Arc::new(Semaphore::new(self.options.max_connections));
        if let Some(listener) = metrics {
            self.announce("metrics", &listener);
            let slots = Arc::new(Semaphore::new(METRICS_CONNECTIONS));
            tokio::spawn(listener::accept(Arc::clone(&self), Service::Metrics, listener, slots));
        }
        self.announce("listening", &main);
        tokio::spawn(listener::accept(Arc::clone(&self), Service::Guest, main, Arc::clone(&slots)));

        signals.next().await;
        tokio::select! {
            () = self.drain(&slots) => Ok(()),
            // Whoever says it twice means at once, as shells tell of a program that SIGINT has ended.
            () = signals.next() => process::exit(130),
        }
    }

    /// Lets requests that have come be answered, for so long, and cancels the rest.
    async fn drain(&self, slots: &Semaphore) {
        let all = u32::try_from(self.options.max_connections).unwrap_or(u32::MAX);
        self.phases.enter(Phase::Draining);
        if timeout(self.options.grace, slots.acquire_many(all)).await.is_err() {
            self.phases.enter(Phase::Cancelling);
            let _ = timeout(LAST, slots.acquire_many(all)).await;
        }
    }

    fn announce(&self, what: &str, listener: &TcpListener) {
        let Ok(at) = listener.local_addr() else { return };
        self.say(|line| {
            line.push_str(&match self.options.log_format {
                LogFormat::Text => format!("{what} on http://{at}"),
                LogFormat::Json => format!("{{\"{what}\":\"http://{at}\"}}"),
            });
        });
    }
}

/// Ends what is left; runs that were cancelled stop within a slice.
fn shut(runtime: Runtime) {
    runtime.shutdown_timeout(LAST);
}

/// What tells a program to stop.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> Result<Signals, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let of = |kind| signal(kind).map_err(|error| Failure::io("signals", error.to_string()));
        Ok(Signals { terminate: of(SignalKind::terminate())?, interrupt: of(SignalKind::interrupt())? })
    }

    #[cfg(not(unix))]
    fn new() -> Result<Signals, Failure> {
        Ok(Signals {})
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Each connection is a descriptor, and many systems start programs with few.
#[cfg(unix)]
fn raise_descriptors(options: &Options, console: &Console) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = options.max_connections as u64 + METRICS_CONNECTIONS as u64 + 64;
    let limit = getrlimit(Resource::Nofile);
    let enough = |current: Option<u64>| current.is_none_or(|current| current >= wanted);
    if enough(limit.current) {
        return;
    }
    let raised = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
    if !enough(getrlimit(Resource::Nofile).current) {
        console.warn(format_args!("the system allows fewer descriptors than --max-connections needs: {wanted}"));
    }
}

#[cfg(not(unix))]
fn raise_descriptors(_: &Options, _: &Console) {}
