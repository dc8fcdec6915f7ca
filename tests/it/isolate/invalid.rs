//! Invalid workers, as scripts.

use super::*;

/// Creates an isolation whose worker runs this script.
fn script(text: &str) -> Isolation {
    Isolation::new(Config::default().with_deadline_ms(300)).unwrap().with_worker("/bin/sh", ["-c", text])
}

/// Creates an isolation whose worker sends its greeting and that the run has started, then runs this script.
fn loaded(then: &str) -> Isolation {
    script(&format!("{}{}{then}", greeting(), message(&[2])))
}

fn greeting() -> String {
    message(format!("belljar worker 2, {}", env!("CARGO_PKG_VERSION")).as_bytes())
}

/// Returns the command that sends a message.
fn message(bytes: &[u8]) -> String {
    let size = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let octal: String = size.iter().chain(bytes).map(|byte| format!("\\{byte:03o}")).collect();
    format!("printf '{octal}'; ")
}

fn run(isolation: &Isolation) -> Result<Outcome, Error> {
    isolation.run(&wasm(r#"(module (func (export "_start")))"#), b"")
}

fn isolated(result: Result<Outcome, Error>) -> IsolationError {
    match result {
        Err(Error::Isolation(error)) => *error,
        other => panic!("{other:?}"),
    }
}

fn died_loading(result: Result<Outcome, Error>) -> WorkerEnd {
    match result {
        Err(Error::Module(error)) => match *error {
            ModuleError::Worker(end) => end,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_that_is_not_there() {
    let isolation = Isolation::new(Config::default()).unwrap().with_worker("/no/such/program", [""; 0]);
    assert!(
        matches!(isolated(run(&isolation)), IsolationError::Start { program, .. } if program == "/no/such/program")
    );
}

/// Checks that a program that does not call `worker`, such as this test, is not started.
#[test]
fn a_program_that_does_not_call_worker() {
    let found = isolated(run(&Isolation::new(Config::default()).unwrap()));
    assert_eq!(found, IsolationError::NotAWorker { program: "this program".into(), found: None });
}

/// Checks that a worker cannot start a worker: no program starts itself without end.
#[test]
fn a_worker_that_starts_a_worker() {
    const CHILD: &str = "isolate::invalid::child";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", CHILD, "--ignored", "--nocapture"]).env("BELLJAR_WORKER", "");
    let printed = child.output().unwrap().stdout;
    let nested = format!("{:?}", IsolationError::Nested);
    assert!(String::from_utf8_lossy(&printed).contains(&nested));
}

#[test]
#[ignore = "a child of another test"]
fn child() {
    println!("{:?}", isolated(run(&Isolation::new(Config::default()).unwrap())));
}

#[test]
fn a_program_that_is_no_worker() {
    let programs = ["true", "false", "echo belljar worker", "cat", "yes", "exec cat /dev/zero"];
    for text in programs {
        let found = isolated(run(&script(text)));
        assert_eq!(found, IsolationError::NotAWorker { program: "/bin/sh".into(), found: None }, "{text}");
    }
    let other = script(&message(b"belljar worker 2, 99.0.0"));
    let found = Some("belljar worker 2, 99.0.0".into());
    assert_eq!(isolated(run(&other)), IsolationError::NotAWorker { program: "/bin/sh".into(), found });
}

#[test]
fn a_layer_that_cannot_be_activated() {
    // The encoding of `LayerFailed`: its number, the place of the layer in the list, the error code.
    let mut reply = vec![0, 1];
    reply.extend(1i32.to_le_bytes());
    let error = isolated(run(&script(&(greeting() + &message(&reply)))));
    assert!(matches!(error, IsolationError::Layer { layer: "limits", .. }), "{error:?}");
    assert!(error.to_string().contains("ermission") || error.to_string().contains("ermitted"), "{error}");
}

/// Checks that a signal before the greeting is reported with its number.
#[test]
fn a_worker_that_is_killed_before_it_begins() {
    for (name, signal) in
        [("KILL", 9), ("SEGV", 11), ("TERM", 15), ("SYS", if cfg!(target_os = "linux") { 31 } else { 12 })]
    {
        let end = WorkerEnd::Signal { signal };
        let found = isolated(run(&script(&format!("kill -{name} $$"))));
        assert_eq!(found, IsolationError::Died { program: "/bin/sh".into(), end }, "{name}");
    }
}

#[test]
fn a_worker_that_dies() {
    let deaths = [
        #[cfg(target_os = "linux")]
        ("kill -SYS $$", WorkerEnd::Signal { signal: 31 }),
        ("kill -SEGV $$", WorkerEnd::Signal { signal: 11 }),
        ("kill -ABRT $$", WorkerEnd::Signal { signal: 6 }),
        ("kill -KILL $$", WorkerEnd::Signal { signal: 9 }),
        ("exit 7", WorkerEnd::Exit { code: 7 }),
        ("true", WorkerEnd::Exit { code: 0 }),
    ];
    for (death, end) in deaths {
        assert_eq!(died_loading(run(&script(&(greeting() + death)))), end, "{death}");
        assert_eq!(stopped(run(&loaded(death))), StopReason::Host(HostStop::Worker(end)), "{death}");
    }
}

/// Checks that the output of the last report is kept, and later output is not.
#[test]
fn a_worker_that_dies_late_leaves_its_report() {
    let used = [5, 1, 2, 3, 4, 5, 6, 7, 0];
    let text = [message(b"\x03kept"), message(&used), message(b"\x03lost"), "kill -SEGV $$".into()].concat();
    let Err(Error::Stopped(stopped)) = run(&loaded(&text)) else { panic!("it died") };
    assert_eq!(stopped.reason, StopReason::Host(HostStop::Worker(WorkerEnd::Signal { signal: 11 })));
    assert_eq!((stopped.output.as_slice(), stopped.usage.fuel), (&b"kept"[..], 1));
}

#[test]
fn an_idle_worker_is_killed_at_the_deadline() {
    // The last sends reports without pause.
    let report = format!("while :; do {} done", message(&[&[5][..], &[0; 8]].concat()));
    for text in ["while :; do :; done", "exec sleep 1000", &report] {
        let start = Instant::now();
        assert_eq!(stopped(run(&loaded(text))), StopReason::Host(HostStop::Deadline { limit_ms: 300 }));
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_worker_that_sends_invalid_messages() {
    let garbage = [
        "yes".into(),
        "exec cat /dev/zero".into(),
        // An unknown message; one with trailing bytes; one that is cut.
        message(&[9]),
        message(&[2, 0]),
        message(&[6, 0, 0]),
        // Too long a message.
        "printf '\\377\\377\\377\\377'; exec cat /dev/zero".into(),
        // A count of items that do not follow.
        message(&[&[6, 0, 0, 0, 0][..], &[255; 9], &[1]].concat()),
        // More output than the limit, in parts that are each valid.
        format!("while :; do {} done", message(&[&[3][..], &[b'x'; 1000]].concat())),
        // Errors that cannot occur once the guest has started.
        message(&[7, 0, 0]),
        message(&[2]),
    ];
    for text in garbage {
        let config = Config::default().with_output_bytes(10_000);
        let isolation = Isolation::new(config).unwrap();
        let script = format!("{}{}{text}", greeting(), message(&[2]));
        let reason = stopped(run(&isolation.with_worker("/bin/sh", ["-c", &script])));
        let ended =
            matches!(reason, StopReason::Host(HostStop::Worker(WorkerEnd::Garbage | WorkerEnd::Exit { code: 0 })));
        assert!(ended, "{reason:?}: {}", &text[..text.len().min(100)]);
    }
}
