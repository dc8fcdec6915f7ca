//! What can be typed after the commands for tools.

use std::path::PathBuf;

use clap::Args;

use crate::args::{GrantArgs, LookArgs};

/// `belljar pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// The module, a binary `.wasm` file; `-` reads it from stdin
    pub module: PathBuf,
    /// The manifest, in TOML; `-` reads it from stdin
    #[arg(long, value_name = "FILE")]
    pub manifest: PathBuf,
    /// Write the module with the manifest to this file, which may be the module's own; `-` is stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Read the module as WebAssembly text (`.wat`)
    #[arg(long)]
    pub text: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
}

/// `belljar manifest`.
#[derive(Debug, Args)]
pub struct ManifestArgs {
    /// The module, a binary `.wasm` file; `-` reads it from stdin
    pub module: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
}

/// `belljar plan` and `belljar check`.
#[derive(Debug, Args)]
pub struct ToolArgs {
    /// The module, a binary `.wasm` file; `-` reads it from stdin
    pub module: PathBuf,
    /// Read the module as WebAssembly text (`.wat`)
    #[arg(long)]
    pub text: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub grant: GrantArgs,
}
