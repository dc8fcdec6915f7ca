//! Third-party modules, driven as their own hosts do. `tests/real/fetch.sh` downloads them.
//!
//! `cargo test --release --test it real:: -- --ignored`, with `--nocapture` for the usage of each. A debug build leaves
//! out the digests of a million bytes.

use std::{fmt::Debug, fs, path::PathBuf, time::Instant};

use belljar::{Config, Error, Instance, Sandbox, Step, Usage, Value};

mod cases;
mod codecs;
mod digests;
mod dprint;
mod lexers;
mod markdown;
mod source_map;

fn folder() -> PathBuf {
    std::env::var_os("BELLJAR_REAL")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/real"), PathBuf::from)
}

fn wasm(name: &str) -> Vec<u8> {
    let path = folder().join(name).with_extension("wasm");
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}; run tests/real/fetch.sh", path.display()))
}

/// More memory and fuel than the defaults: some of these have 17 MiB from the start, and some calls are long.
fn roomy() -> Config {
    Config::default().with_memory_bytes(32 << 20).with_fuel(200_000_000)
}

fn kept(name: &str) -> Instance {
    kept_with(name, roomy())
}

fn kept_with(name: &str, config: Config) -> Instance {
    let sandbox = Sandbox::new(config).unwrap();
    sandbox.instance(&sandbox.load(&wasm(name)).unwrap()).unwrap()
}

/// Runs twice, each time from the start: the results must be the same, and all that was used.
fn twice<T: PartialEq + Debug>(what: &str, run: impl Fn() -> (T, Usage)) -> T {
    let first = run();
    let start = Instant::now();
    let second = run();
    let (time, used) = (start.elapsed(), second.1);
    assert_eq!(first, second, "{what}");
    println!("{what}: {} fuel in {} us, {} bytes of memory", used.fuel, time.as_micros(), used.memory_peak_bytes);
    first.0
}

fn word(instance: &Instance, at: u32) -> u32 {
    u32::from_le_bytes(bytes(instance, at, 4).try_into().unwrap())
}

fn bytes(instance: &Instance, at: u32, len: u32) -> &[u8] {
    &instance.memory()[at as usize..][..len as usize]
}

fn write(instance: &mut Instance, at: u32, bytes: &[u8]) {
    instance.memory_mut()[at as usize..][..bytes.len()].copy_from_slice(bytes);
}

/// Calls that numbers alone can make, on fresh memory: at every slice the same result for the same fuel.
#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn calls_are_the_same_at_every_slice() {
    let i32 = |v: u32| Value::I32(v as i32);
    for (name, export, arguments, results) in [
        // The hashes of 60,000 zeros, which is what fresh memory has.
        ("xxhash-wasm", "xxh32", vec![i32(0), i32(60_000), i32(7)], vec![i32(2_935_552_682)]),
        ("xxhash-wasm", "xxh64", vec![i32(0), i32(60_000), Value::I64(7)], vec![Value::I64(3_179_444_670_941_704_364)]),
        ("dprint-json", "dprint_plugin_version_4", vec![], vec![i32(4)]),
        ("dprint-toml", "get_license_text", vec![], vec![i32(1_085)]),
        ("cjs-module-lexer", "parseCJS", vec![i32(35_920), i32(900), i32(0), i32(0), i32(0), i32(0)], vec![i32(0)]),
        ("es-module-lexer", "parse", vec![], vec![i32(1)]),
        ("hash-wasm-sha256", "Hash_Calculate", vec![i32(9_000), i32(256)], vec![]),
        ("hash-wasm-argon2", "Hash_SetMemorySize", vec![i32(1 << 20)], vec![i32(0)]),
    ] {
        let sandbox = Sandbox::new(roomy()).unwrap();
        let module = sandbox.load(&wasm(name)).unwrap();
        let start = || sandbox.start_call(&module, export, &arguments, b"", ()).unwrap();
        let whole = start().finish().unwrap();
        assert_eq!(whole.results, results, "{name}.{export}");
        println!("{name}.{export}: {} fuel", whole.usage.fuel);
        for slice in [7, 997] {
            let mut execution = start();
            let stepped = loop {
                if let Step::Done(outcome) = execution.step(slice).unwrap() {
                    break outcome;
                }
            };
            assert_eq!(stepped, whole, "{name}.{export} at {slice}");
        }
    }
}

/// The published modules fit the default limits of modules, with room to spare: a limit that one of them met
/// would be too low.
#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn all_fit_the_default_limits_of_modules() {
    let sandbox = Sandbox::new(roomy()).unwrap();
    let mut loaded = 0;
    for entry in fs::read_dir(folder()).expect("run tests/real/fetch.sh") {
        let path = entry.unwrap().path();
        match sandbox.load(&fs::read(&path).unwrap()) {
            Ok(_) => {}
            // Host functions of their own, which the other tests provide. They come last of what is checked by counting.
            Err(Error::Module(e)) if matches!(*e, belljar::ModuleError::Imports { .. }) => {}
            Err(e) => panic!("{}: {e}", path.display()),
        }
        loaded += 1;
    }
    assert_eq!(loaded, include_str!("../real/SHA256SUMS").lines().count());
}
