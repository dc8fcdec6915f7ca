//! The pages agree with the code: tables are made of it, guests are the files they name, links lead
//! somewhere.
//!
//! A part between `<!-- table: NAME -->` or `<!-- file: PATH as LANGUAGE -->` and `<!-- end -->` is
//! made here. `BLESS=1` writes it; else it is compared.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use belljar::{Config, GuestFault, StopReason, abi, config::NumberKey, config::Preset, config::Setting, meter};

use crate::prices::{
    self,
    list::{Price, Unit},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All pages, by their path from the root.
fn pages() -> Vec<String> {
    let mut pages: Vec<_> = files("src/docs", "md").into_iter().map(|name| format!("src/docs/{name}")).collect();
    pages.push("README.md".into());
    pages
}

/// The files with an extension in a folder and those below it, sorted, by their path from the folder.
fn files(folder: &str, extension: &str) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let (base, mut found) = (root().join(folder), Vec::new());
    walk(&base, &mut found);
    found.retain(|path| path.extension().is_some_and(|e| e == extension));
    let name = |path: &PathBuf| path.strip_prefix(&base).unwrap().to_str().unwrap().replace('\\', "/");
    let mut names: Vec<_> = found.iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn made_parts_are_up_to_date() {
    let bless = std::env::var_os("BLESS").is_some_and(|value| value == "1");
    let mut parts = 0;
    for page in pages() {
        let old = read(&page);
        let new = made(&old, &page, &mut parts);
        if bless && new != old {
            fs::write(root().join(&page), new).unwrap();
        } else {
            let at = old.lines().zip(new.lines()).position(|(old, new)| old != new);
            let line = at.map_or(String::new(), |at| format!(":{}\n{}", at + 1, new.lines().nth(at).unwrap_or("")));
            assert!(new == old, "BLESS=1 rewrites {page}{line}");
        }
    }
    assert!(parts >= 10, "only {parts} made parts were found");
}

/// A page with its made parts made anew.
fn made(page: &str, path: &str, parts: &mut usize) -> String {
    let mut new = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        writeln!(new, "{line}").unwrap();
        let Some(what) = line.strip_prefix("<!-- ").and_then(|l| l.strip_suffix(" -->")) else { continue };
        let part = match what.split_once(": ").unwrap_or_else(|| panic!("{path}: {line}")) {
            ("table", "exit status") => match exit_status() {
                Some(table) => table,
                // Without the program there is nothing to compare with.
                None => lines.clone().take_while(|line| *line != "<!-- end -->").map(|l| format!("{l}\n")).collect(),
            },
            ("table", name) => table(name),
            ("file", file) => {
                let (file, language) = file.split_once(" as ").unwrap();
                format!("```{language}\n{}```\n", read(file))
            }
            other => panic!("{path}: {other:?}"),
        };
        new.push_str(&part);
        assert!(lines.by_ref().any(|line| line == "<!-- end -->"), "{path}: `{what}` has no end");
        writeln!(new, "<!-- end -->").unwrap();
        *parts += 1;
    }
    new
}

