//! Counts the fuel of runs in the modules themselves, and compares it with what belljar charges. README.md says more.

mod body;
mod count;
mod fixtures;
mod generated;
mod guests;
mod host;
mod instrument;
mod operator;
mod places;
mod prices;
mod programs;
mod rewrite;
mod start;
mod subject;
mod switch;
mod tally;
mod work;
mod wrapper;
mod wrong;
mod zeroing;

/// The generators of `tests/difference`, whose other parts compare with Wasmtime.
#[path = "../../difference/src"]
#[expect(dead_code, reason = "part of it is for Wasmtime")]
mod difference {
    pub mod arguments;
    pub mod generator;
    pub mod observe;
    pub mod random;
}

use std::{path::Path, process::ExitCode};

// By these names their files know each other.
use crate::{
    difference::{arguments, generator, observe, random},
    generator::Generator,
    prices::Prices,
    tally::Tally,
};

const USAGE: &str = "usage: count [--prices FILE] MODE

  fixed                      benchmarks, guests, fixtures
  smith|stack FROM..TO       modules of a generator
  programs FOLDER [NAME...]  programs, whose packages lie unpacked in the folder
  wrong COUNT                for each operator, that another price of it is seen in COUNT modules of each generator
  print smith|stack SEED     the module of a seed, and how it is entered";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut path = None;
    if arguments.len() > 1 && arguments[0] == "--prices" {
        path = arguments.drain(..2).nth(1);
    }
    let prices = Prices::read(path.as_deref().map(Path::new));
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let succeeded = match &words[..] {
        ["fixed"] => Some(told("fixed", fixed(&prices))),
        ["programs", folder, names @ ..] => {
            programs::programs(Path::new(folder), names, &prices).map(|tally| told("programs", tally))
        }
        ["wrong", count] => count.parse().ok().map(|count| wrong::all_are_seen(count, &prices)),
        ["print", name, seed] => print(name, seed),
        [name, seeds] => made(name, seeds, &prices).map(|tally| told(name, tally)),
        _ => None,
    };
    match succeeded {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Prints totals; returns whether all is as it has to be.
fn told(name: &str, tally: Tally) -> bool {
    println!("{name}: {tally}");
    tally.differing.is_empty() && tally.matched > 0
}

/// Compares all that does not depend on a seed.
fn fixed(prices: &Prices) -> Tally {
    let mut tally = Tally::default();
    for (kind, subjects) in [
        ("benchmarks", guests::benchmarks()),
        ("guests", guests::guests()),
        ("fixtures", fixtures::fixtures()),
        ("switches", switch::switches()),
    ] {
        let one = work::all(subjects.len() as u64, &|at| subjects[at as usize].clone(), prices);
        println!("{kind}: {one}");
        tally.add(one);
    }
    tally
}

/// Compares modules of a generator.
fn made(name: &str, seeds: &str, prices: &Prices) -> Option<Tally> {
    let generator = Generator::named(name)?;
    let (from, to) = seeds.split_once("..")?;
    let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
    Some(work::all(to.checked_sub(from)?, &|at| generated::generated(generator, from + at), prices))
}

/// Prints the module of a seed.
fn print(name: &str, seed: &str) -> Option<bool> {
    let subject = generated::generated(Generator::named(name)?, seed.parse().ok()?);
    println!("{}", wasmprinter::print_bytes(&subject.wasm).unwrap_or_else(|error| format!("{error:#}")));
    subject.runs.iter().for_each(|run| println!(";; {:?}", run.call));
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The switches do the same work, and each of them is charged for it alike.
    #[test]
    fn switches_of_any_number_of_arms_have_the_same_fuel() {
        let prices = Prices::read(None);
        let fuel: Vec<_> = switch::switches().into_iter().map(|one| work::one(one, &prices).fuel).collect();
        assert!(fuel.iter().all(|one| *one == fuel[0] && *one > 0), "{fuel:?}");
    }

    #[test]
    fn another_price_differs() {
        let prices = Prices::read(None);
        for name in ["i64_xor", "br_table", "loop", "local_get", "drop"] {
            let differing = switch::switches().into_iter().map(|one| work::one(one, &prices.with_dearer(name)));
            let found: usize = differing.map(|tally| tally.differing.len()).sum();
            // No switch drops anything.
            assert_eq!(found, if name == "drop" { 0 } else { 3 }, "{name}");
        }
    }
}
