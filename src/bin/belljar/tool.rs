//! Modules as tools: the commands that pack, show, plan and check them.

use std::path::Path;

use belljar::{Tool, ToolError};

use crate::{console::Console, exit::Exit, failure::Failure, options::GrantArgs, settings, show, source::Source};

pub mod check;
pub mod manifest;
pub mod pack;
pub mod plan;

/// The largest module that is read before it is known what is granted, in bytes: the largest there is.
pub const MAX_MODULE_BYTES: u64 = 256 << 20;

/// A module as a tool, with what the policy and the options give it.
pub fn load(path: &Path, text: bool, grant: &GrantArgs, console: &Console) -> Result<Tool, Failure> {
    let (policy, _) = settings::of_tools(grant, console)?;
    let source = Source::of(path);
    let wasm = read(&source, text)?;
    Tool::load(&wasm, &file_name(path), &policy).map_err(|error| failure(&error).in_file(source.name()))
}

/// Reads a module, whichever limits it will have.
pub fn read(source: &Source, text: bool) -> Result<Vec<u8>, Failure> {
    let mut config = belljar::Config::profile(belljar::Profile::Large);
    config.module.size_bytes = MAX_MODULE_BYTES;
    source.module(text, &belljar::Sandbox::new(config).map_err(Failure::of)?)
}

/// The name of a file, by which a module without a manifest is called.
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().map_or("stdin".into(), |name| name.to_string_lossy());
    name.strip_suffix(".wat").unwrap_or(&name).to_owned()
}

/// A tool that cannot be, as it is told.
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
