//! Modules that are known to load: a lazy load gives the same results, and an entry is used only if the key
//! authenticates it.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use belljar::{
    Config, Error, Module, ModuleError, Sandbox,
    cache::{ModuleCache, Pin},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{
    big,
    fixture::{
        self,
        parse::{Fixture, Kind},
    },
};

#[cfg(unix)]
mod private;

/// What the caches tell: the name of an event, and why.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "why" {
            self.0 += &format!(" {value}");
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}{}", self.0);
        }
    }
}

impl Subscriber for Told {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && ["cache", "bytes"].iter().any(|field| metadata.fields().field(field).is_some())
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The result of `body`, and what is told meanwhile.
fn told<R>(body: impl FnOnce() -> R) -> (R, Vec<String>) {
    let told = Told::default();
    let result = tracing::subscriber::with_default(told.clone(), body);
    let lines = told.0.lock().unwrap().clone();
    (result, lines)
}

const HIT: [&str; 1] = ["cache_hit"];
const ABSENT: [&str; 2] = ["cache_miss absent", "cache_kept"];
const UNFIT: [&str; 2] = ["cache_miss unfit", "cache_kept"];

/// A folder that is gone in the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("belljar-cache-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Place(path)
    }

    fn cache(&self) -> ModuleCache {
        ModuleCache::open(&self.0, [7; 32])
    }

    /// The only entry there is.
    fn entry(&self) -> PathBuf {
        let [entry] = &self.entries()[..] else { panic!("{:?}", self.entries()) };
        entry.clone()
    }

    fn entries(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::remove_file(&self.0);
    }
}

fn sandbox() -> Sandbox {
    Sandbox::new(Config::default()).unwrap()
}

fn answer(number: i32) -> Vec<u8> {
    wat::parse_str(format!("(module (func (export \"f\") (result i32) (i32.const {number})))")).unwrap()
}

/// What a load tells, and that it is the module.
fn load(sandbox: &Sandbox, cache: &ModuleCache, number: i32) -> Vec<String> {
    let (module, told) = told(|| sandbox.load_cached(&answer(number), cache).unwrap());
    assert_eq!(sandbox.call::<(), i32>(&module, "f", ()), Ok(number));
    told
}

