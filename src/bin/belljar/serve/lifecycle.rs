//! Lifecycle of the server: start, listen, drain, stop.

use std::{process, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::Semaphore,
    time::timeout,
};

use super::{
    args::LogFormat, guest::Guest, listener, options::Options, phase::Phase, server::Server, service::Service,
};
use crate::{console::Console, exit::Exit, failure::Failure};

/// Concurrent connections to the metrics.
const METRICS_CONNECTIONS: usize = 64;
/// Time for clients to read their responses, and for cancelled runs to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves until a signal ends the server.
pub fn serve(guest: Guest, options: Options, console: &Console) -> Result<Exit, Failure> {
    let of_system = |error: std::io::Error| Failure::io("the server", error.to_string());
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(options.runs.permits)
        .thread_name("run")
        .build()
        .map_err(of_system)?;
    let server = Arc::new(Server::new(guest, options, console).map_err(of_system)?);
    raise_descriptors(&server.options, console);
    let done = runtime.block_on(run(&server));
    shut(runtime);
    server.flush_log();
    done.map(|()| Exit::Done)
}

/// Serves until a signal, then drains.
async fn run(server: &Arc<Server>) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let main = listener::listen(&server.options.listen)?;
    let metrics = server.options.metrics.listen.as_deref().map(listener::listen).transpose()?;
    let slots = Arc::new(Semaphore::new(server.options.max_connections));
    if let Some(listener) = metrics {
        announce(server, "metrics", &listener);
        let slots = Arc::new(Semaphore::new(METRICS_CONNECTIONS));
        tokio::spawn(listener::accept(Arc::clone(server), Service::Metrics, listener, slots));
    }
    announce(server, "listening", &main);
    tokio::spawn(listener::accept(Arc::clone(server), Service::Guest, main, Arc::clone(&slots)));

    signals.next().await;
    tokio::select! {
        () = drain(server, &slots) => Ok(()),
        // The second signal ends the program at once, with the exit status that shells report for SIGINT.
        () = signals.next() => process::exit(130),
    }
}

/// Waits up to `--grace` for the received requests to be answered, and cancels the rest.
async fn drain(server: &Server, slots: &Semaphore) {
    let all = u32::try_from(server.options.max_connections).unwrap_or(u32::MAX);
    server.phases.enter(Phase::Draining);
    if timeout(server.options.grace, slots.acquire_many(all)).await.is_err() {
        server.phases.enter(Phase::Cancelling);
        let _ = timeout(SHUTDOWN_TIMEOUT, slots.acquire_many(all)).await;
    }
}

fn announce(server: &Server, what: &str, listener: &TcpListener) {
    let Ok(at) = listener.local_addr() else { return };
    server.log_line(|line| {
        line.push_str(&match server.options.log_format {
            LogFormat::Text => format!("{what} on http://{at}"),
            LogFormat::Json => format!("{{\"{what}\":\"http://{at}\"}}"),
        });
    });
}

/// Ends the runtime; cancelled runs stop within a slice.
fn shut(runtime: Runtime) {
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
}

/// The signals that end the server.
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

/// Raises the limit of file descriptors: each connection needs one, and the default of many systems is low.
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
