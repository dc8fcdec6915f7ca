//! `belljar completions`: a script that lets a shell complete command lines.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{args::Cli, exit::Exit, failure::Failure};

/// Writes the script of a shell.
pub fn completions(shell: Shell) -> Result<Exit, Failure> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "belljar", &mut script);
    io::stdout().lock().write_all(&script).map_err(|e| Failure::stdout(&e))?;
    Ok(Exit::Done)
}
