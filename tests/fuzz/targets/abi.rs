//! The functions of the ABI with any arguments: they do what a model of them does.

#![no_main]

use arbitrary::Unstructured;
use belljar::{Config, Error, Sandbox};
use belljar_fuzz::{
    ends,
    model::{Came, expected},
    script::Script,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(script) = Script::new(&mut Unstructured::new(data)) {
        assert_eq!(run(&script), expected(&script), "{script:?}");
    }
});

/// What belljar makes of it, as far as a model knows it.
fn run(script: &Script) -> Came {
    let limits = script.limits;
    let config = Config::default()
        .with_output_bytes(limits.output_bytes.into())
        .with_log_bytes(limits.log_bytes.into())
        .with_log_lines(limits.log_lines.into())
        .with_host_calls(limits.host_calls.into());
    let sandbox = Sandbox::new(config).unwrap_or_else(|error| panic!("{error}"));
    let module = sandbox.load(&script.module()).unwrap_or_else(|error| panic!("{error}"));
    let end = sandbox.run(&module, script.input.as_slice());
    ends::check(&end);
    let (output, log, usage, reason) = match end {
        Ok(outcome) => (outcome.output, outcome.log, outcome.usage, None),
        Err(Error::Stopped(stopped)) => (stopped.output, stopped.log, stopped.usage, Some(stopped.reason)),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(usage.output_bytes, output.len() as u64);
    assert_eq!(usage.log_bytes, log.entries.iter().map(|entry| entry.text.len() as u64).sum::<u64>());
    Came {
        output,
        dropped: log.dropped,
        log: log.entries.into_iter().map(|entry| (entry.level, entry.text)).collect(),
        host_calls: usage.host_calls,
        input_bytes: usage.input_bytes,
        reason,
    }
}
