//! Events for `tracing`, and panics of a subscriber, which are errors.

use std::{
    fmt::Debug,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use belljar::{Config, Error, GuestFault, HostStop, ModuleError, Sandbox, Step, StopReason, config::OnGrowthLimit};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Writes down what it is told, one line each; panics where it is asked to.
#[derive(Clone, Default)]
struct Collector {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<Mutex<Vec<&'static str>>>,
    ids: Arc<AtomicU64>,
    panic_at: Option<&'static str>,
    /// Panics at everything after the first panic too, as one whose lock is poisoned does.
    stays_broken: bool,
    broken: Arc<AtomicBool>,
}

impl Collector {
    fn note(&self, what: &str, metadata: &Metadata<'_>, fields: String) {
        assert_eq!(metadata.target(), "belljar");
        let line = format!("{} {what}{fields}", metadata.level());
        self.lines.lock().unwrap().push(line);
    }

    fn check(&self, at: &str) {
        let broken = self.stays_broken && self.broken.load(Ordering::Relaxed);
        if broken || self.panic_at == Some(at) {
            self.broken.store(true, Ordering::Relaxed);
            panic!("the subscriber at {at}");
        }
    }

    /// Runs `body` with this subscriber, and gives what it was told.
    fn during<R>(&self, body: impl FnOnce() -> R) -> (R, Vec<String>) {
        let result = tracing::subscriber::with_default(self.clone(), body);
        (result, std::mem::take(&mut *self.lines.lock().unwrap()))
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.others += &format!(" {name}={value:?}"),
        }
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "belljar"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let name = span.metadata().name();
        self.check(&format!("new {name}"));
        let mut fields = Fields::default();
        span.record(&mut fields);
        self.note(&format!("span {name}"), span.metadata(), fields.others);
        self.spans.lock().unwrap().push(name);
        Id::from_u64(self.ids.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.check(&fields.message);
        self.note(&fields.message, event.metadata(), fields.others);
    }

    fn enter(&self, span: &Id) {
        self.check(&format!("enter {}", self.name(span)));
    }

    fn exit(&self, span: &Id) {
        self.check(&format!("exit {}", self.name(span)));
    }

    fn try_close(&self, span: Id) -> bool {
        self.check(&format!("close {}", self.name(&span)));
        true
    }
}

impl Collector {
    fn name(&self, span: &Id) -> &'static str {
        self.spans.lock().unwrap().get(span.into_u64() as usize - 1).copied().unwrap_or("unknown")
    }
}

/// A module at which every event happens.
const EVERYTHING: &str = r#"(module $everything
    (import "env" "read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "log_at" (func $log_at (param i32 i32 i32)))
    (memory (export "memory") 1)
    (table $t 2 funcref)
    (data (i32.const 0) "hi\1b[31m")
    (start $begin)
    (func $begin)
    (func (export "_initialize"))
    (func (export "execute") (param i32 i32) (result i32)
        (drop (call $read (i32.const 100) (i32.const 9)))
        (call $log_at (i32.const 0) (i32.const 0) (i32.const 2))
        (call $log_at (i32.const 4) (i32.const 0) (i32.const 7))
        (drop (memory.grow (i32.const 1)))
        (drop (table.grow $t (ref.null func) (i32.const 3)))
        (i32.load8_s (i32.const 100))))"#;

fn sandbox() -> Sandbox {
    Sandbox::new(Config::default()).unwrap()
}

#[test]
fn every_event_has_its_name_level_and_fields() {
    let sandbox = sandbox();
    let collector = Collector::default();
    let wasm = sandbox.assemble(EVERYTHING).unwrap();
    let (module, told) = collector.during(|| sandbox.load(&wasm).unwrap());
    let size = wasm.len();
    assert_eq!(
        told,
        [format!("DEBUG span load bytes={size}"), "DEBUG loaded functions=3 imports=2 exports=3".to_string()]
    );
    let (outcome, told) = collector.during(|| sandbox.run(&module, b"\0").unwrap());
    let fuel = outcome.usage.fuel;
    let mut events = vec![
        "DEBUG span run module=everything".to_string(),
        "TRACE growth kind=\"table\" from=0 to=2".into(),
        // The host's own, since this module grows a table.
        "TRACE growth kind=\"table\" from=0 to=2".into(),
        "TRACE growth kind=\"memory\" from=0 to=65536".into(),
        "DEBUG start function=belljar.start input_bytes=1".into(),
        "DEBUG start function=_initialize input_bytes=1".into(),
        "DEBUG start function=execute input_bytes=1".into(),
        "TRACE host_call module=\"env\" function=\"read_input\"".into(),
        "TRACE host_call module=\"env\" function=\"log_at\"".into(),
        "ERROR log text=hi".into(),
        "TRACE host_call module=\"env\" function=\"log_at\"".into(),
        r"TRACE log text=hi\u{1b}[31m".into(),
        "TRACE growth kind=\"memory\" from=65536 to=131072".into(),
        "TRACE growth kind=\"table\" from=2 to=5".into(),
    ];
    let done = format!("DEBUG done fuel={fuel} status=0");
    assert_eq!(told, [events.clone(), vec![done]].concat());
    // Stopped instead of done; in many steps the span is entered for each of them.
    let (_, told) = collector.during(|| sandbox.run(&module, b"\x03").unwrap_err());
    events.push(format!("DEBUG stop reason=the guest returned status 3 fuel={fuel}"));
    assert_eq!(told, events);
    let (_, told) = collector.during(|| {
        let mut run = sandbox.start(&module, b"\0").unwrap();
        while let Step::Yielded = run.step(1_000).unwrap() {}
    });
    assert!(told.iter().filter(|line| line.starts_with("DEBUG span run")).count() > 1);
}

