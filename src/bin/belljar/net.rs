//! Parts of HTTP servers: connections, heads and bodies of requests, and the turns of clients.

pub mod body;
pub mod head;
mod length;
pub mod peer;
pub mod queue;
#[cfg(feature = "mcp")]
pub mod shares;
pub mod stream;
