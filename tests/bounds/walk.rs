//! Faults at every place there is in a few guests: each unit of fuel, each call of the host, each growth.
//! Nothing panics, nothing is left of a run, no place depends on how the run is sliced, and what was there
//! before the fault is the beginning of what there is without one.

use std::fs;

use belljar::{
    Config, Context, Error, HostError, HostStop, Log, Module, Outcome, Sandbox, Step, StopReason, Usage,
    error::InjectedFault,
};

use super::allocator::live;

/// Grows two memories and a table, in its start function too, and goes other ways where one is denied.
const GROWING: &str = r#"(module
    (import "env" "read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "write_output" (func $write (param i32 i32)))
    (import "env" "log" (func $log (param i32 i32)))
    (import "host" "note" (func $note (param i32)))
    (memory (export "memory") 0)
    (memory $other 0)
    (table $t 1 funcref)
    (start $begin)
    (func $begin (call $note (memory.grow (i32.const 1))))
    (func (export "_start")
        (local $i i32)
        (if (i32.eqz (memory.size)) (then (call $note (i32.const 100)) (return)))
        (drop (call $read (i32.const 0) (i32.const 10)))
        (call $note (table.grow $t (ref.null func) (i32.const 320)))
        (if (i32.eq (memory.grow $other (i32.const 1)) (i32.const -1))
            (then (call $log (i32.const 0) (i32.const 2))))
        (loop $next
            (call $write (i32.const 0) (local.get $i))
            (call $log (i32.const 0) (local.get $i))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))))"#;

const STEPS: [u64; 3] = [1, 7, 1_000];

struct Guest {
    name: &'static str,
    wasm: Vec<u8>,
    input: &'static [u8],
    growths: u64,
}

macro_rules! guests {
    ($($test:ident: $guest:literal, $input:literal, $growths:literal, $when:expr;)*) => {$(
        #[test]
        fn $test() {
            let path = format!("{}/fixtures/guests/{}.wasm", env!("CARGO_MANIFEST_DIR"), $guest);
            let guest = Guest { name: $guest, wasm: fs::read(path).unwrap(), input: $input, growths: $growths };
            guest.walk($when);
        }
    )*};
}

/// Whether tens of thousands of loads and runs take a minute and not half an hour.
const OPTIMIZED: bool = !cfg!(debug_assertions);
// Name, input, growths, and whether each unit of fuel is walked; calls and growths always are.
guests! {
    in_wat: "upper-wat", b"Ab", 0, true;
    in_c: "wordcount", b"a b\n", 0, true;
    in_assemblyscript: "throw", b"x", 0, OPTIMIZED;
    in_more_c: "upper-c", b"Ab", 0, OPTIMIZED;
    in_more_assemblyscript: "upper-as", b"Ab", 0, OPTIMIZED;
    in_zig: "upper-zig", b"Ab", 0, OPTIMIZED;
    in_rust: "upper-rust", b"Ab", 1, OPTIMIZED;
}

#[test]
fn with_growths() {
    of_text("growing", GROWING, 3);
}

/// A start section, `_initialize` and `alloc` before `execute`.
#[test]
fn with_all_entries() {
    let text = fs::read_to_string(format!("{}/fixtures/run/order.wat", env!("CARGO_MANIFEST_DIR"))).unwrap();
    of_text("order", &text, 0);
}

fn of_text(name: &'static str, text: &str, growths: u64) {
    let wasm = Sandbox::new(Config::default()).unwrap().assemble(text).unwrap();
    Guest { name, wasm, input: b"words", growths }.walk(true);
}

/// What there is at a place, without its bytes: they are the beginning of all.
#[derive(Debug, Default, PartialEq)]
struct Place {
    usage: Usage,
    lines: usize,
}

impl Place {
    /// Whether nothing is less than before, and nothing more than at the end.
    fn is_between(&self, before: &Place, end: &Usage) -> bool {
        let numbers = |usage: &Usage| {
            let Usage { fuel, memory_peak_bytes, table_peak_elements, host_calls, .. } = *usage;
            let bytes = [usage.input_bytes, usage.output_bytes, usage.log_bytes];
            [&[fuel, memory_peak_bytes, table_peak_elements, host_calls], &bytes[..]].concat()
        };
        let (last, now, end) = (numbers(&before.usage), numbers(&self.usage), numbers(end));
        let ordered = |less: &[u64], more: &[u64]| less.iter().zip(more).all(|(less, more)| less <= more);
        ordered(&last, &now) && ordered(&now, &end) && before.lines <= self.lines
    }
}

fn parts(result: &Result<Outcome, Error>) -> (&[u8], &Log, &Usage) {
    match result {
        Ok(outcome) => (&outcome.output, &outcome.log, &outcome.usage),
        Err(Error::Stopped(stopped)) => (&stopped.output, &stopped.log, &stopped.usage),
        Err(other) => panic!("{other}"),
    }
}

fn in_steps(sandbox: &Sandbox, module: &Module, input: &[u8], fuel: u64) -> Result<Outcome, Error> {
    let mut run = sandbox.start(module, input)?;
    loop {
        if let Step::Done(outcome) = run.step(fuel)? {
            return Ok(outcome);
        }
    }
}

