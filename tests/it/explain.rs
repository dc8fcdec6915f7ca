//! Reruns with instruments: they end as the runs did, and what they record adds up.

use belljar::{
    Config, Error, GuestFault, Input, LimitExceeded, Sandbox, StopReason, Stopped, Trap, Value,
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

mod profiles;
mod stops;

/// The runs of a module that have been had again.
#[derive(Debug, Default)]
struct Seen {
    profiles: u32,
    explanations: u32,
    frames: usize,
}

impl Seen {
    /// Has a run again, with each instrument.
    fn check(&mut self, sandbox: &Sandbox, wasm: &[u8], call: Option<(&str, &[Value])>, input: &[u8], what: &str) {
        let module = sandbox.load(wasm).unwrap();
        let mut rerun = Rerun::new(wasm, input);
        let started = match call {
            None => sandbox.start(&module, input),
            Some((name, arguments)) => {
                rerun = rerun.with_call(name, arguments);
                sandbox.start_call(&module, name, arguments, input, ())
            }
        };
        let Ok(mut run) = started else { return };
        run.record(1 << 20);
        let result = match run.finish() {
            Ok(outcome) => Ok(outcome),
            Err(Error::Stopped(stopped)) => Err(stopped),
            Err(error) => panic!("{what}: {error}"),
        };
        let rerun = rerun.with_effects(run.take_effects());
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

#[test]
fn every_fixture_ends_again_as_it_did() {
    let mut seen = Seen::default();
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
                    Action::Run { input } => seen.check(&sandbox, &wasm, None, input, &what),
                    Action::Call { name, arguments, input } => {
                        seen.check(&sandbox, &wasm, Some((name, arguments)), input, &what);
                    }
                }
            }
        }
    }
    println!("{seen:?}");
    assert!(seen.profiles > 30 && seen.explanations > 30 && seen.frames > 100, "{seen:?}");
}

#[test]
fn generated_modules_end_again_as_they_did() {
    let few = if cfg!(debug_assertions) { 150 } else { 2_000 };
    let count = std::env::var("BELLJAR_RANDOM").map_or(few, |n| n.parse().unwrap());
    let sandbox = Sandbox::new(Config::default().with_fuel(30_000)).unwrap();
    let mut seen = Seen::default();
    for seed in 0..count {
        let wasm = generate(seed);
        for export in &sandbox.load(&wasm).unwrap().inspect().exports {
            let ExternType::Function(ty) = &export.ty else { continue };
            let Some(arguments) = ty.params.iter().map(crate::random::zero).collect::<Option<Vec<_>>>() else {
                continue;
            };
            let call = Some((&*export.name, &*arguments));
            seen.check(&sandbox, &wasm, call, Input::default().as_bytes(), &format!("seed {seed}, {}", export.name));
        }
    }
    println!("{seen:?}");
    assert!(seen.profiles > 10 && seen.explanations > 10 && seen.frames > 10, "{seen:?}");
}
