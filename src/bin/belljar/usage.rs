//! Errors of the command line parser, and requests for help.

use std::{env, ffi::OsString, path::Path};

use clap::{
    ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    closed,
    console::Console,
    exit::Exit,
    failure::Failure,
    options::{Format, LookArgs, When},
    show,
};

/// Prints the result of the parser: help on stdout, an error on stderr and in a JSON format also on stdout.
pub fn print(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        return show_help(error);
    }
    // There is nowhere to report that stderr is closed.
    let _ = error.print();
    let hint = hint(error, env::args_os().nth(1));
    if let Some(hint) = &hint {
        Console::new(LookArgs::default()).hint(hint);
    }
    if let Some(format) = json_format(env::args_os()) {
        let look = LookArgs { format, color: When::Never, verbose: 0, quiet: true };
        let failure = Failure::usage(message(error));
        if let Failure::Reported(report) = hint.into_iter().fold(failure, Failure::with_hint) {
            Console::new(look).report(&report);
        }
    }
    Exit::Usage
}

/// Returns a hint for a mistake that the parser has no advice for.
fn hint(error: &clap::Error, command: Option<OsString>) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(show::name(text)),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let module = text(ContextKind::InvalidSubcommand)?;
            let is_module = module.ends_with(".wasm") || module.ends_with(".wat") || Path::new(&module).is_file();
            is_module.then(|| format!("did you mean `belljar run {module}`?"))
        }
        ErrorKind::UnknownArgument => {
            let argument = text(ContextKind::InvalidArg)?;
            let takes_arguments = command.is_some_and(|command| GUEST_ARGUMENTS.iter().any(|name| command == *name));
            if !takes_arguments || argument.starts_with('-') {
                return None;
            }
            let typed = env::args_os().map(|argument| show::name(&argument.to_string_lossy()));
            let all: Vec<_> =
                typed.skip_while(|typed| *typed != argument).take_while(|typed| is_plain(typed)).collect();
            Some(format!("arguments of the guest are behind `--`: `-- {}`", all.join(" ")))
        }
        _ => None,
    }
}

/// Checks that an argument is no option: negative numbers are none.
fn is_plain(argument: &str) -> bool {
    argument.strip_prefix('-').is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

/// Commands with arguments of the guest, behind `--`.
const GUEST_ARGUMENTS: [&str; 5] = ["run", "map", "profile", "coverage", "serve"];

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
    let apart = args
        .iter()
        .zip(args.iter().skip(1))
        .filter(|(arg, _)| *arg == "--format" || *arg == "-f")
        .map(|(_, name)| name.as_str());
    let joined = args.iter().filter_map(|arg| arg.strip_prefix("--format="));
    let format = apart.chain(joined).find_map(|name| Format::from_str(name, false).ok())?;
    (format != Format::Human).then_some(format)
}
