//! A debugger gets to the same steps from all sides.

use belljar::{
    Config, Sandbox, Value,
    explain::{Breakpoint, Debugger, Direction, Rerun, StepUnit},
};

use super::{each_of_the_fixtures, each_of_the_generated, recorded};

/// The runs that have been moved through.
#[derive(Debug, Default)]
struct Seen {
    runs: u64,
    steps: u64,
    hits: u64,
}

/// What a debugger shows at its step: the step, the fuel, functions and operators, and globals.
type Shown = (u64, u64, Vec<(u32, u32)>, Vec<Option<Value>>);

fn shown(debugger: &mut Debugger<'_>) -> Shown {
    let frames = debugger.frames().iter().map(|frame| (frame.function, frame.offset)).collect();
    (debugger.step(), debugger.usage().fuel, frames, debugger.globals())
}

impl Seen {
    /// Moves through a run, one operator after the other and from breakpoint to breakpoint, forwards and backwards.
    fn check(&mut self, sandbox: &Sandbox, wasm: &[u8], call: Option<(&str, &[Value])>, input: &[u8], what: &str) {
        let module = sandbox.load(wasm).unwrap();
        let Some((rerun, result)) = recorded(sandbox, &module, wasm, call, input, what) else { return };
        let mut debugger = sandbox.debugger(&rerun).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(debugger.result().cloned().map_err(|stopped| Box::new(stopped.clone())), result, "{what}");
        self.runs += 1;
        if let Err(stopped) = &result {
            debugger.go_to(u64::MAX).unwrap();
            // A call of the host that stops the run has its price.
            assert!(debugger.usage().fuel <= stopped.usage.fuel, "{what}");
            if let Ok(explanation) = sandbox.explain(&rerun, stopped) {
                let frame = |frame: &belljar::explain::Frame| (frame.function, frame.offset);
                let callers: Vec<_> = explanation.frames.iter().skip(1).map(frame).collect();
                let found: Vec<_> = debugger.frames().iter().skip(1).map(frame).collect();
                assert_eq!(found[..callers.len().min(900)], callers[..callers.len().min(900)], "{what}");
            }
            debugger.go_to(0).unwrap();
        }

        // All operators are breakpoints, so each step is hit.
        let mut all: Vec<_> =
            debugger.operators(0, usize::MAX).iter().map(|(at, _)| Breakpoint::Operator(*at)).collect();
        all.push(Breakpoint::Memory { memory: 0, range: 0..1 << 32 });
        let few = if cfg!(debug_assertions) { 2 } else { 12 };
        let mut seen = vec![shown(&mut debugger)];
        while debugger.step() < debugger.last().min(few) {
            let before = debugger.step();
            debugger
                .step_into(Direction::Forward, StepUnit::Operator, &[])
                .unwrap_or_else(|error| panic!("{what}: {before}: {error}"));
            assert_eq!(debugger.step(), before + 1, "{what}");
            let by_step = shown(&mut debugger);
            debugger.go_to(before).unwrap();
            let hit = debugger.resume(Direction::Forward, &all).unwrap();
            if debugger.step() < debugger.last() {
                assert!(hit.is_some(), "{what}: step {before} of {}", debugger.last());
                self.hits += 1;
            }
            assert_eq!(shown(&mut debugger), by_step, "{what}");
            seen.push(by_step);
        }
        for before in seen.iter().rev().skip(1) {
            debugger.resume(Direction::Backward, &all).unwrap();
            assert_eq!(&shown(&mut debugger), before, "{what}");
            self.steps += 1;
        }
    }
}

#[test]
fn every_fixture_is_the_same_from_both_sides() {
    let mut seen = Seen::default();
    let mut number = 0;
    each_of_the_fixtures(|sandbox, wasm, call, input, what| {
        number += 1;
        if !cfg!(debug_assertions) || number % 4 == 0 {
            seen.check(sandbox, wasm, call, input, what);
        }
    });
    println!("{seen:?}");
    assert!(seen.runs > 15 && seen.steps > 20 && seen.hits > 20, "{seen:?}");
}

#[test]
fn generated_modules_are_the_same_from_both_sides() {
    let mut seen = Seen::default();
    let few = if cfg!(debug_assertions) { 30 } else { 500 };
    each_of_the_generated(few, |sandbox, wasm, call, input, what| seen.check(sandbox, wasm, call, input, what));
    println!("{seen:?}");
    assert!(seen.runs > 10 && seen.steps > 30 && seen.hits > 30, "{seen:?}");
}

/// The function and line of the innermost frame.
fn place(debugger: &Debugger<'_>) -> (String, u32) {
    let frames = debugger.frames();
    let frame = &frames[0];
    let line = frame.locations.first().map_or(0, |location| location.line);
    (frame.name.clone().unwrap_or_default(), line)
}