/// The lines of every fixture that loads, by a module that is made for each slice size: in it nothing has been
/// called before.
#[test]
fn every_fixture_is_the_same_loaded_lazily() {
    let place = Place::new("fixtures");
    let mut compared = 0;
    for path in fixture::FOLDERS.iter().flat_map(|folder| fixture::files(folder)) {
        let fixture = Fixture::read(path).unwrap();
        let wasm = match fixture.kind {
            Kind::Wat => wat::parse_str(&fixture.body).ok(),
            Kind::Hex => fixture::parse::hex(&fixture.body).ok(),
            Kind::Toml => None,
        };
        let (Some(wasm), Ok(Ok((sandbox, _)))) = (wasm, fixture::load(&fixture)) else { continue };
        let pin = sandbox.pin(&wasm).unwrap();
        sandbox.load_cached(&wasm, &place.cache()).unwrap();
        let lazy = |from_facts: bool| -> Module {
            let (module, told) = told(|| match from_facts {
                true => sandbox.load_cached(&wasm, &place.cache()),
                false => sandbox.load_pinned(&wasm, &pin),
            });
            assert_eq!(told.first().map(String::as_str), from_facts.then_some("cache_hit"));
            module.unwrap()
        };
        for (slice, from_facts) in [(u64::MAX, true), (u64::MAX, false), (1, true), (7, false), (1000, true)] {
            let found = fixture::actions(&fixture, &sandbox, &lazy(from_facts), &mut || slice);
            assert_eq!(found, fixture.expected, "{}, slices of {slice}", fixture.path.display());
        }
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

/// Out of fuel at each unit of it, where the function it happens in has never been called.
#[test]
fn a_lazy_run_stops_at_the_same_places() {
    for name in ["run/order.wat", "guests/upper-wat.wasm", "guests/wordcount.wasm"] {
        let bytes = fs::read(fixture::root().join(name)).unwrap();
        let wasm = wat::parse_bytes(&bytes).unwrap();
        let whole = sandbox();
        let (pin, module) = (whole.pin(&wasm).unwrap(), whole.load(&wasm).unwrap());
        let fuel = whole.run(&module, b"some words").unwrap().usage.fuel;
        // Unoptimized code takes twenty times as long.
        for fuel in (1..=fuel).step_by(if cfg!(debug_assertions) { 13 } else { 1 }) {
            let sandbox = Sandbox::new(Config::default().with_fuel(fuel)).unwrap();
            let [eager, lazy] = [sandbox.load(&wasm), sandbox.load_pinned(&wasm, &pin)].map(Result::unwrap);
            let [eager, lazy] = [eager, lazy].map(|module| sandbox.run(&module, b"some words"));
            assert_eq!(lazy, eager, "{name} at {fuel}");
        }
    }
}

#[test]
fn a_module_is_remembered_under_its_rules() {
    let place = Place::new("rules");
    assert_eq!(load(&sandbox(), &place.cache(), 1), ABSENT);
    assert_eq!(load(&sandbox(), &place.cache(), 1), HIT);
    assert_eq!(load(&sandbox(), &place.cache(), 2), ABSENT);
    // What only a run depends on is no rule; what a load depends on is.
    let other = |change: fn(Config) -> Config| Sandbox::new(change(Config::default())).unwrap();
    assert_eq!(load(&other(|config| config.with_fuel(5_000).with_output_bytes(1)), &place.cache(), 1), HIT);
    for change in [
        |config: Config| config.with_module_types(5),
        |config: Config| config.with_memory_bytes(65_536),
        |config: Config| config.with_value_stack_bytes(65_536),
    ] {
        assert_eq!(load(&other(change), &place.cache(), 1), ABSENT);
        assert_eq!(load(&other(change), &place.cache(), 1), HIT);
    }
    // A module that is refused is so each time.
    for _ in 0..2 {
        let (refused, told) = told(|| sandbox().load_cached(&answer(1)[..20], &place.cache()));
        assert!(matches!(refused, Err(Error::Module(_))));
        assert_eq!(told, ["cache_miss absent"]);
    }
}

/// Host functions are looked at each time.
#[test]
fn what_is_remembered_is_linked_anew() {
    let place = Place::new("linked");
    let text = r#"(module (import "own" "f" (func $f (result i32))) (func (export "f") (result i32) (call $f)))"#;
    let wasm = wat::parse_str(text).unwrap();
    let with = |number: i32| Sandbox::builder().host_function("own", "f", move || number).build().unwrap();
    for number in [1, 2] {
        let sandbox = with(number);
        let module = sandbox.load_cached(&wasm, &place.cache()).unwrap();
        assert_eq!(sandbox.call::<(), i32>(&module, "f", ()), Ok(number));
    }
    let Err(Error::Module(error)) = sandbox().load_cached(&wasm, &place.cache()) else { panic!("it loads") };
    assert!(matches!(*error, ModuleError::Imports { total: 1, .. }));
}

/// Each bit of a small entry, and each of its beginnings.
#[test]
fn nothing_that_was_changed_is_believed() {
    let place = Place::new("changed");
    let sandbox = sandbox();
    load(&sandbox, &place.cache(), 1);
    let (path, whole) = (place.entry(), fs::read(place.entry()).unwrap());
    let check = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        assert_eq!(load(&sandbox, &place.cache(), 1), UNFIT, "{what}");
        assert_eq!(fs::read(&path).unwrap(), whole, "{what}: it is written anew");
    };
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        check(&bytes, &format!("bit {bit}"));
    }
    for len in 0..whole.len() {
        check(&whole[..len], &format!("{len} bytes"));
    }
    check(&[&whole[..], b"\0"].concat(), "one more");
    assert_eq!(load(&sandbox, &place.cache(), 1), HIT);
}

#[test]
fn an_entry_is_good_for_one_module_and_one_key() {
    let [place, other] = ["one", "other"].map(Place::new);
    let sandbox = sandbox();
    load(&sandbox, &place.cache(), 1);
    load(&sandbox, &other.cache(), 2);
    // That of another module, under this one's name.
    fs::copy(other.entry(), place.entry()).unwrap();
    assert_eq!(load(&sandbox, &place.cache(), 1), UNFIT);
    // One that somebody made who has another key.
    let forger = ModuleCache::open(&place.0, [8; 32]);
    assert_eq!(load(&sandbox, &forger, 1), UNFIT);
    assert_eq!(load(&sandbox, &place.cache(), 1), UNFIT);
    assert_eq!(load(&sandbox, &place.cache(), 1), HIT);
}

