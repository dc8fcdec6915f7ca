//! `belljar completions`: a script that lets a shell complete command lines.

use clap::{Args, Command, ValueEnum};

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

/// The shells.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

impl CompletionsArgs {
    /// Writes the completion script of a shell for a program.
    #[cfg(feature = "cli")]
    pub fn run(&self, mut program: Command) -> Result<Exit, Failure> {
        use std::io::{self, Write};

        use clap_complete::Shell as Generator;

        let generator = match self.shell {
            Shell::Bash => Generator::Bash,
            Shell::Elvish => Generator::Elvish,
            Shell::Fish => Generator::Fish,
            Shell::Powershell => Generator::PowerShell,
            Shell::Zsh => Generator::Zsh,
        };
        // Into memory first: the generator panics where it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(generator, &mut program, "belljar", &mut script);
        io::stdout().lock().write_all(&script).map_err(|e| Failure::stdout(&e))?;
        Ok(Exit::Done)
    }

    /// Returns the failure that this build has no completions.
    #[cfg(not(feature = "cli"))]
    pub fn run(&self, _: Command) -> Result<Exit, Failure> {
        Err(crate::disabled::failure(&format!("completions for {:?}", self.shell), "cli"))
    }
}
