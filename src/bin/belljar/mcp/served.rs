//! A served tool.

use std::{fmt, sync::Arc};

use belljar::tool::Tool;
use rmcp::model;

/// A served tool. Running calls keep it even if its file changes.
pub struct ServedTool {
    /// The tool.
    pub tool: Tool,
    /// Its module.
    pub wasm: Arc<[u8]>,
    /// The definition for clients.
    pub definition: model::Tool,
}

impl fmt::Debug for ServedTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedTool").field("name", &self.tool.name()).finish_non_exhaustive()
    }
}
