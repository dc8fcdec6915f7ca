//! `belljar profile` in a program without it.

use clap::Args;

use crate::{console::Console, disabled, exit::Exit, failure::Failure, options::LookArgs};

/// Run a module, and show what its fuel is spent on, function by function
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// Arguments, which are ignored
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<std::ffi::OsString>,
}

impl ProfileArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        LookArgs::default()
    }

    /// Refuses to run.
    pub fn run(&self, _: &Console) -> Result<Exit, Failure> {
        Err(disabled::failure("profiles", "cli"))
    }
}
