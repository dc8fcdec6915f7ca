//! Reruns with instruments: they end as the runs did, and what they record adds up.

use belljar::{
    Config, Error, GuestFault, LimitExceeded, Module, Outcome, Sandbox, StopReason, Stopped, Trap, Value,
    explain::{Callee, Explanation, Rerun},
    inspect::ExternType,
};

use crate::{
    fixture::{
        self,
        parse::{Action, Fixture, Kind},
    },
    random::smith::generate,
};

mod debugger;
mod differences;
mod host_calls;
mod movements;
mod profiles;
mod stops;

/// The runs of a module that have been had again.
#[derive(Debug, Default)]
struct Seen {
    profiles: u32,
    explanations: u32,
    frames: usize,
}

/// Runs a module for the first time, and records it. Returns how it ended, and what is needed to have it again; `None` if
/// it cannot be started.
pub fn recorded<'w>(
    sandbox: &Sandbox,
    module: &Module,
    wasm: &'w [u8],
    call: Option<(&str, &[Value])>,
    input: &[u8],
    what: &str,
) -> Option<(Rerun<'w>, Result<Outcome, Box<Stopped>>)> {
    let mut rerun = Rerun::new(wasm, input);
    let started = match call {
        None => sandbox.start(module, input),
        Some((name, arguments)) => {
            rerun = rerun.with_call(name, arguments);
            sandbox.start_call(module, name, arguments, input, ())
        }
    };
    let mut run = started.ok()?;
    run.record(1 << 20);
    let result = match run.finish() {
        Ok(outcome) => Ok(outcome),
        Err(Error::Stopped(stopped)) => Err(stopped),
        Err(error) => panic!("{what}: {error}"),
    };
    Some((rerun.with_effects(run.take_effects()), result))
}

impl Seen {
    /// Has a run again, with each instrument.
    fn check(&mut self, sandbox: &Sandbox, wasm: &[u8], call: Option<(&str, &[Value])>, input: &[u8], what: &str) {
        let module = sandbox.load(wasm).unwrap();
        let Some((rerun, result)) = recorded(sandbox, &module, wasm, call, input, what) else { return };
        let profile = sandbox.profile(&rerun).unwrap();
        assert_eq!(profile.result, result, "{what}");
        self.profiles += 1;
        let fuel = result.as_ref().map_or_else(|stopped| stopped.usage.fuel, |outcome| outcome.usage.fuel);
        assert_eq!(profile.fuel(), fuel, "{what}");
        // belljar's own work is the instantiation, unless the module imports or the input is copied.
        let inspection = module.inspect();
        let is_plain = inspection.imports.is_empty() && !inspection.start_function;
        let begins = ["_initialize", "alloc"].iter().any(|name| inspection.function(name).is_some());
        if is_plain
            && !begins
            && let Ok(mut instance) = sandbox.instance(&module)
        {
            let own = profile.nodes.iter().find(|node| node.callee == Callee::Belljar).unwrap();
            assert_eq!(own.fuel, instance.usage().fuel, "{what}: {:?}", profile.nodes);
        }
        if let Err(stopped) = result {
            let explanation = sandbox.explain(&rerun, &stopped).unwrap_or_else(|error| panic!("{what}: {error}"));
            self.explanations += 1;
            self.frames += explanation.frames.len();
            check_operator(&stopped, &explanation, what);
        }
    }
}