#[test]
fn every_level_of_a_guest_is_a_level_of_tracing() {
    let sandbox = sandbox();
    let module = sandbox
        .load_text(
            r#"(module (import "env" "log_at" (func $log_at (param i32 i32 i32))) (memory (export "memory") 1)
                (func (export "f") (param i32) (call $log_at (local.get 0) (i32.const 0) (i32.const 0))))"#,
        )
        .unwrap();
    let collector = Collector::default();
    for (n, level) in ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].into_iter().enumerate() {
        let (_, told) = collector.during(|| sandbox.call::<i32, ()>(&module, "f", n as i32).unwrap());
        assert_eq!(
            told.iter().filter(|line| line.contains(" log ")).collect::<Vec<_>>(),
            [&format!("{level} log text=")]
        );
    }
}

#[test]
fn a_long_message_is_cut_and_a_refusal_is_told() {
    let sandbox = sandbox();
    let collector = Collector::default();
    let module = sandbox
        .load_text(
            r#"(module (import "env" "log" (func $log (param i32 i32))) (memory (export "memory") 1)
                (func (export "f") (memory.fill (i32.const 0) (i32.const 120) (i32.const 60000))
                    (call $log (i32.const 0) (i32.const 60000))))"#,
        )
        .unwrap();
    let (outcome, told) = collector.during(|| sandbox.call_values(&module, "f", &[]).unwrap());
    assert_eq!(outcome.log.entries[0].text.len(), 60_000);
    let line = told.iter().find(|line| line.starts_with("INFO log")).unwrap();
    assert!(line.len() < 1_100 && line.ends_with("… (58976 bytes more)"), "{line}");
    // Names that the guest chose are escaped and cut too.
    let name = "n\u{202e}".repeat(100);
    let wat = format!("(module (func (export \"{}\")))", r"n\e2\80\ae".repeat(100));
    let module = sandbox.load_text(&wat).unwrap();
    let (_, told) = collector.during(|| sandbox.call_values(&module, &name, &[]).unwrap());
    let line = told.iter().find(|line| line.starts_with("DEBUG start")).unwrap();
    assert!(line.contains("function=n\\u{202e}n") && line.len() < 1_100 && !line.contains('\u{202e}'), "{line}");
}

/// What a run did is the same whether or not somebody watches.
#[test]
fn watching_changes_nothing() {
    let sandbox = sandbox();
    let module = sandbox.load_text(EVERYTHING).unwrap();
    let (watched, _) = Collector::default().during(|| sandbox.run(&module, b"\0").unwrap());
    assert_eq!(watched, sandbox.run(&module, b"\0").unwrap());
}

/// Reaches `ModuleError::Engine`.
#[test]
fn a_panic_while_loading_is_an_error() {
    let sandbox = sandbox();
    let wasm = sandbox.assemble(EVERYTHING).unwrap();
    for at in ["new load", "enter load", "loaded", "exit load", "close load"] {
        let panics = Collector { panic_at: Some(at), ..Collector::default() };
        let (loaded, _) = panics.during(|| sandbox.load(&wasm));
        let Err(Error::Module(error)) = loaded else { panic!("a panic at {at} was not told") };
        let ModuleError::Engine { message } = *error else { panic!("{error}") };
        assert!(message.contains("the subscriber at "), "{message}");
        assert!(sandbox.load(&wasm).is_ok(), "after a panic at {at}");
    }
}

