//! What can be typed for `belljar map`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{ConfigArgs, LookArgs, When},
    capabilities::CapabilityArgs,
    limits::LimitArgs,
    map::Count,
};

/// `belljar map`.
#[derive(Debug, Args)]
pub struct MapArgs {
    /// The module, a binary `.wasm` file; `-` reads it from stdin
    pub module: PathBuf,
    /// Arguments of a WASI program, the same for each line
    #[arg(last = true)]
    pub args: Vec<String>,
    /// Read the inputs from this file, one a line; `-` is stdin [default: stdin]
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Write the outputs to this file, one a line; beside it, FILE.belljar says what they are of; `-` is
    /// stdout [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Go on where the same command was ended before, by whatever it was; begin, if it never was begun
    #[arg(long, requires = "output")]
    pub resume: bool,
    /// Overwrite the file of the outputs, if there is something in it
    #[arg(long, requires = "output", conflicts_with = "resume")]
    pub force: bool,
    /// Write an error record for a line that is too long or whose run fails, and go on
    #[arg(long)]
    pub keep_going: bool,
    /// Run so many lines at the same time [default: as many as the system lets it]
    #[arg(long, value_name = "NUMBER")]
    pub threads: Option<Count>,
    /// Have so many lines in memory at most, with their outputs [default: 32 for each thread]
    #[arg(long, value_name = "NUMBER")]
    pub window: Option<Count>,
    /// The longest line that is read
    #[arg(long, value_name = "SIZE", default_value = "16MiB")]
    pub line_limit: String,
    /// Read the module as WebAssembly text (`.wat`)
    #[arg(long)]
    pub text: bool,
    /// Escape control characters of the outputs: on a terminal, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub escape: When,
    /// Print to stderr how many lines there were, what they used, and the wall time
    #[arg(long)]
    pub metrics: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub capabilities: CapabilityArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub config: ConfigArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: LimitArgs,
}