fn table(name: &str) -> String {
    match name {
        "abi functions" => rows(
            ["import", "type", "meaning"],
            abi::FUNCTIONS.iter().map(|f| {
                let names: Vec<_> = f.names.iter().map(|name| format!("`{name}`")).collect();
                [names.join(", "), format!("`{}`", f.ty()), f.meaning.into()]
            }),
        ),
        "abi assemblyscript" => rows(
            ["import", "type", "meaning"],
            abi::assemblyscript::FUNCTIONS
                .iter()
                .map(|f| [format!("`{}`", f.name), format!("`{}`", f.ty()), f.meaning.into()]),
        ),
        "wasi functions" => rows(
            ["function", "parameters", "here", "not granted"],
            abi::wasi::FUNCTIONS.iter().map(|f| {
                let params: Vec<_> = f.params.iter().map(|param| format!("`{}`", param.name())).collect();
                [format!("`{}`", f.name), params.join(", "), f.meaning.into(), f.denied().unwrap_or("").into()]
            }),
        ),
        "refused" => rows(
            ["what", "why", "names of imports"],
            abi::refused::REFUSED.iter().map(|refused| {
                let names: Vec<_> = refused.names.iter().map(|name| format!("`{name}`")).collect();
                [refused.capability.to_string(), refused.why.into(), names.join(", ")]
            }),
        ),
        "presets" => {
            let all = [Config::default(), Config::preset(Preset::Minimal), Config::preset(Preset::Development)];
            let [usual, minimal, development] = all.map(|config| config.enforcement());
            let value = |list: &[Setting], at: usize| list[at].value.as_deref().unwrap_or("off").replace('"', "`");
            let shown = |key: &str| {
                let of_wasi = ["args", "env", "clock", "random", "files", "dirs"].map(|name| format!("wasi.{name}"));
                ["profile", "log", "grants"].contains(&key) || of_wasi.iter().any(|of_wasi| of_wasi == key)
            };
            let granted = (0..usual.len()).filter(|at| shown(&usual[*at].key));
            let row = |at: usize| {
                [format!("`{}`", usual[at].key), value(&usual, at), value(&minimal, at), value(&development, at)]
            };
            rows(["key", "default", "`minimal`", "`development`"], granted.map(row))
        }
        "http functions" => rows(
            ["function", "parameters", "does"],
            abi::http::FUNCTIONS.iter().map(|f| {
                let params: Vec<_> = f.params.iter().map(|param| format!("`{param}`")).collect();
                [format!("`{}`", f.name), params.join(", "), f.meaning.into()]
            }),
        ),
        "http failures" => rows(
            ["number", "means"],
            abi::http::Failure::ALL.iter().map(|(failure, means)| [format!("{}", *failure as i32), (*means).into()]),
        ),
        "dependencies" => {
            let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
            let line = |options: &str| format!("`belljar = {{ version = \"{version}\", {options} }}`");
            rows(
                ["for", "under `[dependencies]`"],
                [
                    ["plugins".into(), format!("`belljar = \"{version}\"`")],
                    ["the same in a build for size: half as fast".into(), line("features = [\"portable-dispatch\"]")],
                    [
                        "without TOML and the text format: 12 packages fewer".into(),
                        line("default-features = false, features = [\"std\"]"),
                    ],
                    [
                        "machines without an operating system: `no_std` with `alloc`".into(),
                        line("default-features = false"),
                    ],
                    ["WASI programs".into(), line("features = [\"wasi\"]")],
                    [
                        "WASI programs with directories of the host, and requests".into(),
                        line("features = [\"fs\", \"http\"]"),
                    ],
                    ["modules as tools, called with JSON".into(), line("features = [\"json\"]")],
                ],
            )
        }
        "abi entries" => rows(
            ["export", "type", "meaning"],
            abi::ENTRIES.iter().map(|e| [format!("`{}`", e.name), format!("`{}`", e.signature), e.meaning.into()]),
        ),
        "limits" => rows(
            ["key", "counts", "default", "`large`", "range", "enforced by"],
            Config::keys().map(|key| {
                let range = format!("{} to {}", shown(&key, key.min), shown(&key, key.max));
                let path = format!("`{}`", key.path);
                [
                    path,
                    key.unit.to_string(),
                    default(&key, key.plugin),
                    default(&key, key.large),
                    range,
                    key.enforced.into(),
                ]
            }),
        ),
        "short limits" => rows(
            ["key", "counts", "default"],
            Config::keys()
                .filter(|key| !key.path.starts_with("module."))
                .map(|key| [format!("`{}`", key.path), key.unit.to_string(), default(&key, key.plugin)]),
        ),
        "prices" => rows(
            ["what", "fuel"],
            [
                ["the start of a run, beside what it sets up".into(), grouped(meter::INSTANTIATION)],
                ["`memory.grow`, `table.grow`, beside what they add".into(), grouped(meter::GROWTH.into())],
                ["`load` of every kind".into(), grouped(meter::LOAD.into())],
                ["`copy`, `fill` and `init`, beside what they move".into(), grouped(meter::BULK.into())],
                ["`call`, `return_call`".into(), grouped(meter::CALL.into())],
                ["`call_indirect`, `return_call_indirect`".into(), grouped(meter::CALL_INDIRECT.into())],
                ["`narrow`, `popcnt`, `swizzle`, `shuffle` of `i8x16`".into(), grouped(meter::WIDE_SIMD.into())],
                ["a call into the host, beside the operator `call`".into(), grouped(meter::HOST_CALL)],
                ["bytes added to the output".into(), format!("1 for each {}", meter::BYTES_PER_FUEL / 2)],
                ["other bytes moved, filled, grown or set up".into(), format!("1 for each {}", meter::BYTES_PER_FUEL)],
                [
                    "table elements moved, filled, grown or set up".into(),
                    format!("1 for each {}", meter::ELEMENTS_PER_FUEL),
                ],
            ],
        ),
        "programs" => rows(
            ["what it is", "package", "bytes", "fuel", "memory, bytes"],
            read("tests/programs/RESULTS.toml").parse::<toml::Table>().unwrap().into_iter().map(|(name, result)| {
                let program: toml::Table = read(&format!("tests/programs/{name}.toml")).parse().unwrap();
                let figure = |key: &str| grouped(result[key].as_integer().unwrap().try_into().unwrap());
                let text = |key: &str| program[key].as_str().unwrap().to_owned();
                let (bytes, memory) = (figure("module_bytes"), figure("memory_peak_bytes"));
                [text("what"), format!("`{}`", text("package")), bytes, figure("fuel"), memory]
            }),
        ),
        name if name.starts_with("prices of ") => prices(&name["prices of ".len()..]),
        "files" => rows(
            ["file", "is"],
            files("src", "rs").into_iter().filter(|file| !file.starts_with("bin/") && file != "lib.rs").map(|file| {
                let head = head(&file);
                [format!("`{file}`"), head]
            }),
        ),
        other => panic!("no table `{other}`"),
    }
}