/// Checks that the operator at which a run stopped is one that stops runs for that reason.
fn check_operator(stopped: &Stopped, explanation: &Explanation, what: &str) {
    let Some(frame) = explanation.frames.first() else { return };
    let fits: &[&str] = match &stopped.reason {
        StopReason::Guest(GuestFault::Trap(trap)) => match trap {
            Trap::Unreachable => &["unreachable"],
            Trap::MemoryOutOfBounds => &["load", "store", "memory."],
            Trap::TableOutOfBounds => &["table.", "call_indirect"],
            Trap::IndirectCallToNull | Trap::BadSignature => &["call_indirect"],
            Trap::IntegerDivisionByZero => &["div", "rem"],
            Trap::IntegerOverflow => &["div", "rem", "trunc"],
            Trap::BadConversionToInteger => &["trunc"],
            _ => &[""],
        },
        StopReason::Limit(LimitExceeded::Stack { .. }) => &["call"],
        StopReason::Limit(LimitExceeded::Memory { .. }) => &["memory.grow"],
        StopReason::Limit(LimitExceeded::Table { .. }) => &["table.grow"],
        _ => &[""],
    };
    assert!(fits.iter().any(|part| frame.operator.contains(part)), "{what}: {}: {explanation}", stopped.reason);
    for caller in &explanation.frames[1..] {
        assert!(caller.operator.contains("call"), "{what}: {explanation}");
    }
}

/// Each run of each fixture that loads: its sandbox, module, call, input and name.
pub fn each_of_the_fixtures(mut check: impl FnMut(&Sandbox, &[u8], Option<(&str, &[Value])>, &[u8], &str)) {
    for folder in fixture::FOLDERS {
        // Each is loaded several times, which takes long in a debug build.
        let few = if cfg!(debug_assertions) { 3 } else { 1 };
        for path in fixture::files(folder).into_iter().step_by(few) {
            let what = path.display().to_string();
            let fixture = Fixture::read(path).unwrap();
            if fixture.kind == Kind::Toml {
                continue;
            }
            let Ok((sandbox, _)) = fixture::load(&fixture).unwrap() else { continue };
            let wasm = match fixture.kind {
                Kind::Hex => fixture::parse::hex(&fixture.body).unwrap(),
                _ => sandbox.assemble(&fixture.body).unwrap(),
            };
            for (title, action) in &fixture.actions {
                let what = format!("{what}: {title}");
                match action {
                    Action::Inspect => {}
                    Action::Run { input } => check(&sandbox, &wasm, None, input, &what),
                    Action::Call { name, arguments, input } => {
                        check(&sandbox, &wasm, Some((name, arguments)), input, &what);
                    }
                }
            }
        }
    }
}

/// Each call that can be made of the exports of generated modules: `few` of them, or `BELLJAR_RANDOM`.
pub fn each_of_the_generated(few: u64, mut check: impl FnMut(&Sandbox, &[u8], Option<(&str, &[Value])>, &[u8], &str)) {
    let count = std::env::var("BELLJAR_RANDOM").map_or(few, |n| n.parse().unwrap());
    let sandbox = Sandbox::new(Config::default().with_fuel(30_000)).unwrap();
    for seed in 0..count {
        let wasm = generate(seed);
        for export in &sandbox.load(&wasm).unwrap().inspect().exports {
            let ExternType::Function(ty) = &export.ty else { continue };
            let Some(arguments) = ty.params.iter().map(crate::random::zero).collect::<Option<Vec<_>>>() else {
                continue;
            };
            check(&sandbox, &wasm, Some((&export.name, &arguments)), b"", &format!("seed {seed}, {}", export.name));
        }
    }
}

#[test]
fn every_fixture_ends_again_as_it_did() {
    let mut seen = Seen::default();
    each_of_the_fixtures(|sandbox, wasm, call, input, what| seen.check(sandbox, wasm, call, input, what));
    println!("{seen:?}");
    assert!(seen.profiles > 30 && seen.explanations > 30 && seen.frames > 100, "{seen:?}");
}

#[test]
fn generated_modules_end_again_as_they_did() {
    let mut seen = Seen::default();
    let few = if cfg!(debug_assertions) { 150 } else { 2_000 };
    each_of_the_generated(few, |sandbox, wasm, call, input, what| seen.check(sandbox, wasm, call, input, what));
    println!("{seen:?}");
    assert!(seen.profiles > 10 && seen.explanations > 10 && seen.frames > 10, "{seen:?}");
}
