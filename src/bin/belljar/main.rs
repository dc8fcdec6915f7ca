//! The command line of belljar. It uses nothing but the public API of the library.

#![allow(unnameable_types, unreachable_pub, reason = "a program exports nothing")]
#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used,
        reason = "a test fails by a panic"
    )
)]

use std::{env, process::ExitCode};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{console::Console, exit::Exit, failure::Failure, options::LookArgs};

mod argument;
mod base64;
mod cache;
mod call;
mod capabilities;
mod ceiling;
mod closed;
mod completions;
mod console;
#[cfg_attr(not(feature = "cli"), path = "coverage/disabled.rs")]
mod coverage;
#[cfg_attr(not(feature = "cli"), path = "debug/disabled.rs")]
mod debug;
#[cfg_attr(not(feature = "cli"), path = "diff/disabled.rs")]
mod diff;
#[cfg(not(all(feature = "mcp", feature = "serve")))]
mod disabled;
mod engine;
mod entry;
mod exceeded;
mod exit;
#[cfg_attr(not(feature = "explain"), path = "explain/disabled.rs")]
#[cfg_attr(not(any(feature = "mcp", feature = "serve")), allow(dead_code, reason = "only servers explain in threads"))]
mod explain;
mod failure;
mod file;
mod hint;
mod inspect;
mod interrupt;
mod job;
mod json;
mod limits;
mod man;
mod map;
mod mcp;
#[cfg(any(feature = "mcp", feature = "serve"))]
#[cfg_attr(not(all(feature = "mcp", feature = "serve")), allow(dead_code, reason = "each server uses a part of it"))]
mod net;
mod options;
mod origin;
mod output;
mod plan;
#[cfg_attr(not(feature = "cli"), path = "profile/disabled.rs")]
mod profile;
mod progress;
mod receipt;
mod run;
mod selftest;
mod serve;
mod settings;
mod show;
mod size;
mod source;
mod time;
mod tool;
mod transcript;
#[cfg_attr(not(any(feature = "mcp", feature = "serve")), allow(dead_code, reason = "only servers give turns"))]
mod turns;
mod usage;
mod validate;
mod verify;
mod word;

/// Runs untrusted WebAssembly: metered, within hard limits, with the same result everywhere.
#[derive(Debug, Parser)]
#[command(name = "belljar", version, max_term_width = 100, after_help = exit::HELP)]
struct Cli {
    /// The command.
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    /// Parses the command line.
    ///
    /// Most of the time that this takes is spent on creating the parser, so that of the typed command is tried first.
    /// Help and errors are those of the whole parser, which knows all commands.
    fn of_arguments() -> Result<Cli, clap::Error> {
        let typed = env::args_os().nth(1).and_then(|name| Command::parser(name.to_str()?));
        let one = typed.and_then(|command| {
            let matches = clap::Command::new("belljar").subcommand(command).try_get_matches().ok()?;
            Cli::from_arg_matches(&matches).ok()
        });
        one.map_or_else(Cli::try_parse, Ok)
    }
}

/// Defines the commands from their names and options. Those of the second list describe the command line, which they
/// receive.
macro_rules! commands {
    ({ $($name:literal $command:ident($args:path),)* } { $($other:literal $describing:ident($describing_args:path),)* }) => {
        /// The commands.
        #[derive(Debug, Subcommand)]
        enum Command {
            $(#[command(name = $name)] $command(Box<$args>),)*
            $(#[command(name = $other)] $describing($describing_args),)*
        }

        impl Command {
            /// Returns the parser of one command.
            fn parser(name: &str) -> Option<clap::Command> {
                match name {
                    $($name => Some(<$args>::augment_args(clap::Command::new($name))),)*
                    $($other => Some(<$describing_args>::augment_args(clap::Command::new($other))),)*
                    _ => None,
                }
            }

            /// Returns the output options.
            fn look(&self) -> LookArgs {
                match self {
                    $(Command::$command(args) => args.look(),)*
                    $(Command::$describing(_))|* => LookArgs::default(),
                }
            }

            /// Runs the command.
            fn run(&self, console: &Console) -> Result<Exit, Failure> {
                match self {
                    $(Command::$command(args) => args.run(console),)*
                    $(Command::$describing(args) => args.run(Cli::command()),)*
                }
            }
        }
    };
}

commands! {
    {
        "run" Run(run::RunArgs),
        "map" Map(map::MapArgs),
        "validate" Validate(validate::ValidateArgs),
        "inspect" Inspect(inspect::InspectArgs),
        "verify" Verify(verify::VerifyArgs),
        "pack" Pack(tool::pack::PackArgs),
        "manifest" Manifest(tool::manifest::ManifestArgs),
        "plan" Plan(tool::plan::PlanArgs),
        "check" Check(tool::check::CheckArgs),
        "mcp" Mcp(mcp::args::McpArgs),
        "serve" Serve(serve::args::ServeArgs),
        "profile" Profile(profile::ProfileArgs),
        "coverage" Coverage(coverage::CoverageArgs),
        "debug" Debug(debug::DebugArgs),
        "diff" Diff(diff::DiffArgs),
        "selftest" Selftest(selftest::SelftestArgs),
    }
    {
        "completions" Completions(completions::CompletionsArgs),
        "man" Man(man::ManArgs),
    }
}

impl Command {
    /// Checks stdout for the commands that write to it: all but servers with an address.
    fn check_stdout(&self) -> Result<(), Failure> {
        match self {
            Command::Serve(_) => Ok(()),
            Command::Mcp(args) if args.listen.is_some() => Ok(()),
            _ => closed::check_stdout(),
        }
    }
}

fn main() -> ExitCode {
    // With `--isolate` the program starts itself as a worker, which does not return from here.
    #[cfg(all(feature = "isolate", unix))]
    belljar::isolate::worker();
    let cli = match Cli::of_arguments() {
        Ok(cli) => cli,
        Err(error) => return usage::print(&error).into(),
    };
    let console = Console::new(cli.command.look());
    let ended = cli.command.check_stdout().and_then(|()| cli.command.run(&console));
    let exit = ended.unwrap_or_else(|failure| match failure {
        // The reader of stdout has closed it, which is no error.
        Failure::Closed => Exit::Done,
        Failure::Reported(report) => {
            console.report(&report);
            report.exit
        }
    });
    exit.into()
}
