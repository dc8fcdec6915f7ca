//! Errors as values: sources, hints, conversions, and what `Debug` shows of a guest.

use std::{error::Error as StdError, fmt, io};

use belljar::{
    CallError, Config, Error, GuestFault, HostError, HostStop, LimitExceeded, ModuleError, Outcome, Sandbox,
    StopReason, Stopped,
    error::{Feature, FileFormat},
    execute,
};

/// Writes 60,000 bytes of output, logs an escape sequence 64 times, and returns a status.
const FLOOD: &str = r#"(module
    (import "env" "write_output" (func $write (param i32 i32)))
    (import "env" "log" (func $log (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\1b[31m\ff")
    (func (export "execute") (param i32 i32) (result i32) (local i32)
        (call $write (i32.const 0) (i32.const 60000))
        (loop (call $log (i32.const 0) (i32.const 5))
            (br_if 0 (i32.lt_u (local.tee 2 (i32.add (local.get 2) (i32.const 1))) (i32.const 64))))
        (i32.load8_u (local.get 0))))"#;

fn run(status: u8) -> Result<Outcome, Error> {
    let wat = FLOOD.replace("(i32.load8_u (local.get 0))", &format!("(i32.const {status})"));
    execute(&wat::parse_str(wat).unwrap(), b"", &Config::default())
}

fn stopped(result: Result<Outcome, Error>) -> Stopped {
    match result {
        Err(Error::Stopped(stopped)) => *stopped,
        other => panic!("{other:?}"),
    }
}

#[test]
fn debug_shows_little_of_a_guest_and_nothing_raw() {
    let outcome = run(0).unwrap();
    let stopped = stopped(run(1));
    assert_eq!((outcome.output.len(), outcome.log.entries.len()), (60_000, 64));
    for shown in [format!("{outcome:?}"), format!("{stopped:?}"), format!("{:?}", Error::from(stopped.clone()))] {
        assert!(shown.len() < 4_096, "{} bytes", shown.len());
        assert!(shown.bytes().all(|byte| byte != 0x1b && byte != b'\n'), "{shown}");
        assert!(shown.contains(r"\x1b[31m\xff\x00"), "{shown}");
    }
    assert!(format!("{:?}", outcome.log).len() < 2_048);
    // What is short is whole.
    let short = execute(&wat::parse_str("(module (func (export \"_start\")))").unwrap(), b"", &Config::default());
    assert!(format!("{:?}", short.unwrap()).contains(r#"output: b"""#));
}

#[test]
fn an_error_has_its_cause_and_its_hint() {
    let module = execute(b"\0asm\x0d\0\x01\0", b"", &Config::default()).unwrap_err();
    assert_eq!(module.module_error(), Some(&ModuleError::Component));
    assert!(module.source().is_none());
    assert_eq!(format!("{module:#}"), format!("{module}\nhint: {}", module.hint().unwrap()));

    let config = Config::from_toml("limits.fule = 1").unwrap_err();
    let Error::Config(cause) = &config else { panic!("{config:?}") };
    assert_eq!(format!("{cause:#}"), format!("{cause}\nhint: {}", config.hint().unwrap()));
    // The message has the problem already.
    assert!(config.to_string().ends_with(&cause.problem.to_string()));
    assert!(config.source().is_none() && cause.source().is_none());
    assert_eq!((config.module_error(), config.stop_reason()), (None, None));

    // Without a hint both forms are one.
    let status = run(1).unwrap_err();
    assert_eq!((status.hint(), format!("{status:#}")), (None, status.to_string()));
    assert!(status.source().is_none() && status.stop_reason().is_some());
    assert!(Error::from(CallError::OtherSandbox).source().is_none());
}

#[test]
fn a_stop_is_an_error() {
    let stopped: Box<dyn StdError + Send + Sync> = stopped(run(7)).into();
    let reason = StopReason::Guest(GuestFault::Status { code: 7 });
    assert_eq!(stopped.to_string(), reason.to_string());
    assert!(stopped.source().is_none());
    assert_eq!(stopped.downcast_ref::<Stopped>().unwrap().reason, reason);
}

/// A group of stop reasons stops the run as a whole reason does, and is no message.
#[test]
fn a_host_function_returns_a_stop_reason_or_a_group() {
    let limit = LimitExceeded::HostCalls { limit: 3 };
    let fault = GuestFault::Failed { message: "no".into() };
    for (error, reason) in [
        (HostError::from(limit.clone()), StopReason::from(limit)),
        (HostError::from(fault.clone()), StopReason::from(fault)),
        (HostError::from(HostStop::Cancelled), StopReason::from(HostStop::Cancelled)),
    ] {
        assert_eq!(error, HostError::from(reason));
    }
}

#[test]
fn files_of_other_formats_are_named() {
    for (bytes, format) in [
        (b"MZ\x90\0".as_slice(), FileFormat::WindowsExecutable),
        (b"\xcf\xfa\xed\xfe", FileFormat::MachO),
        (b"BC\xc0\xde", FileFormat::LlvmBitcode),
        (b"!<arch>\n", FileFormat::StaticLibrary),
        (b"PK\x03\x04", FileFormat::Zip),
        (b"\x28\xb5\x2f\xfd", FileFormat::Zstd),
        (b"{\"a\":1}", FileFormat::Json),
    ] {
        let error = execute(bytes, b"", &Config::default()).unwrap_err();
        let expected = ModuleError::NotWasm { found: bytes[..4].to_vec(), like: Some(format) };
        assert_eq!(error.module_error(), Some(&expected));
    }
}

#[test]
fn features_that_are_not_supported_are_named() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    for (fields, expected) in [
        ("(func (param funcref) (drop (ref.as_non_null (local.get 0))))", Feature::FunctionReferences),
        ("(memory 1) (func (memory.discard (i32.const 0) (i32.const 0)))", Feature::MemoryControl),
        ("(global (shared i32) (i32.const 0))", Feature::SharedEverythingThreads),
        ("(func (resume 0))", Feature::StackSwitching),
    ] {
        let error = sandbox.load_text(&format!("(module {fields})")).unwrap_err();
        let Some(ModuleError::Unsupported { feature, .. }) = error.module_error() else { panic!("{error}") };
        assert_eq!(*feature, expected);
    }
}

/// An error whose message is another's, and has that for its source.
#[derive(Debug)]
struct Outer(io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl StdError for Outer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_host_error_is_made_of_any_error() {
    let reason = |error: fn() -> HostError| {
        let function = move || -> Result<(), HostError> { Err(error()) };
        let sandbox = Sandbox::builder().host_function("host", "f", function).build().unwrap();
        let module = sandbox.load_text("(module (import \"host\" \"f\" (func)) (export \"_start\" (func 0)))").unwrap();
        stopped(sandbox.run(&module, b"")).reason
    };
    let message = |error| match reason(error) {
        StopReason::Host(HostStop::HostFunction { message, .. }) => message,
        other => panic!("{other:?}"),
    };
    assert_eq!(message(|| HostError::new("a text")), "a text");
    assert_eq!(message(|| io::Error::other("inner").into()), "inner");
    // Sources are told too, but none twice.
    assert_eq!(message(|| Outer(io::Error::other("inner")).into()), "outer: inner");
    assert_eq!(message(|| Error::from(CallError::Ended).into()), Error::from(CallError::Ended).to_string());
    // A reason to stop stays one.
    assert_eq!(reason(|| StopReason::Host(HostStop::Cancelled).into()), StopReason::Host(HostStop::Cancelled));

    let boxed: Box<dyn StdError + Send + Sync> = HostError::new("a text").into();
    assert_eq!(boxed.to_string(), "a text");
    let boxed: Box<dyn StdError> = HostError::from(StopReason::Host(HostStop::Cancelled)).into();
    assert_eq!(boxed.downcast_ref(), Some(&StopReason::Host(HostStop::Cancelled)));
}
