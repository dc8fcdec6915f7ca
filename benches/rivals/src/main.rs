//! Measures belljar, the engine it drives, driven by hand, and those that others make: the same cases,
//! in one process, in turns.
//!
//! `rivals [--quick] [CASE]`: lines of group, case, engine, figure and unit, with tabs between; what an
//! engine cannot do is left out, with the reason on stderr.

use std::{env, process::ExitCode, time::Duration};

use benches::{
    cases::{self, Case, Produced},
    cpu::Samples,
    engine::{Engine, Result},
    yardstick,
};

mod bytes;
mod threads;

#[cfg(feature = "extism")]
mod extism;
#[cfg(feature = "tinywasm")]
mod tinywasm;
#[cfg(feature = "wasm3")]
mod wasm3;
#[cfg(feature = "wasmtime")]
mod wasmtime;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => all(FULL, ""),
        ["--quick"] => all(QUICK, ""),
        ["--quick", name] => all(QUICK, name),
        // What this program asks itself, in another process.
        [bytes::OPTION, number] => bytes::print(number),
        [name] if !name.starts_with('-') => all(FULL, name),
        _ => Err("usage: rivals [--quick] [CASE]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rivals: {error}");
            ExitCode::FAILURE
        }
    }
}

/// For so long each engine is measured in each case.
const FULL: Duration = Duration::from_millis(500);
const QUICK: Duration = Duration::from_millis(50);

/// So many engines, the first, are belljar and the one it drives.
const YARDSTICK: usize = 3;

fn all(time: Duration, name: &str) -> Result<()> {
    let engines = engines()?;
    let wanted = |group: &str, case: &str| group.contains(name) || case.contains(name);
    for case in cases::all() {
        if wanted(case.group, &case.name) {
            measure(&case, &engines, time);
        }
    }
    if wanted(bytes::GROUP, bytes::CASE) {
        bytes::measure(&engines)?;
    }
    if wanted(threads::GROUP, threads::CASE) {
        threads::measure(time)?;
    }
    Ok(())
}

/// In the order of the columns.
fn engines() -> Result<Vec<Box<dyn Engine>>> {
    #[allow(unused_mut, reason = "without features there are no more")]
    let mut engines = yardstick();
    #[cfg(feature = "wasmtime")]
    engines.extend(wasmtime::engines()?);
    #[cfg(feature = "extism")]
    engines.push(Box::new(extism::Extism));
    #[cfg(feature = "tinywasm")]
    engines.push(Box::new(tinywasm::TinyWasm));
    #[cfg(feature = "wasm3")]
    engines.push(Box::new(wasm3::Wasm3));
    Ok(engines)
}

/// All engines take turns, so that what else the machine does befalls all of them.
fn measure(case: &Case, engines: &[Box<dyn Engine>], time: Duration) {
    const TURNS: u32 = 5;
    let mut expected = None;
    let mut all = Vec::new();
    for engine in engines {
        match prepared(case, engine.as_ref(), &mut expected) {
            Ok(Some(samples)) => all.push((engine.name(), samples)),
            Ok(None) => {}
            Err(error) => eprintln!("{}, {}: {}: {error}", case.group, case.name, engine.name()),
        }
    }
    for turn in 1..=TURNS {
        for (number, (name, samples)) in all.iter_mut().enumerate() {
            // Those of which a few per cent are asked are measured for longer.
            let time = if number < YARDSTICK { time * 2 } else { time };
            if let Err(error) = samples.take(time * turn / TURNS) {
                eprintln!("{}, {}: {name}: {error}", case.group, case.name);
            }
        }
    }
    for (name, mut samples) in all {
        println!("{}\t{}\t{name}\t{:e}\ts", case.group, case.name, samples.median() / f64::from(case.per_run));
    }
}

/// Ready to be measured, if a first run gives what the others gave.
fn prepared<'a>(
    case: &'a Case,
    engine: &'a dyn Engine,
    expected: &mut Option<Produced>,
) -> Result<Option<Samples<'a>>> {
    let Some(mut work) = case.prepare(engine)? else { return Ok(None) };
    let produced = work(case.input.clone())?;
    if *expected.get_or_insert_with(|| work(case.input.clone()).unwrap_or(Produced::Nothing)) != produced {
        return Err("another result than the first engine".into());
    }
    Samples::new(work, &case.input).map(Some)
}
