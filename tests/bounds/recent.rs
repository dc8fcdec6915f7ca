//! What `execute` keeps is within its bound, as it is allocated and not only as it is counted; and it is what
//! was used last.
//!
//! One test, since there is one cache in a process.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use belljar::{Config, Profile, execute, execute_shared};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::{
    allocator::live,
    costs::{Input, affordable},
    parse::Fixture,
    smith::generate,
};

/// The events of the cache: their names, and the numbers in them.
#[derive(Default)]
struct Events(Arc<Mutex<Vec<Told>>>);

#[derive(Debug, Default, PartialEq, Clone)]
struct Told {
    name: String,
    numbers: Vec<u64>,
}

impl Visit for Told {
    fn record_u64(&mut self, _: &Field, value: u64) {
        self.numbers.push(value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.name = format!("{value:?}");
        }
    }
}

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.fields().field("cache").is_some()
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut told = Told::default();
        event.record(&mut told);
        self.0.lock().unwrap().push(told);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// What the cache tells during one call.
fn told(wasm: &[u8], input: &[u8], config: &Config) -> Vec<Told> {
    let events = Events::default();
    let list = Arc::clone(&events.0);
    tracing::subscriber::with_default(events, || drop(execute(wasm, input, config)));
    list.lock().unwrap().drain(..).collect()
}

fn names(told: &[Told]) -> Vec<&str> {
    told.iter().map(|told| told.name.as_str()).collect()
}

/// A module that is of this length, and of no other kind.
fn module(seed: u8) -> Vec<u8> {
    wat::parse_str(format!(r#"(module (memory 1) (data (i32.const 0) "\{seed:02x}") (func (export "_start")))"#))
        .unwrap()
}

/// Bytes that are shared are kept as they are, so that their owner cannot change them.
fn shared() {
    let mut wasm: Arc<[u8]> = module(77).into();
    execute_shared(&wasm, b"", &Config::default()).unwrap();
    assert!(Arc::get_mut(&mut wasm).is_none());
}

#[test]
fn what_is_kept_is_within_the_bound() {
    last_used();
    allocated();
    shared();
}

/// Three modules of one size where there is room for two.
fn last_used() {
    let plenty = Config::default();
    let one = told(&module(9), b"", &plenty);
    assert_eq!(names(&one), ["cache_miss", "cache_kept"]);
    let [bytes, all] = one[1].numbers[..] else { panic!("{one:?}") };
    assert_eq!(bytes, all);
    let config = Config::default().with_module_cache_bytes(2 * bytes);
    let run = |n: u8| told(&module(n), b"", &config);
    let kept = |all| vec![bytes, all];
    // The one under another configuration makes room.
    assert_eq!(run(0)[1].numbers, kept(2 * bytes));
    assert_eq!(names(&run(1)), ["cache_miss", "cache_kept", "cache_evicted"]);
    assert_eq!(names(&run(0)), ["cache_hit"]);
    assert_eq!(names(&run(2)), ["cache_miss", "cache_kept", "cache_evicted"]);
    assert_eq!(names(&run(0)), ["cache_hit"]);
    let again = run(1);
    assert_eq!(names(&again), ["cache_miss", "cache_kept", "cache_evicted"]);
    assert_eq!((&again[1].numbers, &again[2].numbers), (&kept(2 * bytes), &vec![1]));
    // One byte less is room for one; what finds no room leaves others alone; nothing is looked for where nothing is kept.
    let less = |bytes| Config::default().with_module_cache_bytes(bytes);
    assert_eq!(told(&module(3), b"", &less(2 * bytes - 1))[1..][..1][0].numbers, kept(bytes));
    assert_eq!(names(&told(&module(4), b"", &less(bytes - 1))), ["cache_miss"]);
    assert_eq!(names(&told(&module(3), b"", &less(2 * bytes - 1))), ["cache_hit"]);
    assert_eq!(told(&module(3), b"", &less(0)), []);
    // What is refused is not kept.
    assert_eq!(names(&told(b"\0asm\x01\0\0\0\x01", b"", &less(bytes))), ["cache_miss"]);
    #[cfg(feature = "fs")]
    assert_eq!(told(&module(3), b"", &plenty.with_dir(belljar::config::HostDir::read(".", "/d"))), []);
}

/// Less than what all of the below take, so that some is evicted.
const LIMIT: u64 = 200 << 20;

/// After each call no more is allocated than what the cache counts.
fn allocated() {
    let mut before_all = None;
    let mut taken = 0;
    let mut near: f64 = 0.0;
    let mut check = |name: &str, wasm: &[u8], input: &[u8], config: Config| {
        let before = live();
        let told = told(wasm, input, &config.with_module_cache_bytes(LIMIT));
        let kept =
            told.into_iter().find(|told| told.name == "cache_kept").map(|told| (told.numbers[0], told.numbers[1]));
        let Some((bytes, all)) = kept else { return };
        let more = live() - before;
        taken += more;
        let counted = all as i64 - *before_all.get_or_insert((all - bytes) as i64);
        assert!(all <= LIMIT && taken <= counted, "{name}: {taken} of {counted}, with {more} of {bytes}");
        near = near.max(more as f64 / bytes as f64);
    };
    for cost in affordable() {
        if let Input::Module(wasm) = cost.build() {
            check(cost.name, &wasm, b"", Config::default().with_fuel(100_000));
        }
    }
    let config = || Config::profile(Profile::Large).with_fuel(100_000);
    for seed in 0..100 {
        check(&format!("seed {seed}"), &generate(seed), b"", config());
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for path in
        ["guests", "run", "limits", "abi", "regression"].map(|folder| fs::read_dir(fixtures.join(folder)).unwrap())
    {
        for path in path.map(|entry| entry.unwrap().path()) {
            let name = path.display().to_string();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("wasm") => check(&name, &fs::read(path).unwrap(), b"some input", config()),
                Some("wat") => {
                    let Ok(wasm) = wat::parse_str(&Fixture::read(path).unwrap().body) else { continue };
                    check(&name, &wasm, b"some input", config());
                }
                _ => {}
            }
        }
    }
    // A bound that nothing comes near says nothing.
    println!("at most {near:.2} of what is counted");
    assert!(near > 0.8 || cfg!(debug_assertions), "{near}");
}
