//! Custom host functions that require a capability: without the grant a call of one stops the run.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use belljar::{Builder, Config, Error, GuestFault, HostFunction, Sandbox, StopReason, error::ConfigProblem};

const GUEST: &str = r#"(module
    (import "db" "get" (func $get (param i32) (result i32)))
    (import "db" "set" (func $set (param i32 i64)))
    (import "net" "ask" (func $ask (result i32)))
    (func (export "get") (result i32) (call $get (i32.const 5)))
    (func (export "set") (call $set (i32.const 5) (i64.const 1)))
    (func (export "ask") (result i32) (return_call $ask)))"#;

/// `db.get` needs `db`, `db.set` needs `db` and `write`, the async `net.ask` needs `net`.
fn builder(calls: &Arc<AtomicU32>) -> Builder {
    let count = || {
        let calls = Arc::clone(calls);
        move || calls.fetch_add(1, Ordering::Relaxed)
    };
    let [get, set, ask] = [(); 3].map(|()| count());
    let get = HostFunction::new("db", "get", move |key: i32| {
        get();
        key + 1
    });
    let set = HostFunction::new("db", "set", move |_: i32, _: i64| {
        set();
    });
    let ask = HostFunction::new_async("net", "ask", move || {
        ask();
        async { 7 }
    });
    Sandbox::builder()
        .function(get.requires("db"))
        .function(set.requires("db").requires("write"))
        .function(ask.requires("net"))
}

fn stop(sandbox: &Sandbox, export: &str) -> (StopReason, u64) {
    let module = sandbox.load_text(GUEST).unwrap();
    match sandbox.call_values(&module, export, &[]) {
        Err(Error::Stopped(stopped)) => (stopped.reason, stopped.usage.fuel),
        other => panic!("{export}: {other:?}"),
    }
}

fn denied(capability: &str, function: &str) -> StopReason {
    StopReason::Guest(GuestFault::Denied { capability: capability.into(), function: function.into(), detail: None })
}

/// Reaches `GuestFault::Denied`.
#[test]
fn what_is_not_granted_is_denied() {
    let calls = Arc::new(AtomicU32::new(0));
    let with = |grants: &[&str]| {
        let config = grants.iter().fold(Config::default(), |config, grant| config.with_grant(*grant));
        builder(&calls).config(config).build().unwrap()
    };
    for (grants, export, expected) in [
        (&[][..], "get", denied("db", "db.get")),
        (&["write", "net"], "get", denied("db", "db.get")),
        (&[], "set", denied("db", "db.set")),
        (&["write"], "set", denied("db", "db.set")),
        (&["db"], "set", denied("write", "db.set")),
        (&["db", "write"], "ask", denied("net", "net.ask")),
    ] {
        let (reason, _) = stop(&with(grants), export);
        assert_eq!(reason, expected, "{export} with {grants:?}");
        assert!(matches!(reason, StopReason::Guest(GuestFault::Denied { .. })));
        assert!(reason.is_guest_fault() && reason.is_deterministic());
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0, "no body was reached");

    let sandbox = with(&["db", "net", "write"]);
    let module = sandbox.load_text(GUEST).unwrap();
    assert_eq!(sandbox.call::<(), i32>(&module, "get", ()).unwrap(), 6);
    sandbox.call::<(), ()>(&module, "set", ()).unwrap();
    assert_eq!(sandbox.call::<(), i32>(&module, "ask", ()).unwrap(), 7);
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    // A denied call has been counted and paid for as any other.
    let granted = sandbox.call_values(&module, "get", &[]).unwrap().usage;
    assert_eq!(stop(&with(&[]), "get").1, granted.fuel);
}

#[test]
fn a_denial_tells_what_would_grant_it() {
    let sandbox = builder(&Arc::default()).build().unwrap();
    let module = sandbox.load_text(GUEST).unwrap();
    let error = sandbox.call_values(&module, "get", &[]).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("grants = [\"db\"]")));
    let toml = Config::from_toml("grants = [\"db\"]").unwrap();
    assert_eq!(toml, Config::default().with_grant("db"));
}

/// Reaches `ConfigProblem::UnknownGrant`.
#[test]
fn a_grant_that_nothing_needs_is_refused() {
    let build = |config| match builder(&Arc::default()).config(config).build() {
        Err(Error::Config(error)) => (error.key, error.problem),
        other => panic!("{other:?}"),
    };
    let known = ["db", "net", "write"].map(String::from).to_vec();
    let expected = ConfigProblem::UnknownGrant { name: "dbs".into(), known };
    assert_eq!(build(Config::default().with_grant("db").with_grant("dbs")), ("grants".into(), expected));
    let Err(Error::Config(error)) = Sandbox::new(Config::default().with_grant("db")) else { panic!("accepted") };
    assert_eq!(error.problem, ConfigProblem::UnknownGrant { name: "db".into(), known: Vec::new() });
}

/// A call that was denied when it was recorded is denied in the replay, and a call that was granted is replayed.
#[test]
#[cfg(feature = "receipt")]
fn a_transcript_knows_what_was_denied() {
    use belljar::record::Transcript;
    let wasm = wat::parse_str(GUEST).unwrap();
    for (config, export) in
        [(Config::default(), "get"), (Config::default(), "ask"), (Config::default().with_grant("db"), "get")]
    {
        let sandbox = builder(&Arc::default()).config(config).build().unwrap();
        let module = sandbox.load(&wasm).unwrap();
        let mut run = sandbox.start_call(&module, export, &[], b"", ()).unwrap();
        run.record(1 << 20);
        let result = run.finish();
        let transcript = Transcript::of_call(export, &[], &sandbox, &wasm, b"", run.take_effects());
        let read = Transcript::from_jsonl(&transcript.to_jsonl()).unwrap();
        assert_eq!(read, transcript);
        assert_eq!(read.replay(&wasm, b"").unwrap().finish(), result);
    }
}
