//! Options of the commands that load one tool.

use std::path::PathBuf;

use clap::Args;

use super::{config::GrantArgs, look::LookArgs};

/// A tool and its grants.
#[derive(Debug, Args)]
pub struct ToolArgs {
    /// The module, a `.wasm` or `.wat` file; `-` reads it from stdin
    pub module: PathBuf,
    /// Read the module as WebAssembly text, as a file that begins like text is without it
    #[arg(long)]
    pub text: bool,
    #[command(flatten)]
    pub look: LookArgs,
    #[command(flatten)]
    pub grant: GrantArgs,
}
