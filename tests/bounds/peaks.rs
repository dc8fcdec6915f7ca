//! The most that is allocated at a time is within what `Config::memory_bound` says: for every costly
//! input, check, guest and fixture, for modules made of random bytes, and under small, middle and large limits.

use std::{fs, path::Path};

use belljar::{
    Config, Profile, Sandbox,
    config::{MemoryBound, NumberKey},
    selftest::checks,
};

use super::{
    allocator::peak_of,
    costs::{Input, affordable, costs},
    parse::Fixture,
    smith::generate,
};

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

fn of_cost(config: &Config, input: &Input) -> Peaks {
    let sandbox = Sandbox::new(config.clone()).unwrap();
    match input {
        Input::Module(wasm) => of_module(&sandbox, wasm, b""),
        Input::Text(text) => of_text(&sandbox, text, b""),
    }
}

/// What is set up once in a process is of no run.
fn warm() {
    drop(costs()[0].build().run());
}

/// What is costly stays within the bound, and comes near it: a bound that nothing reaches says nothing.
#[test]
fn costs_are_within_and_near_the_bound() {
    warm();
    let (mut most, config) = (Peaks::default(), Config::default());
    let bound = config.memory_bound();
    for cost in affordable() {
        let peaks = of_cost(&config, &cost.build());
        peaks.check(bound, cost.name);
        most = most.most(peaks);
    }
    println!("at most {} + {} + {} of {bound:?}", most.text, most.load, most.run);
    let near = most.text > bound.text / 8 && most.load > bound.load / 8 && most.run > bound.run / 8;
    assert!(near || cfg!(debug_assertions));
}

/// Under limits in which little fits, and under those in which all does.
#[test]
fn costs_are_within_other_bounds() {
    warm();
    let mut small = Config::default().with_fuel(200_000);
    // What is off by default is no limit of memory, and where servers cannot be asked, neither is how.
    let limits = |key: &NumberKey| key.plugin > 0 && key.path != "limits.fuel" && !key.path.starts_with("http.");
    for key in Config::keys().filter(limits) {
        small.set(key.path, (key.plugin / 16).clamp(key.min, key.max)).unwrap();
    }
    // Some fuel, so that memory and tables can be grown to those limits.
    let fuel = if cfg!(debug_assertions) { 100_000 } else { 20_000_000 };
    let large = Config::profile(Profile::Large).with_fuel(fuel).with_memory_bytes(64 << 20);
    for cost in affordable() {
        let input = cost.build();
        for config in [&small, &large] {
            of_cost(config, &input).check(config.memory_bound(), cost.name);
        }
    }
}

#[test]
fn checks_are_within_the_bound() {
    warm();
    for check in checks() {
        let (Some(wasm), Ok(config)) = (check.module(), check.config()) else { continue };
        let sandbox = Sandbox::new(config.clone()).unwrap();
        of_module(&sandbox, &wasm, b"some input").check(config.memory_bound(), check.name);
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
