//! Options for the format of stdout and the messages on stderr.

use clap::{ArgAction, Args, ValueEnum};

/// Output options.
#[derive(Debug, Clone, Copy, Args)]
pub struct LookArgs {
    /// The format of stdout: text, or one JSON document
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Colours on stderr
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Print which files and configuration are used; twice: trace events; three times: all of them
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Print no log, and no messages but errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// The format of stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text; the guest's output unchanged
    Human,
    /// One JSON document, indented
    Json,
    /// One JSON document on one line
    JsonCompact,
}

/// A choice between always and never that may depend on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Default for LookArgs {
    fn default() -> Self {
        LookArgs { format: Format::Human, color: When::Auto, verbose: 0, quiet: false }
    }
}

impl When {
    /// Resolves the choice for a stream that is a terminal or not.
    pub fn resolve(self, is_terminal: impl FnOnce() -> bool) -> bool {
        match self {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal(),
        }
    }
}
