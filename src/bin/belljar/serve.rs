//! `belljar serve`: a module answers requests over HTTP, each with a separate run.

use self::{args::ServeArgs, options::Options};
use crate::{console::Console, exit::Exit, failure::Failure, options::LookArgs};

pub mod args;
#[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "options are checked in every build"))]
mod options;

#[cfg(feature = "serve")]
#[path = "serve"]
mod enabled {
    use super::{args, options};

    mod access;
    mod cgi;
    mod connection;
    mod exchange;
    mod guest;
    mod histogram;
    mod json;
    mod lifecycle;
    mod listener;
    mod log;
    mod metrics;
    mod pace;
    mod phase;
    mod pool;
    mod problem;
    mod reply;
    mod running;
    mod server;
    mod service;

    pub use self::{guest::Guest, lifecycle::serve};
}

impl ServeArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Serves until a signal ends the server.
    #[cfg(feature = "serve")]
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let options = Options::of(self)?;
        enabled::serve(enabled::Guest::load(self, console)?, options, console)
    }

    /// Checks the options, and fails: this build has no HTTP server.
    #[cfg(not(feature = "serve"))]
    pub fn run(&self, _: &Console) -> Result<Exit, Failure> {
        Options::of(self)?;
        Err(crate::disabled::failure("HTTP server", "cli,serve"))
    }
}