/// A section of the price list.
fn prices(section: &str) -> String {
    let list = prices::list();
    let sections = list.sections();
    let (_, prices) = sections.iter().find(|(title, _)| *title == section).unwrap();
    let unit = if prices.iter().all(|price| price.unit == Unit::Work) { "work" } else { "fuel" };
    let name = |price: &Price| if price.is_of_names() { format!("`{}`", price.name) } else { price.name.clone() };
    let figure = |price: &Price| grouped(price.figure.unwrap_or_default());
    rows(["what", unit], prices.iter().map(|price| [name(price), figure(price)]))
}

#[test]
fn every_section_of_the_price_list_is_documented() {
    let page = read("src/docs/prices.md");
    for (title, _) in prices::list().sections() {
        assert!(page.contains(&format!("<!-- table: prices of {title} -->")), "{title} is in no table");
    }
}

fn rows<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(N));
    for row in rows {
        writeln!(text, "| {} |", row.join(" | ").replace('\n', " ")).unwrap();
    }
    text
}

/// The first sentence of a file.
fn head(file: &str) -> String {
    let text = read(&format!("src/{file}"));
    let paragraph: Vec<_> = text.lines().map_while(|line| line.strip_prefix("//! ")).collect();
    let paragraph = paragraph.join(" ");
    assert!(!paragraph.is_empty(), "src/{file} does not say what it is");
    let end = paragraph.find(". ").unwrap_or(paragraph.len());
    paragraph[..end].trim_end_matches('.').into()
}

fn default(key: &NumberKey, value: u64) -> String {
    // A key that is off by default has a default below its range.
    if value < key.min { "off".into() } else { shown(key, value) }
}

