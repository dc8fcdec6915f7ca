//! `belljar coverage` in a program without it.

use clap::Args;

use crate::{console::Console, disabled, exit::Exit, failure::Failure, options::LookArgs};

/// Run a module with some inputs, and show which of its code they run
#[derive(Debug, Args)]
pub struct CoverageArgs {
    /// Arguments, which are ignored
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<std::ffi::OsString>,
}

impl CoverageArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        LookArgs::default()
    }

    /// Refuses to run.
    pub fn run(&self, _: &Console) -> Result<Exit, Failure> {
        Err(disabled::failure("coverage", "cli"))
    }
}
