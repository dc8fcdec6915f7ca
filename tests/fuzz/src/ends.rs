//! Ends of runs, which no input may turn into a fault of ours.

use belljar::{Config, Error, ModuleError, Outcome, Sandbox};

/// A sandbox that is cheap to fill: with little fuel and little memory a run is short, whatever it does.
pub fn sandbox(fuel: u64) -> Sandbox {
    // Generated modules know nothing of our limits on results.
    let config = Config::default().with_fuel(fuel).with_memory_bytes(4 << 20).with_module_results(1_000);
    Sandbox::new(config).expect("it is within the ranges")
}

/// Loads and runs what may be a module.
pub fn run(sandbox: &Sandbox, wasm: &[u8]) {
    let end = sandbox.load(wasm).and_then(|module| {
        let inspected = sandbox.inspect(wasm);
        assert_eq!(inspected.as_ref(), Ok(module.inspect()), "what loads can be inspected");
        sandbox.run(&module, b"some input")
    });
    check(&end);
}

/// # Panics
///
/// Where the engine or the host is to blame for the end.
pub fn check(end: &Result<Outcome, Error>) {
    let Err(error) = end else { return };
    tell(error);
    match error {
        Error::Module(error) => assert!(!matches!(**error, ModuleError::Engine { .. }), "{error}"),
        Error::Stopped(stopped) => assert!(stopped.reason.is_guest_fault(), "{}", stopped.reason),
        Error::Call(_) => {}
        other => panic!("{other}"),
    }
}

/// Whatever an error carries, it can be shown.
pub fn tell(error: &Error) {
    let told = error.to_string();
    assert!(!told.is_empty() && !told.chars().any(char::is_control), "{told:?}");
    let _ = error.hint();
}