/// A number as the tables show it: sizes in binary units, others in groups of three.
fn shown(key: &NumberKey, value: u64) -> String {
    if !key.unit.is_bytes() {
        return grouped(value);
    }
    match value {
        0 => "0".into(),
        v if v % (1 << 30) == 0 => format!("{} GiB", v >> 30),
        v if v % (1 << 20) == 0 => format!("{} MiB", v >> 20),
        v if v % (1 << 10) == 0 => format!("{} KiB", v >> 10),
        v => format!("{} B", grouped(v)),
    }
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(feature = "cli")]
const PROGRAM: &str = env!("CARGO_BIN_EXE_belljar");

/// The exit statuses, as the program's help has them.
#[cfg(feature = "cli")]
fn exit_status() -> Option<String> {
    let help = std::process::Command::new(PROGRAM).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, statuses) = help.split_once("Exit status:\n").unwrap();
    let lines = statuses.lines().map_while(|line| line.trim().split_once("  "));
    Some(rows(["status", "meaning"], lines.map(|(status, meaning)| [status.into(), meaning.into()])))
}

#[cfg(not(feature = "cli"))]
fn exit_status() -> Option<String> {
    None
}

/// The README starts with two commands, one that runs a guest and one that runs the tests; it
/// shows what the first prints. Its transcripts are what a shell shows.
#[cfg(all(feature = "cli", unix))]
#[test]
fn the_readme_shows_what_its_commands_print() {
    let readme = read("README.md");
    let blocks: Vec<_> = readme.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n')).collect();
    let of = |language: &str| -> Vec<&str> {
        blocks.iter().filter(|(l, _)| *l == language).map(|(_, text)| *text).collect()
    };

    let [run, test] = of("sh")[..] else { panic!("not two commands") };
    assert_eq!(test, "cargo test --features cli");
    let arguments = run.strip_prefix("cargo run --features run -- ").unwrap();
    assert_eq!(of("text"), [shell(&format!("belljar {arguments}"))]);

    shows_what_is_printed(&of("console"));
}

/// What is left of a batch is gone on with, and so would be what another build has left.
#[test]
#[cfg(all(feature = "cli", unix))]
fn the_page_on_batches_shows_what_its_commands_print() {
    let page = read("src/docs/batch.md");
    let blocks = page.split("\n```").skip(1).step_by(2);
    shell("rm -f outputs.jsonl*");
    shows_what_is_printed(&blocks.filter_map(|block| block.strip_prefix("console\n")).collect::<Vec<_>>());
}

#[cfg(all(feature = "cli", unix))]
fn shows_what_is_printed(transcripts: &[&str]) {
    let mut commands = 0;
    for transcript in transcripts {
        for part in format!("\n{transcript}").split("\n$ ").skip(1) {
            let (command, printed) = part.split_once('\n').unwrap_or((part, ""));
            assert_eq!(shell(command), printed, "$ {command}");
            commands += 1;
        }
    }
    assert!(commands > 0);
}

/// What a command prints on a terminal, without the last end of line.
#[cfg(all(feature = "cli", unix))]
fn shell(command: &str) -> String {
    use std::process::{Command, Stdio};
    let bin = Path::new(PROGRAM).parent().unwrap().to_str().unwrap();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
    // Some write files.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    fs::create_dir_all(&folder).unwrap();
    let _ = std::os::unix::fs::symlink(root().join("fixtures"), folder.join("fixtures"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{{ {command}\n}} 2>&1")]).env("PATH", path).current_dir(folder).stdin(Stdio::null());
    let output = shell.output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').into()
}

/// Links to files, from any page, lead to a file.
#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = read(&page);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let is_file = page == "README.md" && !file.is_empty() && !link.contains("://");
            assert!(!is_file || root().join(file).exists(), "{page}: {link}");
        }
    }
}

