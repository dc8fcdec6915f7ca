//! `belljar completions`: a script that lets a shell complete command lines.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

use crate::{exit::Exit, failure::Failure};

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar completions bash > ~/.local/share/bash-completion/completions/belljar
  belljar completions fish > ~/.config/fish/completions/belljar.fish";

/// Write a completion script for a shell to stdout
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    /// Writes the completion script of a shell for a program.
    pub fn run(&self, mut program: Command) -> Result<Exit, Failure> {
        // Into memory first: the generator panics where it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "belljar", &mut script);
        io::stdout().lock().write_all(&script).map_err(|e| Failure::stdout(&e))?;
        Ok(Exit::Done)
    }
}
