//! Runs the test suite of WebAssembly in belljar, and counts what passes. README.md says more.

mod answers;
mod arguments;
mod expected;
mod guest;
mod imports;
mod link;
mod needs;
mod options;
mod reason;
mod refusal;
mod script;
mod subject;
mod suite;
mod tally;
#[cfg(test)]
mod tests;
mod traps;
mod verdict;

use std::process::ExitCode;

use crate::{
    options::{Options, USAGE},
    subject::Subject,
    tally::Tally,
};

fn main() -> ExitCode {
    let Some(options) = Options::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let files = match suite::files(&options.folder) {
        Ok(files) => files,
        Err(error) => {
            eprintln!("{}: {error}", options.folder.display());
            return ExitCode::from(2);
        }
    };
    let subject = Subject::new();
    let mut tally = Tally::default();
    for file in &files {
        script::run(&subject, &options, file, &mut tally);
    }
    println!("{tally}");
    if tally.assertions.passed < options.least {
        eprintln!("at least {} assertions have to pass", options.least);
    }
    if tally.is_good(options.least) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
