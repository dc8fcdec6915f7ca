//! Rules about the files themselves.
//!
//! What breaks a rule today is listed with it, so that the list can only become shorter: an entry
//! that no longer breaks it fails too.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::fixture;

mod circles;
mod pages;
mod promises;
mod surface;
mod unknown_keys;
mod words;

/// The files of the core, each of which may import those before it, and no other.
const CORE: &[&str] = &[
    "data", "error", "sync", "config", "abi", "engine", "recorder", "wasi", "http", "observe", "host", "load", "run",
    "sandbox", "lib",
];

/// What may import the core, and what the core may not import.
const AROUND: &[&str] = &["bin", "docs", "record", "tool", "cache", "isolate", "selftest", "explain"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder, as paths from the root.
fn walk(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            // A target folder of a package of its own.
            if entry.file_type().unwrap().is_dir() {
                if entry.file_name() != "target" {
                    folders.push(entry.path());
                }
            } else if !entry.path().ends_with("src/engine/dispatch/build.rs") {
                found.push(entry.path().strip_prefix(root()).unwrap().to_path_buf());
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e == extension)
}

/// The name by which a file of `src` stands in the order: `host` for `src/host/env.rs`.
fn unit(path: &Path) -> String {
    let first = path.components().nth(1).unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_string()
}

/// Files of the core with their code, comments taken out; strings stay.
fn core() -> Vec<(PathBuf, String)> {
    walk("src")
        .into_iter()
        .filter(|path| is(path, "rs") && CORE.contains(&unit(path).as_str()))
        .map(|path| {
            let code = code(&read(&path));
            (path, code)
        })
        .collect()
}

fn code(text: &str) -> String {
    let lines = text.lines().map(|line| match line.trim_start().starts_with("//") {
        true => "",
        false => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Fails with all that broke a rule, except what is listed as known; and with what is listed in vain.
fn hold(rule: &str, broken: BTreeSet<String>, known: &[&str]) {
    let known: BTreeSet<String> = known.iter().map(|k| k.to_string()).collect();
    let new: Vec<_> = broken.difference(&known).collect();
    let mended: Vec<_> = known.difference(&broken).collect();
    assert!(new.is_empty(), "{rule}:\n  {}", new.iter().map(|s| s.as_str()).collect::<Vec<_>>().join("\n  "));
    assert!(mended.is_empty(), "{rule}: these hold by now, take them off the list: {mended:?}");
}

#[test]
fn every_file_has_its_place_in_the_order() {
    let found: BTreeSet<_> = walk("src").iter().map(|path| unit(path)).collect();
    let places: BTreeSet<_> = CORE.iter().chain(AROUND).map(|name| name.to_string()).collect();
    let without: Vec<_> = found.difference(&places).collect();
    assert!(without.is_empty(), "give them a place in `CORE` or `AROUND`: {without:?}");
    assert!(CORE.iter().all(|name| found.contains(*name)), "the order names files that are gone");
}

#[test]
fn a_file_of_the_core_imports_only_from_its_left() {
    let mut broken = BTreeSet::new();
    for (path, code) in core() {
        let own = unit(&path);
        let place = |name: &str| CORE.iter().position(|n| *n == name);
        for imported in imports(&code) {
            // What begins with a capital is re-exported by `lib`, under a path of its own.
            if imported == own || own == "lib" || imported.starts_with(char::is_uppercase) {
                continue;
            }
            if place(&imported).is_none_or(|at| at > place(&own).unwrap()) {
                broken.insert(format!("{} imports {imported}", path.display()));
            }
        }
    }
    hold("imports go to the left only", broken, &[]);
}

/// The first names of all paths that begin with `crate::`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => drop(found.insert(word(after))),
            Some(list) => {
                let mut depth = 0;
                let mut at_name = true;
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_name = true,
                        c if at_name && !c.is_whitespace() => {
                            found.insert(word(&list[i..]));
                            at_name = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    // A visibility is no import.
    found.retain(|name| !name.is_empty());
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn the_core_touches_nothing_but_memory() {
    let mut broken = BTreeSet::new();
    for (path, code) in core() {
        // The one part that is there to touch files.
        let is_mount = path.starts_with("src/wasi/mount") || path == Path::new("src/wasi/mount.rs");
        // The one part that is there to ask servers.
        let is_client = path.starts_with("src/http") || path == Path::new("src/http.rs");
        for used in ["time", "fs", "env", "net", "thread", "process", "io", "collections", "sync::Mutex"] {
            let may = is_mount && matches!(used, "fs" | "io") || is_client && matches!(used, "io" | "time");
            if !may && code.contains(&format!("std::{used}")) {
                broken.insert(format!("{} uses std::{used}", path.display()));
            }
        }
        for used in ["HashMap", "HashSet", "RandomState", "SystemTime", "Instant::", "thread_local"] {
            if code.contains(used) && !(is_client && used == "Instant::") {
                broken.insert(format!("{} uses {used}", path.display()));
            }
        }
    }
    // The one file that reads a clock, and the one that lets a thread wait.
    let known = [
        "src/sync/waker.rs uses std::thread",
        "src/sync/watch.rs uses Instant::",
        "src/sync/watch.rs uses SystemTime",
        "src/sync/watch.rs uses std::time",
    ];
    hold("the core is pure", broken, &known);
}

/// What the library touches beside memory, by what its code then has in it, and the files and folders where that may be.
/// The page on the design says the same.
const TOUCHES: &[(&str, &[&str], &[&str])] = &[
    ("a clock", &["Instant::now", "SystemTime"], &["cache/", "http.rs", "isolate/", "sync/watch.rs"]),
    ("a thread", &["thread::"], &["isolate/", "sandbox/batch", "sandbox/loading.rs", "sync/waker.rs"]),
    ("a file", &["fs::", "cap_std"], &["cache/", "isolate/", "wasi/mount"]),
    ("the network", &["TcpStream", "UnixStream", "ureq::"], &["http/client.rs", "isolate/"]),
    ("an environment variable", &["env::var", "env::set_var"], &["isolate/"]),
    ("a process", &["Command::new"], &["isolate/"]),
    ("random bytes", &["getrandom"], &["cache/", "wasi/random.rs"]),
    ("the system", &["libc::", "rustix::"], &["cache/", "host/pool/mapping.rs", "isolate/", "wasi/mount"]),
];

#[test]
fn the_library_touches_what_the_page_on_the_design_says() {
    for (what, words, may) in TOUCHES {
        let mut touched = BTreeSet::new();
        for path in walk("src").into_iter().filter(|path| is(path, "rs") && unit(path) != "bin") {
            let code = code(&read(&path));
            let begins = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if words.iter().any(|word| code.match_indices(word).any(|(at, _)| begins(at))) {
                let path = path.strip_prefix("src").unwrap().to_str().unwrap().to_string();
                let allowed = may.iter().find(|place| path.starts_with(**place)).map(|place| place.to_string());
                touched.insert(allowed.unwrap_or(path));
            }
        }
        let may: BTreeSet<_> = may.iter().map(|place| place.to_string()).collect();
        assert_eq!(touched, may, "{what}");
    }
}

/// Statics that can change: what two sandboxes of a process share.
#[test]
fn the_process_has_this_state_and_no_other() {
    let mut found = BTreeSet::new();
    for path in walk("src").into_iter().filter(|path| is(path, "rs") && unit(path) != "bin") {
        let code = code(&read(&path));
        let changes = |line: &&str| ["Mutex", "Atomic", "OnceLock", "Cell"].iter().any(|ty| line.contains(ty));
        let statics = code.lines().map(str::trim).filter(|line| line.contains("static ") && line.contains(": "));
        for line in statics.filter(|line| !line.contains("&'static")).filter(changes) {
            let name = word(line.split("static ").nth(1).unwrap());
            found.insert(format!("{}: {name}", path.display()));
        }
    }
    let known = [
        "src/engine/dispatch/probe.rs: MEASURED",
        "src/host/pool/mapping.rs: PAGEMAP",
        "src/isolate/worker.rs: CALLED",
        "src/sandbox/loading.rs: LOADS",
        "src/sandbox/module_cache.rs: CACHE",
    ];
    assert_eq!(found, known.iter().map(|known| known.to_string()).collect());
}

#[test]
fn fuel_crosses_the_border_in_one_file() {
    let mut broken = BTreeSet::new();
    for (path, code) in core() {
        let other = path != Path::new("src/engine/meter.rs");
        if other && (code.contains(".get_fuel(") || code.contains(".set_fuel(")) {
            broken.insert(path.display().to_string());
        }
    }
    hold("only src/engine/meter.rs asks the engine for fuel", broken, &[]);
}

#[test]
fn few_folders_name_the_engine() {
    let mut units = BTreeSet::new();
    for path in walk("src").into_iter().filter(|path| is(path, "rs")) {
        if code(&read(&path)).contains("wasmi::") {
            units.insert(unit(&path));
        }
    }
    assert_eq!(units.into_iter().collect::<Vec<_>>(), ["engine", "host", "load", "run"]);
}

#[test]
fn no_type_of_the_engine_is_public() {
    let mut broken = BTreeSet::new();
    for (path, code) in core() {
        for line in code.lines().map(str::trim) {
            let foreign = ["wasmi", "Caller<", "wasmparser", "toml::"];
            if line.starts_with("pub ") && foreign.iter().any(|name| line.contains(name)) {
                broken.insert(format!("{}: {line}", path.display()));
            }
        }
    }
    // Private by the module it stands in, which is sealed.
    hold(
        "no engine type is public",
        broken,
        // Sealed: nobody outside can name them.
        &[
            "src/engine/scalar.rs: pub trait Scalar: wasmi::WasmTy + Copy + Sync + 'static {",
            "src/engine/scalar.rs: pub trait Scalars: wasmi::WasmParams + wasmi::WasmResults + 'static {",
        ],
    );
}

/// The compiler and clippy hold what the table of lints says, where no attribute lifts it.
#[test]
fn nothing_in_src_panics_or_is_unsafe() {
    let manifest: toml::Table = toml::from_str(&read(Path::new("Cargo.toml"))).unwrap();
    let level = |tool: &str, lint: &str| manifest["lints"][tool][lint].as_str();
    assert_eq!(level("rust", "unsafe_code"), Some("deny"));
    assert_eq!(level("rust", "missing_docs"), Some("warn"));
    let panics = ["expect_used", "panic", "todo", "unimplemented", "unreachable", "unwrap_used"];
    for lint in panics {
        assert_eq!(level("clippy", lint), Some("warn"), "{lint}");
    }
    assert!(read(Path::new("src/lib.rs")).contains(r#"#![cfg_attr(not(feature = "pooling"), forbid(unsafe_code))]"#));

    let mut lifted = BTreeSet::new();
    for path in walk("src").into_iter().filter(|path| is(path, "rs")) {
        let code = code(&read(&path));
        let names = panics.map(|lint| format!("clippy::{lint}")).into_iter().chain(["(unsafe_code".into()]);
        lifted.extend(names.filter(|name| code.contains(name)).map(|name| format!("{}: {name}", path.display())));
    }
    // For their tests.
    lifted.retain(|one| {
        !["src/lib.rs: clippy::", "src/bin/belljar/main.rs: clippy::"].iter().any(|of| one.starts_with(of))
    });
    let known = [
        // Behind a feature.
        "src/host/pool/mapping.rs: (unsafe_code",
        // Decided when the crate is compiled.
        "src/load/checker/operands.rs: clippy::panic",
        "src/load/operators.rs: clippy::panic",
        // Without the feature.
        "src/lib.rs: (unsafe_code",
    ];
    hold("no panics and no unsafe code", lifted, &known);
}

/// No package of the tree, with all features and on all targets, needs a later Rust than this one says it does. What
/// the code here uses of the standard library, clippy compares with the same number.
#[test]
fn no_dependency_needs_a_later_rust() {
    let version = |text: &str| text.split('.').map(|part| part.parse().unwrap()).collect::<Vec<u32>>();
    let mut cargo = std::process::Command::new(env!("CARGO"));
    let output = cargo.args(["metadata", "--locked", "--format-version=1"]).current_dir(root()).output().unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut later = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        if let Some(needed) = package["rust_version"].as_str()
            && version(needed) > version(concat!(env!("CARGO_PKG_RUST_VERSION"), ".0"))
        {
            later.insert(format!("{} {}: {needed}", package["name"], package["version"]));
        }
    }
    hold("dependencies work with the same Rust", later, &[]);
}

#[test]
fn files_are_short_and_finished() {
    let mut broken = BTreeSet::new();
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X:"].concat()];
    for path in ["src", "tests", "benches"].into_iter().flat_map(walk) {
        if !is(&path, "rs") {
            continue;
        }
        let text = read(&path);
        let lines = text.lines().count();
        if lines > 500 {
            broken.insert(format!("{}: {lines} lines", path.display()));
        }
        if marks.iter().any(|mark| text.contains(mark.as_str())) {
            broken.insert(format!("{}: is not finished", path.display()));
        }
        // `main.rs` of the command line, `lib.rs`: each says what it is by a document of its own.
        if !text.starts_with("//!") && !text.starts_with("#![doc") {
            broken.insert(format!("{}: does not say what it is", path.display()));
        }
    }
    hold("files are short, finished and say what they are", broken, &[]);
}

/// Nothing of a machine that this was written on.
#[test]
fn no_file_names_a_place_that_is_not_here() {
    let mut broken = BTreeSet::new();
    let places = ["home/", "root/", "work/", "Users/"].map(|place| format!("/{place}"));
    for path in ["src", "tests", "benches", "fixtures", ".ci"].into_iter().flat_map(walk) {
        // What is not text was made by compilers, which name places of their own.
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for place in &places {
            if text.contains(&format!(" {place}")) || text.contains(&format!("\"{place}")) {
                broken.insert(format!("{}: {place}", path.display()));
            }
        }
    }
    hold("paths are relative", broken, &[]);
}

#[test]
fn the_top_level_is_as_agreed() {
    let agreed =
        ["Cargo.toml", "Cargo.lock", "src", "tests", "fixtures", "findings", "benches", "README.md", "LICENSE"];
    let own = ["target"];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let hidden = [".ci", ".git", ".gitignore", ".rustfmt.toml", ".cargo", ".github"].contains(&name.as_str());
        assert!(hidden || agreed.contains(&&*name) || own.contains(&&*name), "{name} does not belong there");
    }
}

#[test]
fn fixtures_say_what_they_show() {
    let mut broken = BTreeSet::new();
    for path in walk("fixtures") {
        if is(&path, "wat") && !read(&path).starts_with(";;") {
            broken.insert(format!("{} has no head comment", path.display()));
        }
    }
    for folder in fixture::FOLDERS {
        for path in fixture::files(folder) {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            match fixture::parse::Fixture::read(path) {
                Err(error) => drop(broken.insert(format!("{name}: {error}"))),
                Ok(fixture) if fixture.expected.is_empty() => drop(broken.insert(format!("{name} expects nothing"))),
                Ok(_) => {}
            }
        }
    }
    hold("a fixture's head is its specification", broken, &[]);
}

/// The engine decides results and fuel, so its version is exact, and its features are named.
#[test]
fn the_engine_is_pinned() {
    let manifest: toml::Table = toml::from_str(&read(Path::new("Cargo.toml"))).unwrap();
    let dependencies = manifest["dependencies"].as_table().unwrap();
    for name in ["wasmi", "wasmi_core"] {
        let version = dependencies[name]["version"].as_str().unwrap();
        assert!(version.starts_with('='), "{name} {version}");
        assert_eq!(dependencies[name]["default-features"].as_bool(), Some(false), "{name}");
        #[cfg(feature = "receipt")]
        assert_eq!(belljar::record::Rules::current().engine, version.replace('=', "wasmi "), "{name}");
    }
    let features = dependencies["wasmi"]["features"].as_array().unwrap();
    assert!(features.iter().any(|f| f.as_str() == Some("deterministic")));
    // The fast dispatch is the default where it was checked; other targets have the portable one.
    let has = |list: &toml::Value, name: &str| list.as_array().unwrap().iter().any(|f| f.as_str() == Some(name));
    assert!(!has(&manifest["features"]["default"], "portable-dispatch"));
    let elsewhere = manifest["target"].as_table().unwrap();
    let elsewhere = &elsewhere[r#"cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))"#];
    assert!(has(&elsewhere["dependencies"]["wasmi"]["features"], "portable-dispatch"));
}
