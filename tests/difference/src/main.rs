//! Runs generated modules in belljar and in Wasmtime, and tells where they differ. README.md says more.

mod arguments;
mod compare;
mod digest;
mod generator;
mod observe;
mod options;
mod outcome;
mod random;
mod reference;
mod run;
mod subject;
mod tally;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use crate::{
    compare::Manner,
    options::{Options, USAGE},
    subject::Subject,
};

fn main() -> ExitCode {
    let Some(options) = Options::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match options.print {
        Some(seed) => print(&options, seed),
        None => all(&options),
    }
}

/// Runs all seeds, and prints the summary.
fn all(options: &Options) -> ExitCode {
    let (tally, digest) = run::run(options);
    println!("{}: {tally}; digest {:016x}", options.generator.name(), digest.0);
    if tally.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the module of a seed, its calls and how they end.
fn print(options: &Options, seed: u64) -> ExitCode {
    let manner = Manner { reference: !options.alone, lines: true };
    let (wasm, compared) = run::one(options, &Subject::new(), seed, manner);
    println!("{}", wasmprinter::print_bytes(&wasm).unwrap_or_else(|error| format!("{error:#}")));
    compared.lines.iter().for_each(|line| println!(";; {line}"));
    match compared.difference {
        Some(difference) => {
            println!(";; differs: {difference}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}
