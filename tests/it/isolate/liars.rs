//! Workers that are not what they should be, as scripts.

use super::*;

/// A worker that runs this script.
fn script(text: &str) -> Isolation {
    Isolation::new(Config::default().with_deadline_ms(300)).unwrap().with_worker("/bin/sh", ["-c", text])
}

/// A script that says its name and, with its walls up, that the module is loaded and run.
fn loaded(then: &str) -> Isolation {
    script(&format!("{}{}{then}", greeting(), say(&[2])))
}

fn greeting() -> String {
    say(format!("belljar worker 1, {}", env!("CARGO_PKG_VERSION")).as_bytes())
}

/// The command that says a message.
fn say(message: &[u8]) -> String {
    let size = u32::try_from(message.len()).unwrap().to_le_bytes();
    let octal: String = size.iter().chain(message).map(|byte| format!("\\{byte:03o}")).collect();
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

/// This test's own program does not call `worker`, so it is not even started.
#[test]
fn a_program_that_does_not_call_worker() {
    let found = isolated(run(&Isolation::new(Config::default()).unwrap()));
    assert_eq!(found, IsolationError::NotAWorker { program: "this program".into(), found: None });
}

/// So that no program starts itself without end, where it was started as a worker it is refused one.
#[test]
fn a_worker_that_starts_a_worker() {
    const CHILD: &str = "isolate::liars::child";
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
    let strangers = ["true", "false", "echo belljar worker", "cat", "yes", "exec cat /dev/zero"];
    for text in strangers {
        let found = isolated(run(&script(text)));
        assert_eq!(found, IsolationError::NotAWorker { program: "/bin/sh".into(), found: None }, "{text}");
    }
    let other = script(&say(b"belljar worker 1, 99.0.0"));
    let found = Some("belljar worker 1, 99.0.0".into());
    assert_eq!(isolated(run(&other)), IsolationError::NotAWorker { program: "/bin/sh".into(), found });
}

#[test]
fn a_wall_that_cannot_be_built() {
    // What `Unwalled` is on its way: its number, the name with its size, the error's number.
    let mut news = vec![0];
    news.extend(6u64.to_le_bytes());
    news.extend(b"limits");
    news.extend(1i32.to_le_bytes());
    let error = isolated(run(&script(&(greeting() + &say(&news)))));
    assert!(matches!(error, IsolationError::Wall { wall: "limits", .. }), "{error:?}");
    assert!(error.to_string().contains("ermission") || error.to_string().contains("ermitted"), "{error}");
}

/// What kills a program before it says what it is need not be a fault of its own.
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
        assert_eq!(stopped(run(&loaded(death))), StopReason::Worker(end), "{death}");
    }
}

/// What it has told, and vouched for, is kept.
#[test]
fn a_worker_that_dies_late_leaves_its_report() {
    let mut used = vec![5];
    (1..=7u64).chain([0]).for_each(|figure| used.extend(figure.to_le_bytes()));
    let text = [say(b"\x03kept"), say(&used), say(b"\x03lost"), "kill -SEGV $$".into()].concat();
    let Err(Error::Stopped(stopped)) = run(&loaded(&text)) else { panic!("it died") };
    assert_eq!(stopped.reason, StopReason::Worker(WorkerEnd::Signal { signal: 11 }));
    assert_eq!((stopped.output.as_slice(), stopped.usage.fuel), (&b"kept"[..], 1));
}

#[test]
fn a_worker_that_says_nothing_is_killed_at_the_deadline() {
    // The last never stops to say that it has used nothing.
    let report = format!("while :; do {} done", say(&[&[5][..], &[0; 64]].concat()));
    for text in ["while :; do :; done", "exec sleep 1000", &report] {
        let start = Instant::now();
        assert_eq!(stopped(run(&loaded(text))), StopReason::Deadline { limit_ms: 300 });
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_worker_that_says_what_none_says() {
    let garbage = [
        "yes".into(),
        "exec cat /dev/zero".into(),
        // No such message; one with more than there is in it; one that has no end.
        say(&[9]),
        say(&[2, 0]),
        say(&[6, 0, 0]),
        // Too much of everything.
        "printf '\\377\\377\\377\\377'; exec cat /dev/zero".into(),
        // A count that is not there.
        say(&[&[6, 0, 0, 0, 0][..], &[255; 8]].concat()),
        // More output than the limit, in parts that are each fine.
        format!("while :; do {} done", say(&[&[3][..], &[b'x'; 1000]].concat())),
        // Errors that cannot be once the guest is run.
        say(&[7, 0, 0]),
        say(&[2]),
    ];
    for text in garbage {
        let config = Config::default().with_output_bytes(10_000);
        let isolation = Isolation::new(config).unwrap();
        let script = format!("{}{}{text}", greeting(), say(&[2]));
        let reason = stopped(run(&isolation.with_worker("/bin/sh", ["-c", &script])));
        let ended = matches!(reason, StopReason::Worker(WorkerEnd::Garbage | WorkerEnd::Exit { code: 0 }));
        assert!(ended, "{reason:?}: {}", &text[..text.len().min(100)]);
    }
}
