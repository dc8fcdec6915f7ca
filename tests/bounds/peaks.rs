//! The most that is allocated at a time is within what `Config::memory_bound` says: for every attack, guest
//! and fixture, for modules made of random bytes, and under small, middle and large limits.

use std::{fs, path::Path};

use belljar::{
    Config, Key, MemoryBound, Profile, Sandbox,
    hostile::{Attack, Input, attacks},
};

use super::{allocator::peak_of, parse::Fixture, smith::generate};

/// What loading a module and running it took.
#[derive(Default)]
struct Peaks {
    text: u64,
    load: u64,
    run: u64,
}

impl Peaks {
    fn check(&self, bound: MemoryBound, name: &str) {
        assert!(self.text <= bound.text, "{name}: text {} of {bound:?}", self.text);
        assert!(self.load <= bound.load, "{name}: load {} of {bound:?}", self.load);
        assert!(self.run <= bound.run, "{name}: run {} of {bound:?}", self.run);
    }

    fn most(self, other: Peaks) -> Peaks {
        Peaks { text: self.text.max(other.text), load: self.load.max(other.load), run: self.run.max(other.run) }
    }
}

fn of_module(sandbox: &Sandbox, wasm: &[u8], input: &[u8]) -> Peaks {
    let (module, load) = peak_of(|| sandbox.load(wasm));
    let run = module.map_or(0, |module| {
        let input = input.to_vec();
        peak_of(|| drop(sandbox.run(&module, input))).1
    });
    Peaks { text: 0, load, run }
}

fn of_text(sandbox: &Sandbox, text: &str, input: &[u8]) -> Peaks {
    let (wasm, text) = peak_of(|| sandbox.assemble(text));
    wasm.map_or(Peaks { text, ..Peaks::default() }, |wasm| Peaks { text, ..of_module(sandbox, &wasm, input) })
}

fn of_attack(config: Config, attack: &Input) -> Peaks {
    let sandbox = Sandbox::new(config).unwrap();
    // What many modules do one after the other, the first few do too.
    let modules = attack.modules().iter().take(3).map(|wasm| of_module(&sandbox, wasm, attack.input()));
    let text = attack.text().map(|text| of_text(&sandbox, text, attack.input()));
    modules.chain(text).fold(Peaks::default(), Peaks::most)
}

/// All of them; unoptimized code takes twenty times as long: it sees some of those that cost little.
fn tried() -> impl Iterator<Item = Attack> {
    let all = attacks().filter(|attack| !(cfg!(debug_assertions) && attack.name.starts_with("cost-")));
    all.step_by(if cfg!(debug_assertions) { 5 } else { 1 })
}

/// What is set up once in a process is nobody's.
fn warm() {
    drop(attacks().next().unwrap().build().run());
}

/// The attacks stay within the bound, and come near it: a bound that nothing reaches says nothing.
#[test]
fn attacks_are_within_and_near_the_bound() {
    warm();
    let mut most = Peaks::default();
    for attack in tried() {
        let input = attack.build();
        let default = *input.config() == Config::default();
        // Unoptimized code takes twenty times as long.
        let input = if cfg!(debug_assertions) { input.with_fuel_at_most(300_000) } else { input };
        let peaks = of_attack(input.config().clone(), &input);
        peaks.check(input.config().memory_bound(), attack.name);
        if default {
            most = most.most(peaks);
        }
    }
    let bound = Config::default().memory_bound();
    println!("at most {} + {} + {} of {bound:?}", most.text, most.load, most.run);
    let near = most.text > bound.text / 8 && most.load > bound.load / 8 && most.run > bound.run / 8;
    assert!(near || cfg!(debug_assertions));
}

/// Under limits in which little fits, and under those in which all does.
#[test]
fn attacks_are_within_other_bounds() {
    warm();
    let mut small = Config::default().with_fuel(200_000);
    // What is off by default is no limit of memory, and where nobody may be asked, neither is how.
    let limits = |key: &Key| key.plugin > 0 && key.path != "limits.fuel" && !key.path.starts_with("http.");
    for key in Config::keys().filter(limits) {
        small.set(key.path, (key.plugin / 16).clamp(key.min, key.max)).unwrap();
    }
    // Some fuel, so that memory and tables can be grown to those limits; less memory than the machine has.
    let fuel = if cfg!(debug_assertions) { 100_000 } else { 20_000_000 };
    let large = Config::profile(Profile::Large).with_fuel(fuel).with_memory_bytes(64 << 20);
    for attack in tried().filter(|attack| attack.against != "deadline_ms") {
        let input = attack.build();
        of_attack(small.clone(), &input).check(small.memory_bound(), attack.name);
        if !cfg!(debug_assertions) {
            of_attack(large.clone(), &input).check(large.memory_bound(), attack.name);
        }
    }
}

#[test]
fn guests_and_fixtures_are_within_the_bound() {
    warm();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = |folder: &str| {
        let files = fs::read_dir(fixtures.join(folder)).unwrap();
        files.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let config = Config::default().with_fuel(300_000);
    let sandbox = Sandbox::new(config.clone()).unwrap();
    for path in files("guests").iter().filter(|path| path.extension().is_some_and(|e| e == "wasm")) {
        let wasm = fs::read(path).unwrap();
        of_module(&sandbox, &wasm, b"some input").check(config.memory_bound(), &path.display().to_string());
    }
    for path in ["run", "limits", "abi", "regression"].into_iter().flat_map(files) {
        if path.extension().is_some_and(|e| e == "wat") {
            let fixture = Fixture::read(path).unwrap();
            let config = Config::from_toml(&fixture.config).unwrap();
            let peaks = of_text(&Sandbox::new(config.clone()).unwrap(), &fixture.body, b"some input");
            peaks.check(config.memory_bound(), &fixture.path.display().to_string());
        }
    }
}

/// Modules made of random bytes are small: their bound is that of a module of their size.
#[test]
fn random_modules_are_within_the_bound() {
    warm();
    let config = Config::default().with_fuel(20_000).with_module_load_work(20_000).with_module_size_bytes(20_000);
    let sandbox = Sandbox::new(config.clone()).unwrap();
    let count = if cfg!(debug_assertions) { 100 } else { 3_000 };
    for seed in 0..count {
        of_module(&sandbox, &generate(seed), b"").check(config.memory_bound(), &format!("seed {seed}"));
    }
}
