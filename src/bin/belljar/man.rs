//! `belljar man`: the manual pages.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::{args::Cli, exit::Exit, failure::Failure, show};

/// Writes the page of a command, or of the program.
pub fn man(subcommand: Option<&str>) -> Result<Exit, Failure> {
    let mut program = Cli::command();
    program.build();
    let command = match subcommand {
        None => &program,
        Some(name) => program.find_subcommand(name).ok_or_else(|| unknown(name, &program))?,
    };
    let page = render(command.clone()).map_err(|e| Failure::stdout(&e))?;
    io::stdout().lock().write_all(&page).map_err(|e| Failure::stdout(&e))?;
    Ok(Exit::Done)
}

fn unknown(name: &str, program: &Command) -> Failure {
    let commands: Vec<_> = program.get_subcommands().map(Command::get_name).collect();
    Failure::usage(format!("there is no command `{}`", show::name(name)))
        .with_hint(format!("the commands are {}", commands.join(", ")))
}

fn render(command: Command) -> io::Result<Vec<u8>> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut page = Vec::new();
    Man::new(command.display_name(name)).render(&mut page)?;
    Ok(page)
}
