//! `belljar serve`: a module answers requests over HTTP, each with a run of its own.

use crate::{console::Console, exit::Exit, failure::Failure};

#[cfg(feature = "serve")]
mod access;
pub mod args;
#[cfg(feature = "serve")]
mod cgi;
#[cfg(feature = "serve")]
mod connection;
#[cfg(feature = "serve")]
mod exchange;
#[cfg(feature = "serve")]
mod guest;
#[cfg(feature = "serve")]
mod head;
#[cfg(feature = "serve")]
mod histogram;
#[cfg(feature = "serve")]
mod json;
#[cfg(feature = "serve")]
mod listener;
#[cfg(feature = "serve")]
mod log;
#[cfg(feature = "serve")]
mod metrics;
#[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "what is typed is checked in every build"))]
mod options;
#[cfg(feature = "serve")]
mod pace;
#[cfg(feature = "serve")]
mod phase;
#[cfg(feature = "serve")]
mod pool;
#[cfg(feature = "serve")]
mod problem;
#[cfg(feature = "serve")]
mod reply;
#[cfg(feature = "serve")]
mod running;
#[cfg(feature = "serve")]
mod server;
#[cfg(feature = "serve")]
mod service;

/// Serves until it is told to stop.
pub fn serve(args: &args::ServeArgs, console: &Console) -> Result<Exit, Failure> {
    let options = options::Options::of(args)?;
    #[cfg(feature = "serve")]
    return server::serve(guest::Guest::load(args, console)?, options, console);
    #[cfg(not(feature = "serve"))]
    {
        let _ = (options, console);
        Err(crate::absent::absent("HTTP server", "serve"))
    }
}