/// The front page has a row for each feature, and both pages name the Rust version.
#[test]
fn features_and_rust_version_are_documented() {
    let page = read("src/docs/crate.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| feature |")).skip(2);
    let mut listed: Vec<_> = rows.map_while(|row| Some(row.strip_prefix("| `")?.split_once('`')?.0)).collect();
    listed.sort();
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let features = manifest["features"].as_table().unwrap().keys();
    let features: Vec<_> = features.filter(|feature| *feature != "default").collect();
    assert_eq!(listed, features);

    let rust = format!("Rust {} or newer", env!("CARGO_PKG_RUST_VERSION"));
    for page in ["src/docs/crate.md", "README.md"] {
        assert!(read(page).contains(&rust), "{page} does not say `{rust}`");
    }
}

/// Each row of "how a run ends", done by a guest.
#[test]
fn the_abi_page_matches_what_a_run_does() {
    use belljar::{Error, Sandbox};
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let run = |body: &str| {
        let text = format!(
            r#"(module
                (import "env" "fail" (func $fail (param i32 i32)))
                (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
                (import "env" "log_at" (func $log_at (param i32 i32 i32)))
                (memory (export "memory") 1)
                (data (i32.const 0) "\04\00\00\00h\00i\00words")
                (func (export "execute") (param i32 i32) (result i32) {body}))"#
        );
        let module = sandbox.load_text(&text).unwrap();
        match sandbox.run(&module, b"") {
            Ok(_) => None,
            Err(Error::Stopped(stopped)) => Some(stopped.reason),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(run("i32.const 0"), None);
    assert_eq!(run("i32.const 3"), Some(StopReason::Guest(GuestFault::Status { code: 3 })));
    assert_eq!(
        run("(call $fail (i32.const 8) (i32.const 5)) i32.const 0"),
        Some(StopReason::Guest(GuestFault::Failed { message: "words".into() }))
    );
    assert_eq!(
        run("(call $abort (i32.const 4) (i32.const 0) (i32.const 7) (i32.const 9)) i32.const 0"),
        Some(StopReason::Guest(GuestFault::Aborted { message: "hi".into(), file: String::new(), line: 7, column: 9 }))
    );
    assert!(matches!(run("unreachable"), Some(StopReason::Guest(GuestFault::Trap(_)))));
    assert!(matches!(
        run("(call $log_at (i32.const 5) (i32.const 0) (i32.const 0)) i32.const 0"),
        Some(StopReason::Guest(GuestFault::Abi(_)))
    ));
    // An empty range may point anywhere.
    assert_eq!(run("(call $log_at (i32.const 0) (i32.const -1) (i32.const 0)) i32.const 0"), None);
    assert!(matches!(
        run("(call $log_at (i32.const 0) (i32.const -1) (i32.const 1)) i32.const 0"),
        Some(StopReason::Guest(GuestFault::Abi(_)))
    ));
}

/// The front page says how much native stack a run needs.
#[test]
fn native_stack_is_as_documented() {
    let kib = if cfg!(debug_assertions) { 1024 } else { 64 };
    let run = || {
        let sandbox = belljar::Sandbox::new(Config::default()).unwrap();
        for guest in files("fixtures/guests", "wasm") {
            let module = sandbox.load(&fs::read(root().join("fixtures/guests").join(guest)).unwrap()).unwrap();
            let _ = sandbox.start(&module, b"# text").map(|mut run| run.step(1_000_000));
        }
        let blocks = "block ".repeat(499) + &"end ".repeat(499);
        let calls = "(func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))";
        let deep = format!("(module {calls} (func (export \"_start\") {blocks} (call $f (i32.const 9000))))");
        let module = sandbox.load_text(&deep).unwrap();
        sandbox.run(&module, b"").unwrap();
    };
    std::thread::Builder::new().stack_size(kib << 10).spawn(run).unwrap().join().unwrap();
}

/// The front page says which types can be sent and shared.
#[test]
fn types_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<belljar::Sandbox>();
    check::<belljar::Module>();
    check::<belljar::Execution>();
    check::<belljar::Instance>();
    check::<belljar::Outcome>();
    check::<belljar::Stopped>();
    check::<belljar::Error>();
    check::<belljar::Cancel>();
}
