//! Generated modules, with fixed seeds: nothing panics, and slices change nothing.
//!
//! `BELLJAR_RANDOM=N` tries N modules in place of the few that fit a quick run.

use belljar::{Config, Error, Input, Module, ModuleError, Outcome, Sandbox, Step, Value, ValueType};
use smith::{Random, generate};
use wasmi::errors::ErrorKind;
use wasmparser::{Parser, Payload};

pub mod smith;

fn count() -> u64 {
    let few = if cfg!(debug_assertions) { 150 } else { 2_000 };
    std::env::var("BELLJAR_RANDOM").map_or(few, |n| n.parse().unwrap())
}

pub fn zero(ty: &ValueType) -> Option<Value> {
    Some(match ty {
        ValueType::I32 => Value::I32(1),
        ValueType::I64 => Value::I64(-1),
        ValueType::F32 => Value::F32(0.5),
        ValueType::F64 => Value::F64(f64::NAN),
        ValueType::V128 => Value::V128(7),
        ValueType::FuncRef | ValueType::ExternRef => return None,
    })
}

fn call(sandbox: &Sandbox, module: &Module, name: &str, args: &[Value], slice: u64) -> Result<Outcome, Error> {
    let mut run = sandbox.start_call(module, name, args, Input::default(), ())?;
    loop {
        if let Step::Done(outcome) = run.step(slice)? {
            return Ok(outcome);
        }
    }
}

#[test]
fn slices_change_nothing() {
    let sandbox = Sandbox::new(Config::default().with_fuel(30_000)).unwrap();
    let (mut ran, mut stopped) = (0, 0);
    for seed in 0..count() {
        let wasm = generate(seed);
        let module = sandbox.load(&wasm).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        for export in &module.inspect().exports.clone() {
            let belljar::inspect::ExternType::Function(ty) = &export.ty else { continue };
            let Some(args) = ty.params.iter().map(zero).collect::<Option<Vec<_>>>() else { continue };
            if ty.results.iter().any(|ty| zero(ty).is_none()) {
                continue;
            }
            let whole = call(&sandbox, &module, &export.name, &args, u64::MAX);
            for slice in [1 + seed % 50, 1_000] {
                assert_eq!(call(&sandbox, &module, &export.name, &args, slice), whole, "seed {seed}, slice {slice}");
            }
            match whole {
                Ok(_) => ran += 1,
                Err(Error::Stopped(stop)) => {
                    assert!(stop.reason.is_guest_fault(), "seed {seed}: {}", stop.reason);
                    stopped += 1;
                }
                Err(error) => panic!("seed {seed}: {error}"),
            }
        }
    }
    // Both ways of ending are really met.
    assert!(ran > 10 && stopped > 10, "{ran} calls ended, {stopped} were stopped");
}

#[test]
fn mutated_modules_are_refused_or_run() {
    let sandbox = Sandbox::new(Config::default().with_fuel(10_000)).unwrap();
    let (mut refused, mut loaded) = (0, 0);
    for seed in 0..count() {
        let mut wasm = generate(seed);
        let mut random = Random(!seed);
        for _ in 0..=random.next() % 3 {
            let at = random.next() as usize % wasm.len();
            wasm[at] = random.next() as u8;
        }
        match sandbox.load(&wasm) {
            Err(Error::Module(_)) => refused += 1,
            Err(other) => panic!("seed {seed}: {other}"),
            Ok(module) => {
                loaded += 1;
                for export in &module.inspect().exports.clone() {
                    let _ = sandbox.call::<(), ()>(&module, &export.name, ());
                }
            }
        }
    }
    assert!(refused > 10 && loaded > 5, "{refused} refused, {loaded} loaded");
}

/// What the engine says of a module, with the features it is given here.
fn engine_finds(wasm: &[u8]) -> Result<(), (u64, String)> {
    let mut config = wasmi::Config::default();
    config.wasm_relaxed_simd(false);
    wasmi::Module::validate(&wasmi::Engine::new(&config), wasm).map_err(|error| match error.kind() {
        ErrorKind::Wasm(error) => (error.offset() as u64, error.message().to_string()),
        other => panic!("{other}"),
    })
}

#[test]
fn mutated_bodies_are_invalid_where_the_engine_finds_them_so() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let (mut valid, mut invalid, mut malformed) = (0, 0, 0);
    for seed in 0..count() {
        let wasm = generate(seed);
        let bodies: Vec<_> = Parser::new(0)
            .parse_all(&wasm)
            .filter_map(|payload| match payload.unwrap() {
                Payload::CodeSectionEntry(body) => Some(body.range()),
                _ => None,
            })
            .collect();
        let mut random = Random(!seed);
        for _ in 0..if bodies.is_empty() { 0 } else { 20 } {
            let mut wasm = wasm.clone();
            let body = &bodies[random.next() as usize % bodies.len()];
            for _ in 0..=random.next() % 2 {
                wasm[body.start + random.next() as usize % body.len()] = random.next() as u8;
            }
            let found = match sandbox.inspect(&wasm) {
                Ok(_) => Ok(()),
                Err(Error::Module(error)) => Err(*error),
                Err(other) => panic!("seed {seed}: {other}"),
            };
            match (found, engine_finds(&wasm)) {
                (Ok(()), Ok(())) => valid += 1,
                (Err(ModuleError::Invalid { offset, message }), Err(engine)) => {
                    assert_eq!((offset, message), engine, "seed {seed}");
                    invalid += 1;
                }
                (Err(ModuleError::Malformed { .. }), Err(_)) => malformed += 1,
                (Err(ModuleError::Unsupported { .. }), Err(_)) => {}
                // The engine knows none.
                (Err(ModuleError::Limit { .. }), _) => {}
                (ours, engine) => panic!("seed {seed}: {ours:?}, but {engine:?}"),
            }
        }
    }
    assert!(valid > 100 && invalid > 100 && malformed > 10, "{valid} valid, {invalid} invalid, {malformed} malformed");
}
