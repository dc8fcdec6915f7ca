//! `belljar mcp`: modules as tools of the Model Context Protocol.

use self::args::McpArgs;
use crate::{console::Console, exit::Exit, failure::Failure, options::LookArgs};

pub mod args;

#[cfg(feature = "mcp")]
#[path = "mcp"]
mod enabled {
    use super::args;

    mod answer;
    mod arguments;
    mod body;
    mod call;
    mod catalog;
    mod folder;
    mod http;
    mod members;
    mod message;
    mod owners;
    mod reservation;
    mod serve;
    mod served;
    mod server;
    mod session;
    mod sessions;
    mod stdio;

    pub use self::serve::mcp;
}

impl McpArgs {
    /// Returns the output options. All messages go to stderr, since stdout is the client's.
    pub fn look(&self) -> LookArgs {
        LookArgs { color: self.color, verbose: self.verbose, quiet: self.quiet, ..LookArgs::default() }
    }

    /// Serves tools until the client is gone, or a signal ends the server.
    #[cfg(feature = "mcp")]
    pub fn run(&self, _: &Console) -> Result<Exit, Failure> {
        enabled::mcp(self)
    }

    /// Returns the failure that this build has no MCP server.
    #[cfg(not(feature = "mcp"))]
    pub fn run(&self, _: &Console) -> Result<Exit, Failure> {
        Err(crate::disabled::failure("MCP server", "cli,mcp"))
    }
}
