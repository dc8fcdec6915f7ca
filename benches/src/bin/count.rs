//! Runs one case so often, for `count.sh` to count the instructions of.
//!
//! `count --list`, or `count belljar|hand CASE RUNS`, where CASE is a number of the list.

use std::{env, process::ExitCode};

use benches::{
    cases,
    engine::{Engine, Result},
    hand::Hand,
    ours::Belljar,
};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["--list"] => {
            list();
            Ok(())
        }
        [engine, case, runs] => count(engine, case, runs),
        _ => Err("usage: count --list | count belljar|hand CASE RUNS".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("count: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Number, how often one run does it, group and name, with tabs between.
fn list() {
    for (number, case) in cases::all().iter().enumerate() {
        println!("{number}\t{}\t{}\t{}", case.per_run, case.group, case.name);
    }
}

fn count(engine: &str, case: &str, runs: &str) -> Result<()> {
    let engine: &dyn Engine = match engine {
        "belljar" => &Belljar::new(),
        "hand" => &Hand::safe(),
        other => return Err(format!("no engine {other}").into()),
    };
    let cases = cases::all();
    let case = cases.get(case.parse::<usize>()?).ok_or("no such case")?;
    let mut run = case.prepare(engine)?.ok_or("the guest has no such form")?;
    for _ in 0..runs.parse::<u32>()? {
        run(case.input.clone())?;
    }
    Ok(())
}
