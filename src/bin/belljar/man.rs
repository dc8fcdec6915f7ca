//! `belljar man`: the manual pages.

use clap::{Args, Command};

use crate::{exit::Exit, failure::Failure, show};

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar man > belljar.1
  belljar man run > belljar-run.1";

/// Write a manual page to stdout
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ManArgs {
    /// The command whose page it is; without it, the page of `belljar`
    #[arg(value_name = "COMMAND")]
    subcommand: Option<String>,
}

impl ManArgs {
    /// Writes the page of a command, or of the whole program.
    pub fn run(&self, mut program: Command) -> Result<Exit, Failure> {
        program.build();
        let command = match &self.subcommand {
            None => &program,
            Some(name) => program.find_subcommand(name).ok_or_else(|| unknown(name, &program))?,
        };
        write(command.clone())
    }
}

fn unknown(name: &str, program: &Command) -> Failure {
    let commands: Vec<_> = program.get_subcommands().map(Command::get_name).collect();
    Failure::usage(format!("there is no command `{}`", show::name(name)))
        .with_hint(format!("the commands are {}", commands.join(", ")))
}

#[cfg(feature = "cli")]
fn write(command: Command) -> Result<Exit, Failure> {
    use std::io::{self, Write};

    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command.display_name(name)).render(&mut page);
    rendered.and_then(|()| io::stdout().lock().write_all(&page)).map_err(|e| Failure::stdout(&e))?;
    Ok(Exit::Done)
}

/// Returns the failure that this build has no manual pages.
#[cfg(not(feature = "cli"))]
fn write(_: Command) -> Result<Exit, Failure> {
    Err(crate::disabled::failure("manual pages", "cli"))
}
