//! The commands for tools: `pack`, `manifest`, `plan` and `check`.

use std::path::Path;

use belljar::tool::{Tool, ToolError};

use crate::{console::Console, exit::Exit, failure::Failure, options::GrantArgs, settings, show, source::Source};

pub mod check;
pub mod manifest;
pub mod pack;
pub mod plan;

/// The largest module that is read before the limits are known, in bytes: the maximum of `module.size_bytes`.
pub const MAX_MODULE_BYTES: u64 = 256 << 20;

/// Loads a module as a tool, with the grants of the policy and the options; also returns its bytes.
pub fn load(path: &Path, text: bool, grant: &GrantArgs, console: &Console) -> Result<(Tool, Vec<u8>), Failure> {
    let (policy, origins) = settings::of_tools(grant, console)?;
    let source = Source::of(path);
    let wasm = read(&source, text)?;
    let tool = Tool::load(&wasm, &file_name(path), &policy);
    tool.map(|tool| (tool, wasm)).map_err(|error| failure(&error).in_file(source.name()).under(&origins))
}

/// Reads a module before its limits are known.
pub fn read(source: &Source, text: bool) -> Result<Vec<u8>, Failure> {
    source.module(text, &sandbox()?)
}

/// Reads a module before its limits are known, as text only if `text` is set.
#[cfg(feature = "serve")]
pub fn read_exact(source: &Source, text: bool) -> Result<Vec<u8>, Failure> {
    source.exact_module(text, &sandbox()?)
}

/// Returns the sandbox whose limits bound what is read.
fn sandbox() -> Result<belljar::Sandbox, Failure> {
    let mut config = belljar::Config::profile(belljar::Profile::Large);
    config.module.size_bytes = MAX_MODULE_BYTES;
    belljar::Sandbox::new(config).map_err(Failure::of)
}

/// Returns the name of a file, which is the name of a tool without a manifest.
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().map_or("stdin".into(), |name| name.to_string_lossy());
    name.strip_suffix(".wat").unwrap_or(&name).to_owned()
}

/// Returns the failure of a module that is no tool.
fn without_manifest() -> Failure {
    Failure::tool("the module has no manifest").with_hint("`belljar pack MODULE --manifest tool.toml -o OUT` adds one")
}

/// Converts an error of a tool to a failure with its exit status and hint.
pub fn failure(error: &ToolError) -> Failure {
    let failure = match error {
        ToolError::Run(cause) => Failure::of((**cause).clone()),
        ToolError::Manifest(_) | ToolError::Pinned { .. } | ToolError::Refused { .. } => {
            Failure::tool(error.to_string()).with_exit(Exit::Refused)
        }
        _ => Failure::tool(error.to_string()),
    };
    match error.hint() {
        Some(hint) if !matches!(error, ToolError::Run(_)) => failure.with_hint(show::name(&hint)),
        _ => failure,
    }
}