fn stopped_by(result: &Result<Outcome, Error>, fault: InjectedFault, number: u64) {
    let reason = result.as_ref().err().and_then(Error::stop_reason);
    assert_eq!(reason, Some(&StopReason::Host(HostStop::Injected { fault, number })));
}

impl Guest {
    /// The end, which is the same at once and in steps of each of these sizes.
    fn end(&self, config: Config, steps: &[u64]) -> Result<Outcome, Error> {
        let note = |context: &mut Context<'_>, number: i32| -> Result<(), HostError> {
            context.charge(3)?;
            context.write_output(&[number as u8])
        };
        let sandbox = Sandbox::builder().config(config).host_function("host", "note", note).build().unwrap();
        let module = sandbox.load(&self.wasm).unwrap();
        let result = sandbox.run(&module, self.input);
        for fuel in steps {
            assert_eq!(in_steps(&sandbox, &module, self.input, *fuel), result, "{} in steps of {fuel}", self.name);
        }
        result
    }

    /// The same, of which nothing is left when it has been checked.
    fn place(&self, config: Config, steps: &[u64], check: impl FnOnce(&Result<Outcome, Error>)) {
        let before = live();
        check(&self.end(config, steps));
        assert_eq!(live(), before, "{}: something is left", self.name);
    }

    fn walk(&self, every_fuel: bool) {
        // What is set up once in a process is of no run.
        for config in [with_stop_at_fuel(1_500), with_fail_host_call(1), with_deny_growth(1)] {
            drop(self.end(config, &STEPS));
        }
        let whole = self.end(Config::default(), &STEPS);
        let fuel = if every_fuel { self.walk_fuel(&whole) } else { 0 };
        let calls = self.walk_host_calls(&whole);
        self.walk_growths(&whole);
        println!("{}: {fuel} units of fuel, {calls} calls of the host, {} growths", self.name, self.growths);
    }

    /// A place is where a charge has ended. A run that is stopped at its fuel has come just there, and one
    /// that is stopped at any fuel before the next place has come no further.
    fn walk_fuel(&self, whole: &Result<Outcome, Error>) -> u64 {
        let (output, log, usage) = parts(whole);
        let mut last = Place::default();
        let mut places = 0;
        for fuel in 1..usage.fuel {
            self.place(with_stop_at_fuel(fuel), &[STEPS[fuel as usize % 3]], |result| {
                stopped_by(result, InjectedFault::Fuel, fuel);
                let (now_output, now_log, now_usage) = parts(result);
                assert!(output.starts_with(now_output) && log.entries.starts_with(&now_log.entries), "{fuel}");
                let now = Place { usage: *now_usage, lines: now_log.entries.len() };
                if now != last {
                    assert_eq!(now.usage.fuel, fuel, "{} is no place", now.usage.fuel);
                    assert!(now.is_between(&last, usage), "{now:?} after {last:?}");
                    last = now;
                    places += 1;
                }
            });
        }
        assert!(places > 5, "only {places} places");
        let enough = with_stop_at_fuel(usage.fuel);
        self.place(enough, &STEPS, |result| assert_eq!(result, whole, "just enough is enough"));
        usage.fuel
    }

    fn walk_host_calls(&self, whole: &Result<Outcome, Error>) -> u64 {
        let (output, log, usage) = parts(whole);
        let mut last = Usage::default();
        for number in 1..=usage.host_calls {
            self.place(with_fail_host_call(number), &STEPS, |result| {
                stopped_by(result, InjectedFault::HostCall, number);
                let (now_output, now_log, now) = parts(result);
                assert!(output.starts_with(now_output) && log.entries.starts_with(&now_log.entries), "{number}");
                assert_eq!(now.host_calls, number);
                assert!(last.fuel < now.fuel && now.fuel < usage.fuel, "{number}");
                last = *now;
            });
        }
        let beyond = with_fail_host_call(usage.host_calls + 1);
        self.place(beyond, &STEPS, |result| assert_eq!(result, whole));
        usage.host_calls
    }

    /// After a denied growth the guest may do anything, but the growth itself is missing.
    fn walk_growths(&self, whole: &Result<Outcome, Error>) {
        for number in 1..=self.growths {
            self.place(with_deny_growth(number), &STEPS, |result| {
                assert_ne!(result, whole, "{number}");
                let reason = result.as_ref().err().and_then(Error::stop_reason);
                assert!(reason.is_none_or(StopReason::is_guest_fault), "{reason:?}");
            });
        }
        let beyond = with_deny_growth(self.growths + 1);
        self.place(beyond, &STEPS, |result| assert_eq!(result, whole));
    }
}

fn with_stop_at_fuel(fuel: u64) -> Config {
    Config::default().with_stop_at_fuel(fuel)
}

fn with_fail_host_call(number: u64) -> Config {
    Config::default().with_fail_host_call(number)
}

fn with_deny_growth(number: u64) -> Config {
    Config::default().with_deny_growth(number)
}
