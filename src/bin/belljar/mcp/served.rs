//! A tool that is served.

use std::{fmt, sync::Arc};

use belljar::Tool;
use rmcp::model;

/// A tool that is served. A call goes on with it, whatever becomes of its file.
pub struct Served {
    /// The tool.
    pub tool: Tool,
    /// Its module.
    pub wasm: Arc<[u8]>,
    /// What clients are told of it.
    pub listed: model::Tool,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("name", &self.tool.name()).finish_non_exhaustive()
    }
}
