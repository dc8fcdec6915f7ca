//! Errors of the command line parser, and requests for help.

use std::{env, ffi::OsString};

use clap::{ValueEnum, error::ErrorKind};

use crate::{
    closed,
    console::Console,
    exit::Exit,
    failure::Failure,
    options::{Format, LookArgs, When},
};

/// Prints the result of the parser: help on stdout, an error on stderr and in a JSON format also on stdout.
pub fn print(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        return show_help(error);
    }
    // There is nowhere to report that stderr is closed.
    let _ = error.print();
    if let Some(format) = json_format(env::args_os()) {
        let look = LookArgs { format, color: When::Never, verbose: 0, quiet: true };
        if let Failure::Reported(report) = Failure::usage(message(error)) {
            Console::new(look).report(&report);
        }
    }
    Exit::Usage
}

/// Prints help or the version on stdout.
fn show_help(error: &clap::Error) -> Exit {
    let printed = closed::check_stdout().and_then(|()| error.print().map_err(|error| Failure::stdout(&error)));
    match printed {
        Ok(()) | Err(Failure::Closed) => Exit::Done,
        Err(Failure::Reported(report)) => {
            Console::new(LookArgs::default()).report(&report);
            report.exit
        }
    }
}

/// Returns the first line of a parser error, without its label.
fn message(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is missing".into();
    }
    let text = error.render().to_string();
    let first: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    first.join(" ").trim_start_matches("error: ").into()
}

/// Finds the JSON format that a command line asks for that cannot be parsed.
fn json_format(args: impl Iterator<Item = OsString>) -> Option<Format> {
    let args: Vec<_> = args.map(|arg| arg.to_string_lossy().into_owned()).take_while(|arg| arg != "--").collect();
    let apart =
        args.iter().zip(args.iter().skip(1)).filter(|(arg, _)| *arg == "--format").map(|(_, name)| name.as_str());
    let joined = args.iter().filter_map(|arg| arg.strip_prefix("--format="));
    let format = apart.chain(joined).find_map(|name| Format::from_str(name, false).ok())?;
    (format != Format::Human).then_some(format)
}