#[test]
fn a_folder_that_cannot_be_used_is_no_error() {
    let place = Place::new("file");
    fs::write(&place.0, b"not a folder").unwrap();
    let lines = load(&sandbox(), &place.cache(), 1);
    assert!(lines[0].starts_with("cache_miss ") && lines[1].starts_with("cache_unusable"), "{lines:?}");
    assert_eq!(lines.len(), 2);
    // Nor is something in the place of an entry that is none.
    let folder = Place::new("folder");
    load(&sandbox(), &folder.cache(), 1);
    let entry = folder.entry();
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    let lines = load(&sandbox(), &folder.cache(), 1);
    assert!(lines[0] == "cache_miss unreadable" && lines[1].starts_with("cache_unusable"), "{lines:?}");
    assert_eq!(folder.entries(), [entry]);
    // What is larger than all that may be there is not written.
    let small = Place::new("small");
    assert!(load(&sandbox(), &small.cache().with_max_bytes(100), 1)[1].starts_with("cache_unusable"));
}

#[test]
fn the_oldest_make_room() {
    let place = Place::new("room");
    load(&sandbox(), &place.cache(), 100);
    let size = fs::metadata(place.entry()).unwrap().len();
    let cache = place.cache().with_max_bytes(3 * size);
    for number in 101..106 {
        // The clock of a file system may stand for some milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(20));
        load(&sandbox(), &cache, number);
        let all: u64 = place.entries().iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(all <= 3 * size, "{all}");
    }
    assert_eq!([105, 104, 103].map(|number| load(&sandbox(), &cache, number)), [HIT; 3]);
    assert_eq!(load(&sandbox(), &cache, 102), ["cache_miss absent", "cache_kept", "cache_evicted"]);
}

#[test]
fn many_share_a_folder() {
    let place = Place::new("shared");
    let cache = || place.cache().with_max_bytes(2_000);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let cache = cache();
            scope.spawn(move || (0..60).for_each(|n| drop(load(&sandbox(), &cache, (n * (thread + 1)) % 7))));
        }
    });
    assert!(place.entries().iter().all(|path| path.extension().is_some_and(|end| end == "facts")));
}

#[test]
fn a_pin_is_of_bytes_and_rules() {
    let (sandbox, wasm) = (sandbox(), answer(1));
    let pin = sandbox.pin(&wasm).unwrap();
    assert_eq!(pin.to_string().parse(), Ok(pin));
    assert_eq!(serde_json::from_str::<Pin>(&serde_json::to_string(&pin).unwrap()).unwrap(), pin);
    let text = pin.to_string();
    for wrong in ["", "belljar-pin-1:", &text[1..], &text[..text.len() - 1], &text.to_uppercase(), &format!("{text}0")]
    {
        assert!(wrong.parse::<Pin>().is_err(), "{wrong}");
    }
    let Err(Error::Module(error)) = sandbox.load_pinned(&answer(2), &pin) else { panic!("it loads") };
    let other = sandbox.pin(&answer(2)).unwrap().to_string();
    let digest = |text: &str| text.split(':').nth(1).unwrap().to_owned();
    assert_eq!(*error, ModuleError::Pinned { pinned: digest(&text), found: digest(&other) });
    // Under other rules it is loaded whole.
    let (module, lines) = told(|| sandbox.load_pinned(&wasm, &pin).unwrap());
    assert_eq!((module.inspect().functions, lines), (1, vec![]));
    let changed = Sandbox::new(Config::default().with_module_exports(1)).unwrap();
    let (module, lines) = told(|| changed.load_pinned(&wasm, &pin).unwrap());
    assert_eq!((module.inspect().functions, lines), (1, vec!["pin_of_other_rules".to_owned()]));
}

/// A module of which a run comes to one function in a hundred.
#[test]
fn a_cold_load_is_short() {
    let place = Place::new("cold");
    let wasm = big::module(if cfg!(debug_assertions) { 500 } else { 3_000 });
    let least = |body: &dyn Fn()| {
        let one = |_| {
            let start = std::time::Instant::now();
            body();
            start.elapsed().as_secs_f64() * 1e6
        };
        (0..5).map(one).fold(f64::INFINITY, f64::min)
    };
    let run = |module: Module, sandbox: &Sandbox| drop(sandbox.run(&module, b"").unwrap());
    let eager = least(&|| {
        let sandbox = sandbox();
        run(sandbox.load(&wasm).unwrap(), &sandbox);
    });
    let cached = || {
        let sandbox = sandbox();
        run(sandbox.load_cached(&wasm, &place.cache()).unwrap(), &sandbox);
    };
    cached();
    let cached = least(&cached);
    println!("{} bytes: whole {eager:.0} µs, remembered {cached:.0} µs", wasm.len());
    // The check of the normal form reads all operators in either case.
    assert!(cached < eager / 2.0, "{cached} µs of {eager} µs");
}
