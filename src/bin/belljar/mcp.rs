//! `belljar mcp`: modules as tools of the Model Context Protocol.

pub mod args;

#[cfg(feature = "mcp")]
mod answer;
#[cfg(feature = "mcp")]
mod arguments;
#[cfg(feature = "mcp")]
mod body;
#[cfg(feature = "mcp")]
mod call;
#[cfg(feature = "mcp")]
mod catalog;
#[cfg(feature = "mcp")]
mod folder;
#[cfg(feature = "mcp")]
mod http;
#[cfg(feature = "mcp")]
mod members;
#[cfg(feature = "mcp")]
mod message;
#[cfg(feature = "mcp")]
mod owners;
#[cfg(feature = "mcp")]
mod serve;
#[cfg(feature = "mcp")]
mod server;
#[cfg(feature = "mcp")]
mod session;
#[cfg(feature = "mcp")]
mod sessions;
#[cfg(feature = "mcp")]
mod stdio;

#[cfg(feature = "mcp")]
pub use self::serve::mcp;

/// This build cannot.
#[cfg(not(feature = "mcp"))]
pub fn mcp(_: &args::McpArgs) -> Result<crate::exit::Exit, crate::failure::Failure> {
    Err(crate::absent::absent("MCP server", "mcp"))
}
