//! The page on tracing lists what is emitted, and nothing else.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use belljar::{Config, Sandbox};
use tracing::{Event, Metadata, Subscriber, field::Field, field::Visit, span};

/// Kind, name, level and fields, as the page's table has them.
type Row = (String, String, String, Vec<String>);

#[derive(Default)]
struct Recorder(Arc<Mutex<BTreeSet<Row>>>);

/// The name of an event is its message.
#[derive(Default)]
struct Fields(String, Vec<String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.0 = format!("{value:?}"),
            name => self.1.push(name.into()),
        }
    }
}

impl Recorder {
    fn record(&self, kind: &str, name: String, metadata: &Metadata<'_>, fields: Vec<String>) {
        // A guest's message has the level the guest gives it.
        let level =
            if name == "log" { "as the guest says".into() } else { metadata.level().to_string().to_lowercase() };
        self.0.lock().unwrap().insert((kind.into(), name, level, fields));
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "belljar"
    }
    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let fields = span.metadata().fields().iter().map(|field| field.name().into()).collect();
        self.record("span", span.metadata().name().into(), span.metadata(), fields);
        span::Id::from_u64(1)
    }
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.record("event", fields.0, event.metadata(), fields.1);
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

const GUEST: &str = r#"(module
    (import "env" "log" (func $log (param i32 i32)))
    (memory (export "memory") 0)
    (table 0 funcref)
    (func (export "_start")
        (drop (memory.grow (i32.const 1)))
        (drop (table.grow (ref.null func) (i32.const 1)))
        (call $log (i32.const 0) (i32.const 1)))
    (func (export "stop") unreachable))"#;

#[test]
fn the_page_lists_what_is_emitted() {
    let recorder = Recorder::default();
    let recorded = Arc::clone(&recorder.0);
    tracing::subscriber::with_default(recorder, || {
        let sandbox = Sandbox::new(Config::default()).unwrap();
        let module = sandbox.load_text(GUEST).unwrap();
        sandbox.run(&module, b"").unwrap();
        sandbox.call_values(&module, "stop", &[]).unwrap_err();
        // Room for one module, which other tests can take.
        let config = Config::default().with_module_cache_bytes(50_000);
        let [one, other] = ["(module (func (export \"_start\")))", GUEST].map(|text| sandbox.assemble(text).unwrap());
        for wasm in [&one, &one, &other, &one] {
            belljar::execute(wasm, b"", &config).unwrap();
        }
        #[cfg(feature = "cache")]
        {
            // Where a file is, no folder can be made.
            let cache = belljar::cache::ModuleCache::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), [0; 32]);
            sandbox.load_cached(&one, &cache).unwrap();
            let pin = Sandbox::new(Config::default().with_module_types(5)).unwrap().pin(&one).unwrap();
            sandbox.load_pinned(&one, &pin).unwrap();
        }
    });
    let recorded = recorded.lock().unwrap().clone();
    let of_feature = |row: &Row| ["cache_unusable", "pin_of_other_rules"].contains(&row.1.as_str());
    let mut listed = listed();
    listed.retain(|row| cfg!(feature = "cache") || !of_feature(row));
    assert_eq!(recorded, listed);
}

/// The rows of the page: a name is in backticks, and so are fields.
fn listed() -> BTreeSet<Row> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/docs/tracing.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.skip(1)
        .map(|row| {
            let cells: Vec<_> = row.split(" | ").collect();
            let [kind, name, level, fields] = cells[..] else { panic!("{row}") };
            let words = |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(Into::into).collect() };
            // What a field can hold stands in parentheses or after a colon.
            let fields = fields.split('(').enumerate().map(|(i, part)| if i == 0 { part } else { after(part) });
            (kind.into(), words(name).concat(), level.into(), fields.flat_map(words).collect())
        })
        .collect()
}

fn after(parenthesis: &str) -> &str {
    parenthesis.split_once(')').map_or("", |(_, rest)| rest)
}