/// A movement, its step, and the function, line and number of functions there.
type Moved = (u64, &'static str, u32, usize);

#[test]
fn lines_are_stepped_through_forwards_and_backwards() {
    use Direction::{Backward, Forward};
    let wasm = include_bytes!("../../../fixtures/explain/parser.wasm");
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let mut debugger = sandbox.debugger(&Rerun::new(wasm, b"12")).unwrap();
    let digit = debugger.functions_named("digit")[0];
    assert_eq!(debugger.go_to_hit(&Breakpoint::Function(digit), 3).unwrap(), None);
    debugger.go_to_hit(&Breakpoint::Function(digit), 2).unwrap().unwrap();
    let mut moved = Vec::new();
    for (unit, direction) in [(StepUnit::Line, Forward), (StepUnit::Line, Backward), (StepUnit::Operator, Backward)] {
        for _ in 0..4 {
            debugger.step_over(direction, unit, &[]).unwrap();
            let (function, line) = place(&debugger);
            moved.push((debugger.step(), function, line, debugger.depth()));
        }
    }
    let expected: [Moved; 12] = [
        // Forwards by lines, back by lines, back by operators. `digit` is not entered.
        (76, "digit", 19, 4),
        (82, "term", 29, 3),
        (84, "term", 30, 3),
        (88, "term", 29, 3),
        (84, "term", 30, 3),
        (82, "term", 29, 3),
        (66, "term", 30, 3),
        (55, "term", 29, 3),
        (54, "term", 29, 3),
        (53, "term", 30, 3),
        (52, "term", 30, 3),
        (51, "term", 30, 3),
    ];
    assert_eq!(moved, expected.map(|(step, function, line, depth)| (step, function.into(), line, depth)));
}

#[test]
fn calls_and_writes_are_found_forwards_and_backwards() {
    use Direction::{Backward, Forward};
    let wasm = include_bytes!("../../../fixtures/explain/parser.wasm");
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let mut debugger = sandbox.debugger(&Rerun::new(wasm, b"123")).unwrap();
    let digit = Breakpoint::Function(debugger.functions_named("digit")[0]);
    debugger.go_to_hit(&digit, 2).unwrap().unwrap();
    let second = debugger.step();
    debugger.step_out(Forward, &[]).unwrap();
    let (function, line) = place(&debugger);
    assert_eq!((function.as_str(), line, debugger.depth()), ("term", 30, 3));
    debugger.step_into(Backward, StepUnit::Operator, &[]).unwrap();
    debugger.step_out(Backward, &[]).unwrap();
    // The call, whose function begins with the next step.
    assert_eq!((debugger.step(), debugger.frames()[0].operator.as_str()), (second - 1, "call"));

    // The function of the host `read_input` writes the input to `text`.
    let start = debugger.memory(0).unwrap().windows(3).position(|bytes| bytes == b"123").unwrap() as u64;
    let text = Breakpoint::Memory { memory: 0, range: start + 1..start + 2 };
    let hit = debugger.resume(Backward, core::slice::from_ref(&text)).unwrap().unwrap();
    assert_eq!((hit.written.0.as_slice(), hit.written.1.as_slice()), (&b"\0"[..], &b"2"[..]));
    assert_eq!(debugger.frames()[0].callee.as_deref(), Some("read_input"));
    assert_eq!(debugger.memory(0).unwrap()[start as usize], 0);
    let before = debugger.step();
    debugger.resume(Forward, core::slice::from_ref(&text)).unwrap().unwrap();
    assert_eq!((debugger.step(), debugger.memory(0).unwrap()[start as usize]), (before + 1, b'1'));
    assert_eq!(debugger.resume(Forward, &[text]).unwrap(), None);
    assert_eq!(debugger.step(), debugger.last());
    assert!(debugger.frames().is_empty() && debugger.result().is_ok());

    // A breakpoint within a line that is stepped over.
    debugger.go_to_hit(&digit, 1).unwrap().unwrap();
    debugger.step_out(Backward, &[]).unwrap();
    let hit = debugger.step_over(Forward, StepUnit::Line, &[digit]).unwrap().unwrap();
    assert_eq!((hit.breakpoint, place(&debugger).0.as_str()), (0, "digit"));
}

#[test]
fn fuel_and_the_operators_that_stop_runs_are_found() {
    let wasm = include_bytes!("../../../fixtures/explain/parser.wasm");
    let sandbox = Sandbox::new(Config::default().with_fuel(50_000)).unwrap();
    // A division by zero.
    let mut debugger = sandbox.debugger(&Rerun::new(wasm, b"10")).unwrap();
    debugger.go_to(u64::MAX).unwrap();
    assert_eq!(debugger.step(), debugger.last());
    assert_eq!(debugger.frames()[0].operator, "i32.div_s");
    assert_eq!(debugger.frames()[0].operands, [Value::I32(100), Value::I32(0)]);
    let end = debugger.usage().fuel;
    debugger.go_to_fuel(end - 10).unwrap();
    assert!(debugger.step() < debugger.last() && debugger.usage().fuel <= end - 10);
    // What the guest has begun with less fuel is less.
    let step = debugger.step();
    debugger.go_to_fuel(end - 40).unwrap();
    assert!(debugger.step() < step);
    // A loop that is out of fuel, and recursion that is out of stack.
    for (input, function) in [(&b"L"[..], "burn"), (b"(", "nested")] {
        let mut debugger = sandbox.debugger(&Rerun::new(wasm, input)).unwrap();
        debugger.go_to(u64::MAX).unwrap();
        assert_eq!(place(&debugger).0, function);
        let (last, depth) = (debugger.last(), debugger.depth());
        debugger.step_over(Direction::Backward, StepUnit::Operator, &[]).unwrap();
        assert!(debugger.step() < last && debugger.depth() <= depth);
    }
}
