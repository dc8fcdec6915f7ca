//! Start and shutdown of the MCP server.

use std::{
    fs, process,
    sync::Arc,
    thread::{self, available_parallelism},
    time::Duration,
};

use belljar::config::Notation;
use rmcp::ServiceExt;
use tokio::{runtime::Builder, task, time};
use tokio_util::sync::CancellationToken;

use super::{args::McpArgs, folder::Folder, http, server::Server, session::Session, stdio};
use crate::{
    console::Console,
    exit::Exit,
    explain,
    failure::{Failure, io_message},
    settings, show, size,
    turns::Bounds,
};

/// Time between two scans of the files.
const SCAN_INTERVAL: Duration = Duration::from_secs(1);

/// The largest value of `--max-message`: the size limit of documents.
const MAX_MESSAGE: u64 = 255 << 20;

/// Time for the client to read the remaining output on shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves tools until the client disconnects, or a signal ends the server.
pub fn mcp(args: &McpArgs) -> Result<Exit, Failure> {
    if args.explain {
        explain::check()?;
    }
    let console = Console::new(args.look());
    let max_message = max_message(args)?;
    let (policy, origins) = settings::of_tools(&args.grant, &console)?;
    for path in &args.paths {
        fs::metadata(path).map_err(|error| Failure::io(&show::path(path), io_message(&error)))?;
    }
    let jobs = args.jobs.map_or_else(|| available_parallelism().map_or(1, Into::into), usize::from);
    let bounds =
        Bounds { permits: jobs, waiting: args.queue as usize, per_client: args.per_client.map_or(jobs, usize::from) };
    let server = Arc::new(Server::new(bounds, args.receipts, args.explain, origins.clone(), console));
    watch(&server, Folder::new(&args.paths, policy, origins));
    let runtime = Builder::new_multi_thread().worker_threads(2).max_blocking_threads(jobs + 2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("runtime", io_message(&error)))?;
    let ended = runtime.block_on(async {
        let stop = CancellationToken::new();
        stop_at_signals(&stop).map_err(|error| Failure::io("signals", io_message(&error)))?;
        match &args.listen {
            Some(address) => http::serve(server, args, address, max_message, stop).await,
            None => over_stdio(server, max_message, stop).await,
        }
    });
    // Remaining runs have been cancelled.
    runtime.shutdown_background();
    ended.map(|()| Exit::Done)
}

/// Returns the largest message that is read, in bytes.
fn max_message(args: &McpArgs) -> Result<u64, Failure> {
    let usual = if args.listen.is_some() { 4 << 20 } else { 64 << 20 };
    let Some(text) = &args.max_message else { return Ok(usual) };
    let wrong = |message: String| Failure::usage(format!("--max-message: {message}"));
    let size = size::parse(Notation::Size, text).map_err(wrong)?;
    if size > MAX_MESSAGE {
        return Err(wrong(format!("`{}` is more than {}", show::name(text), show::bytes(MAX_MESSAGE))));
    }
    Ok(size)
}

/// Scans the files now, and then periodically in a thread.
fn watch(server: &Arc<Server>, mut folder: Folder) {
    server.rescan(&mut folder);
    if server.catalog().len() == 0 {
        server.with_console(|console| console.warn("no tool is served yet"));
    }
    let server = server.clone();
    // The thread ends with the process.
    thread::spawn(move || {
        loop {
            thread::sleep(SCAN_INTERVAL);
            server.rescan(&mut folder);
        }
    });
}

async fn over_stdio(server: Arc<Server>, max_message: u64, stop: CancellationToken) -> Result<(), Failure> {
    let (transport, written) = stdio::start(max_message, server.permits.clone(), stop.clone());
    let session = Session::new(server, stop.clone());
    // Errors of the session concern only the client.
    if let Ok(served) = session.serve_with_ct(transport, stop).await {
        let _ = served.waiting().await;
    }
    let _ = time::timeout(SHUTDOWN_TIMEOUT, written).await;
    Ok(())
}

/// Cancels `stop` at the first signal, and exits at the second.
fn stop_at_signals(stop: &CancellationToken) -> std::io::Result<()> {
    #[cfg(unix)]
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let stop = stop.clone();
    task::spawn(async move {
        loop {
            #[cfg(unix)]
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            #[cfg(not(unix))]
            let _ = tokio::signal::ctrl_c().await;
            if stop.is_cancelled() {
                // The exit status that shells report for SIGINT.
                process::exit(130);
            }
            stop.cancel();
        }
    });
    Ok(())
}
