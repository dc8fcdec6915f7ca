//! `belljar debug` in a program without it.

use clap::Args;

use crate::{console::Console, disabled, exit::Exit, failure::Failure, options::LookArgs};

/// Debug a run of a module, forwards and backwards
#[derive(Debug, Args)]
pub struct DebugArgs {
    /// Arguments, which are ignored
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<std::ffi::OsString>,
}

impl DebugArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        LookArgs::default()
    }

    /// Refuses to run.
    pub fn run(&self, _: &Console) -> Result<Exit, Failure> {
        Err(disabled::failure("debugger", "cli"))
    }
}
