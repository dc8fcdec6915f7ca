//! The command line of belljar. It uses the public API of the library and nothing else of it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Cli, Command},
    console::Console,
    exit::Exit,
    failure::Failure,
};

#[cfg(not(all(feature = "mcp", feature = "serve")))]
mod absent;
mod args;
mod argument;
mod base64;
mod cache;
mod capabilities;
mod ceiling;
mod completions;
mod console;
mod engine;
mod exit;
mod failure;
mod file;
mod help;
mod hint;
mod inspect;
mod json;
#[cfg(any(feature = "mcp", feature = "serve"))]
mod length;
mod limits;
mod man;
mod map;
mod mcp;
mod origin;
mod output;
#[cfg(any(feature = "mcp", feature = "serve"))]
mod peer;
mod plan;
mod progress;
#[cfg(any(feature = "mcp", feature = "serve"))]
#[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "not all servers use all of it"))]
mod queue;
mod receipt;
mod run;
mod selftest;
mod serve;
mod settings;
mod show;
mod size;
mod source;
#[cfg(any(feature = "mcp", feature = "serve"))]
#[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "not all servers use all of it"))]
mod stream;
mod time;
mod tool;
mod transcript;
#[cfg_attr(not(any(feature = "mcp", feature = "serve")), allow(dead_code, reason = "only servers give turns"))]
mod turns;
mod usage;
mod validate;

fn main() -> ExitCode {
    // With `--isolate` it starts itself once more, and that process goes no further.
    #[cfg(unix)]
    belljar::isolate::worker();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::tell(&error).into(),
    };
    let console = Console::new(cli.command.look());
    let done = match &cli.command {
        Command::Run(args) => run::run(args, &console),
        Command::Map(args) => map::map(args, &console),
        Command::Validate(args) => validate::validate(args, &console),
        Command::Inspect(args) => inspect::inspect(args, &console),
        Command::Verify(args) => receipt::verify(args, &console),
        Command::Pack(args) => tool::pack::pack(args, &console),
        Command::Manifest(args) => tool::manifest::manifest(args, &console),
        Command::Plan(args) => tool::plan::plan(args, &console),
        Command::Check(args) => tool::check::check(args, &console),
        Command::Mcp(args) => mcp::mcp(args),
        Command::Serve(args) => serve::serve(args, &console),
        Command::Selftest(args) => selftest::selftest(args, &console),
        Command::Completions { shell } => completions::completions(*shell),
        Command::Man { subcommand } => man::man(subcommand.as_deref()),
    };
    let exit = done.unwrap_or_else(|failure| match failure {
        // Whoever read the output has had enough of it.
        Failure::Closed => Exit::Done,
        Failure::Told(report) => {
            console.report(&report);
            report.exit
        }
    });
    exit.into()
}
