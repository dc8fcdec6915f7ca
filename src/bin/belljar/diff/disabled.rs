//! `belljar diff` in a program without it.

use clap::Args;

use crate::{console::Console, disabled, exit::Exit, failure::Failure, options::LookArgs};

/// Run a module with two inputs, or two modules, and show where the runs part; or compare two receipts
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Arguments, which are ignored
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<std::ffi::OsString>,
}

impl DiffArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        LookArgs::default()
    }

    /// Refuses to compare.
    pub fn run(&self, _: &Console) -> Result<Exit, Failure> {
        Err(disabled::failure("comparisons of runs", "cli"))
    }
}