#[test]
fn a_panic_while_running_is_an_error() {
    let sandbox = sandbox();
    let module = sandbox.load_text(EVERYTHING).unwrap();
    let expected = sandbox.run(&module, b"\0").unwrap();
    for at in ["new run", "enter run", "growth", "start", "host_call", "log", "exit run", "close run", "done"] {
        let panics = Collector { panic_at: Some(at), ..Collector::default() };
        let (stopped, _) = panics.during(|| sandbox.run(&module, b"\0"));
        let Err(Error::Stopped(stopped)) = stopped else { panic!("a panic at {at} was not told: {stopped:?}") };
        let StopReason::Host(HostStop::HostPanic { module: host, function, message }) = &stopped.reason else {
            panic!("{at}: {}", stopped.reason)
        };
        let place = match at {
            "host_call" => ("env", "read_input"),
            "log" => ("env", "log_at"),
            _ => ("tracing", "subscriber"),
        };
        assert_eq!((host.as_str(), function.as_str()), place, "{at}");
        assert!(message.contains("the subscriber at "), "{message}");
        assert_eq!(sandbox.run(&module, b"\0").unwrap(), expected, "after a panic at {at}");
        // The same in steps, and for an instance that is kept.
        let (stepped, _) = panics.during(|| {
            let mut run = sandbox.start(&module, b"\0").unwrap();
            loop {
                match run.step(100) {
                    Ok(Step::Yielded | Step::Waiting) => {}
                    other => break other,
                }
            }
        });
        assert!(
            matches!(stepped, Err(Error::Stopped(s)) if matches!(s.reason, StopReason::Host(HostStop::HostPanic { .. }))),
            "{at}"
        );
        let (kept, _) = panics.during(|| sandbox.instance(&module).and_then(|mut kept| kept.run(b"\0")));
        assert!(
            matches!(kept, Err(Error::Stopped(s)) if matches!(s.reason, StopReason::Host(HostStop::HostPanic { .. }))),
            "{at}"
        );
    }
}

/// A subscriber that panics once may panic at everything from then on, also while its own panic is
/// being dealt with.
#[test]
fn a_subscriber_that_stays_broken_is_an_error_too() {
    let sandbox = sandbox();
    let wasm = sandbox.assemble(EVERYTHING).unwrap();
    let module = sandbox.load(&wasm).unwrap();
    let broken = |at| Collector { panic_at: Some(at), stays_broken: true, ..Collector::default() };
    for at in ["new load", "enter load", "loaded", "exit load", "close load"] {
        let (loaded, _) = broken(at).during(|| sandbox.load(&wasm));
        assert!(matches!(loaded, Err(Error::Module(_))), "{at}");
    }
    for at in ["new run", "enter run", "growth", "start", "host_call", "log", "exit run", "close run", "done"] {
        let (stopped, _) = broken(at).during(|| sandbox.run(&module, b"\0"));
        assert!(
            matches!(stopped, Err(Error::Stopped(s)) if matches!(s.reason, StopReason::Host(HostStop::HostPanic { .. }))),
            "{at}"
        );
    }
    assert!(sandbox.run(&module, b"\0").is_ok());
}

/// The reason that is there already comes first.
#[test]
fn a_panic_at_the_stop_does_not_hide_why() {
    let sandbox = sandbox();
    let module = sandbox.load_text(EVERYTHING).unwrap();
    let panics = Collector { panic_at: Some("stop"), ..Collector::default() };
    let (stopped, _) = panics.during(|| sandbox.run(&module, b"\x05").unwrap_err());
    assert_eq!(stopped.stop_reason(), Some(&StopReason::Guest(GuestFault::Status { code: 5 })));
}

/// A growth that is refused is an answer to the guest, and no event of a growth.
#[test]
fn a_refused_growth_is_not_told_as_one() {
    let config = Config::default().with_memory_bytes(65_536).with_on_growth_limit(OnGrowthLimit::Refuse);
    let sandbox = Sandbox::new(config).unwrap();
    let wat = "(module (memory 1) (func (export \"f\") (result i32) (memory.grow (i32.const 1))))";
    let module = sandbox.load_text(wat).unwrap();
    let (result, told) = Collector::default().during(|| sandbox.call::<(), i32>(&module, "f", ()).unwrap());
    assert_eq!(result, -1);
    assert_eq!(told.iter().filter(|line| line.contains("growth")).count(), 1, "{told:?}");
}

/// What `execute` keeps is what it was, whoever panics while it is told.
#[test]
fn a_panic_over_what_is_kept_is_an_error() {
    // Room for one module, which other tests can take.
    let config = Config::default().with_module_cache_bytes(50_000);
    let [one, other] =
        ["one", "two"].map(|name| wat::parse_str(format!("(module ${name} (func (export \"_start\")))")).unwrap());
    let run = |wasm: &[u8]| belljar::execute(wasm, b"", &config);
    for at in ["cache_miss", "cache_kept", "cache_evicted", "cache_hit"] {
        let panics = Collector { panic_at: Some(at), ..Collector::default() };
        let told =
            |result| matches!(result, Err(Error::Module(error)) if matches!(&*error, ModuleError::Engine { .. }));
        // Before each call the other one is kept, but where it is to be found.
        let panicked = (0..100).any(|_| {
            run(if at == "cache_hit" { &one } else { &other }).unwrap();
            told(panics.during(|| run(&one)).0)
        });
        assert!(panicked, "{at}");
        assert!(run(&one).is_ok() && run(&other).is_ok(), "after a panic at {at}");
    }
}
