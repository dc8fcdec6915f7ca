//! The modules that `execute` keeps change no result, only the time.
//!
//! `tests/bounds/recent.rs` tests which modules are kept, in a process in which nothing else uses them.

use std::{sync::Arc, time::Instant};

use belljar::{Config, Error, LimitExceeded, Outcome, StopReason, execute, execute_shared};

use crate::{
    big,
    fixture::{
        self,
        parse::{Action, Fixture, Kind},
    },
};

/// Writes its data, of 600 bytes.
fn writer(data: &[u8; 600]) -> Vec<u8> {
    let data: String = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
    wat::parse_str(format!(
        r#"(module (import "env" "write_output" (func $write (param i32 i32)))
            (memory (export "memory") 1) (data (i32.const 0) "{data}")
            (func (export "_start") (call $write (i32.const 0) (i32.const 600))))"#
    ))
    .unwrap()
}

/// Drops what is kept, of whomever: nothing else fits beside this.
fn evict() {
    let config = Config::default().with_module_cache_bytes(50_000);
    assert_eq!(execute(&writer(&[7; 600]), b"", &config).unwrap().output, [7; 600]);
}

/// Module, configuration and inputs.
type Runs<'f> = (Vec<u8>, Config, Vec<&'f [u8]>);

/// The runs of a fixture.
fn of(fixture: &Fixture) -> Option<Runs<'_>> {
    let wasm = match fixture.kind {
        Kind::Wat => wat::parse_str(&fixture.body).ok()?,
        Kind::Hex => fixture::parse::hex(&fixture.body).ok()?,
        Kind::Toml => return None,
    };
    let inputs = fixture.actions.iter().filter_map(|(_, action)| match action {
        Action::Run { input } => Some(input.as_slice()),
        Action::Call { .. } | Action::Inspect => None,
    });
    Some((wasm, Config::from_toml(&fixture.config).ok()?, inputs.collect()))
}

#[test]
fn a_run_is_the_same_whether_its_module_is_kept() {
    let mut compared = 0;
    for path in fixture::FOLDERS.iter().flat_map(|folder| fixture::files(folder)) {
        let fixture = Fixture::read(path).unwrap();
        let Some((wasm, config, inputs)) = of(&fixture) else { continue };
        for input in inputs {
            let expected = execute(&wasm, input, &config.clone().with_module_cache_bytes(0));
            let run = || execute(&wasm, input, &config);
            let name = fixture.path.display();
            assert_eq!([run(), run()], [(); 2].map(|()| expected.clone()), "{name}, and kept");
            evict();
            assert_eq!(run(), expected, "{name}, evicted");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn a_module_that_differs_in_one_byte_is_another() {
    let config = Config::default();
    let mut data = [0; 600];
    assert_eq!(execute(&writer(&data), b"", &config).unwrap().output, data);
    for at in 0..data.len() {
        data[at] = 1;
        assert_eq!(execute(&writer(&data), b"", &config).unwrap().output, data, "byte {at}");
        data[at] = 0;
    }
    assert_eq!(execute(&writer(&data), b"", &config).unwrap().output, data);
}

#[test]
fn each_call_has_its_own_configuration() {
    let wasm = writer(&[5; 600]);
    let usual = Config::default();
    let done = execute(&wasm, b"", &usual).unwrap();
    let fuel = execute(&wasm, b"", &usual.clone().with_fuel(done.usage.fuel - 1)).unwrap_err();
    assert!(matches!(fuel.stop_reason(), Some(StopReason::Limit(LimitExceeded::Fuel { .. }))));
    let output = execute(&wasm, b"", &usual.clone().with_output_bytes(599)).unwrap_err();
    assert!(matches!(output.stop_reason(), Some(StopReason::Limit(LimitExceeded::Output { limit: 599, .. }))));
    let refused = execute(&wasm, b"", &usual.clone().with_module_size_bytes(600)).unwrap_err();
    assert!(matches!(refused, Error::Module(_)));
    assert!(matches!(execute(&wasm, b"", &usual.clone().with_fuel(0)), Err(Error::Config(_))));
    assert!(matches!(execute(&wasm, b"", &usual.clone().with_module_cache_bytes(u64::MAX)), Err(Error::Config(_))));
    assert_eq!(execute(&wasm, b"", &usual), Ok(done));
}

/// What is shared is found without a look at it, by whichever call, and not by where it was.
#[test]
fn shared_bytes_are_those_of_their_place() {
    let config = Config::default();
    for n in 0..20 {
        // The allocator gives the place of the last one to the next.
        let copy = writer(&[n; 600]);
        let wasm: Arc<[u8]> = copy.clone().into();
        for _ in 0..2 {
            assert_eq!(execute_shared(&wasm, b"", &config).unwrap().output, [n; 600]);
            assert_eq!(execute(&wasm, b"", &config).unwrap().output, [n; 600]);
            assert_eq!(execute(&copy, b"", &config).unwrap().output, [n; 600]);
        }
        evict();
    }
}

#[test]
fn threads_share_what_is_kept() {
    let modules: Vec<_> = (0..6).map(|n| writer(&[n; 600])).collect();
    let run = |thread: usize| {
        for round in 0..200 {
            let at = (round * (thread + 1)) % modules.len();
            // With room for all of them, or for two.
            let bytes = if (round + thread).is_multiple_of(3) { 100_000 } else { 10_000_000 };
            let config = Config::default().with_module_cache_bytes(bytes);
            let Outcome { output, .. } = execute(&modules[at], b"", &config).unwrap();
            assert_eq!(output, [at as u8; 600]);
        }
    };
    let run = &run;
    std::thread::scope(|scope| (0..4).for_each(|thread| drop(scope.spawn(move || run(thread)))));
}

/// Microseconds, the least of some: what others do on the machine can only add to it.
fn least(times: usize, mut body: impl FnMut()) -> f64 {
    let one = |_| {
        let start = Instant::now();
        body();
        start.elapsed().as_secs_f64() * 1e6
    };
    (0..times).map(one).fold(f64::INFINITY, f64::min)
}

#[test]
#[ignore = "measures time"]
fn the_second_call_loads_nothing() {
    let wasm: Arc<[u8]> = big::module(500).into();
    let config = Config::default();
    let run = || drop(execute_shared(&wasm, b"", &config).unwrap());
    let [first, second] = [1, 20].map(|times| least(times, run));
    assert!(second < first / 5.0, "{first} µs, then {second} µs");
}

/// Prints what a run of 1.6 MB costs, loaded and by `execute`, in microseconds.
///
/// `cargo test --release --test it recent::measured -- --ignored --nocapture`
#[test]
#[ignore = "measures time"]
fn measured() {
    let wasm: Arc<[u8]> = big::module(5_000).into();
    let config = Config::default().with_module_load_work(10_000_000);
    let sandbox = belljar::Sandbox::new(config.clone()).unwrap();
    let module = sandbox.load(&wasm).unwrap();
    execute_shared(&wasm, b"", &config).unwrap();
    let run = least(300, || drop(sandbox.run(&module, b"").unwrap()));
    let shared = least(300, || drop(execute_shared(&wasm, b"", &config).unwrap()));
    let copy = wasm.to_vec();
    let compared = least(300, || drop(execute(&copy, b"", &config).unwrap()));
    let load = least(5, || drop(sandbox.load(&wasm).unwrap()));
    println!("{} bytes: load {load:.0}, run {run:.1}, shared {shared:.1}, compared {compared:.1}", wasm.len());
    assert!(shared < 1.1 * run, "{shared} µs for {run} µs");
}
