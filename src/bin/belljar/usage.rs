//! A command line that cannot be read, or that asks for help.

use std::{env, ffi::OsString};

use clap::{ValueEnum, error::ErrorKind};

use crate::{
    console::Console,
    exit::Exit,
    failure::Failure,
    options::{Format, LookArgs, When},
};

/// Tells what the parser says: help on stdout, an error on stderr (and in a JSON format on stdout).
pub fn tell(error: &clap::Error) -> Exit {
    // A closed stream has nobody to be told about it.
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::Done;
    }
    if let Some(format) = json_format(env::args_os()) {
        let look = LookArgs { format, color: When::Never, verbose: 0, quiet: true };
        if let Failure::Told(report) = Failure::usage(words(error)) {
            Console::new(look).report(&report);
        }
    }
    Exit::Usage
}

/// The parser's first line, without the word in front.
fn words(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is missing".into();
    }
    let text = error.render().to_string();
    let first: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    first.join(" ").trim_start_matches("error: ").into()
}

/// The JSON format that was asked for, as far as a command line tells that cannot be read.
fn json_format(args: impl Iterator<Item = OsString>) -> Option<Format> {
    let args: Vec<_> = args.map(|arg| arg.to_string_lossy().into_owned()).take_while(|arg| arg != "--").collect();
    let apart = args.windows(2).filter(|pair| pair[0] == "--format").map(|pair| pair[1].as_str());
    let joined = args.iter().filter_map(|arg| arg.strip_prefix("--format="));
    let format = apart.chain(joined).find_map(|name| Format::from_str(name, false).ok())?;
    (format != Format::Human).then_some(format)
}
