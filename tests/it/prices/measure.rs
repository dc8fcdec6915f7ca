//! What a module costs.

use std::collections::{BTreeMap, BTreeSet};

use belljar::{Config, Context, Error, HostError, Level, Module, ModuleError, Sandbox, Step};

use super::list::{Case, Unit};

/// With the functions of the embedding program that the list calls.
pub fn sandbox(config: Config) -> Sandbox {
    type R = Result<(), HostError>;
    let bytes = |len: u32| vec![b'x'; len as usize];
    Sandbox::builder()
        .config(config)
        .host_function("own", "nothing", || {})
        .host_function("own", "add", |a: i32, b: i32| a + b)
        .async_host_function("own", "later", || async {})
        .async_host_function("own", "later add", |a: i32, b: i32| async move { a + b })
        .host_function("own", "read", |own: &mut Context<'_>, ptr: u32, len: u32| -> R { own.read(ptr, len).map(drop) })
        .host_function("own", "write", move |own: &mut Context<'_>, ptr: u32, len: u32| own.write(ptr, &bytes(len)))
        .host_function("own", "output", move |own: &mut Context<'_>, len: u32| own.write_output(&bytes(len)))
        .host_function("own", "log", |own: &mut Context<'_>, len: u32| own.log(Level::Info, &"x".repeat(len as usize)))
        .host_function("own", "charge", |own: &mut Context<'_>, fuel: u32| own.charge(fuel.into()))
        .build()
        .unwrap()
}

/// What a run costs, in steps of so much fuel.
fn fuel(sandbox: &Sandbox, module: &Module, input: &[u8], step: u64) -> Result<u64, Error> {
    let mut run = sandbox.start(module, input)?;
    loop {
        match run.step(step) {
            Ok(Step::Yielded | Step::Waiting) => {}
            Ok(Step::Done(outcome)) => return Ok(outcome.usage.fuel),
            Err(Error::Stopped(stopped)) => return Ok(stopped.usage.fuel),
            Err(error) => return Err(error),
        }
    }
}

/// What loading costs: the least limit under which it is done.
fn work(wasm: &[u8]) -> Result<u64, Error> {
    let load = |limit| sandbox(Config::default().with_module_load_work(limit)).load(wasm);
    let (mut refused, mut loaded) = (0, 1 << 16);
    load(loaded)?;
    while loaded - refused > 1 {
        let limit = refused.midpoint(loaded);
        *(if load(limit).is_ok() { &mut loaded } else { &mut refused }) = limit;
    }
    // No part of a module is 1 unit by itself, and 0 cannot be asked for.
    if loaded == 1 {
        return Ok(0);
    }
    let Err(Error::Module(error)) = load(refused) else { panic!("it was loaded") };
    assert!(matches!(*error, ModuleError::Limit { key: "module.load_work", found, .. } if found == loaded), "{error}");
    Ok(loaded)
}

/// Measures cases; many of them leave the same module where theirs is taken out.
pub struct Measure {
    sandbox: Sandbox,
    known: BTreeMap<(String, usize), u64>,
}

impl Measure {
    pub fn new() -> Measure {
        Measure { sandbox: sandbox(Config::default()), known: BTreeMap::new() }
    }

    /// The one figure that all of them have.
    pub fn figure(&mut self, cases: &[Case], unit: Unit) -> Result<u64, String> {
        let each = |case| self.case(case, unit).map_err(|error| format!("{}: {error}", case.name));
        let figures = cases.iter().map(each).collect::<Result<BTreeSet<_>, _>>()?;
        match figures.first() {
            Some(figure) if figures.len() == 1 => Ok(*figure),
            _ => Err(format!("not one figure, but {figures:?}")),
        }
    }

    fn case(&mut self, case: &Case, unit: Unit) -> Result<u64, String> {
        let with = self.module(&case.with, unit, case.input)?;
        let Some(without) = &case.without else { return Ok(with) };
        let without = match (unit, self.known.get(&(without.clone(), case.input))) {
            (Unit::Fuel, Some(known)) => *known,
            _ => self.module(without, unit, case.input)?,
        };
        with.checked_sub(without).ok_or_else(|| format!("{with} with it and {without} without"))
    }

    fn module(&mut self, text: &str, unit: Unit, input: usize) -> Result<u64, String> {
        let wasm = wat::parse_str(text).map_err(|error| error.to_string())?;
        if unit == Unit::Work {
            return work(&wasm).map_err(|error| error.to_string());
        }
        let module = self.sandbox.load(&wasm).map_err(|error| error.to_string())?;
        let bytes = vec![b'x'; input];
        let fuel = |step| fuel(&self.sandbox, &module, &bytes, step).map_err(|error| error.to_string());
        let whole = fuel(u64::MAX)?;
        for step in [1, 7] {
            let sliced = fuel(step)?;
            if sliced != whole {
                return Err(format!("{whole} as a whole, {sliced} in steps of {step}"));
            }
        }
        self.known.insert((text.into(), input), whole);
        Ok(whole)
    }
}
