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

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::{console::Console, exit::Exit, failure::Failure, options::LookArgs};

mod argument;
mod base64;
mod cache;
mod capabilities;
mod ceiling;
mod closed;
mod completions;
mod console;
#[cfg(not(all(feature = "mcp", feature = "serve")))]
mod disabled;
mod engine;
mod entry;
mod exit;
mod failure;
mod file;
mod hint;
mod inspect;
mod interrupt;
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

/// Defines the commands from their options. Those of the second list describe the command line, which they receive.
macro_rules! commands {
    ({ $($command:ident($args:path),)* } { $($describing:ident($describing_args:path),)* }) => {
        /// The commands.
        #[derive(Debug, Subcommand)]
        enum Command {
            $($command(Box<$args>),)*
            $($describing($describing_args),)*
        }

        impl Command {
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
        Run(run::RunArgs),
        Map(map::MapArgs),
        Validate(validate::ValidateArgs),
        Inspect(inspect::InspectArgs),
        Verify(verify::VerifyArgs),
        Pack(tool::pack::PackArgs),
        Manifest(tool::manifest::ManifestArgs),
        Plan(tool::plan::PlanArgs),
        Check(tool::check::CheckArgs),
        Mcp(mcp::args::McpArgs),
        Serve(serve::args::ServeArgs),
        Selftest(selftest::SelftestArgs),
    }
    {
        Completions(completions::CompletionsArgs),
        Man(man::ManArgs),
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
    #[cfg(unix)]
    belljar::isolate::worker();
    let cli = match Cli::try_parse() {
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
