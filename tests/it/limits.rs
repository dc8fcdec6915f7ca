//! Every key of the configuration has a test at its limit and one past it. The list of keys comes
//! from the crate, so that a new key without a test fails here.

use belljar::{Config, Error, ModuleError, Profile, Sandbox, error::Unit};
use wasm_encoder::{CodeSection, Function, FunctionSection, Instruction, Module, TypeSection};

use crate::fixture;

/// A module that has `n` of what a key counts.
fn module(key: &str, n: usize) -> Vec<u8> {
    let many = |text: &str| text.repeat(n);
    let numbered = |text: &dyn Fn(usize) -> String| (0..n).map(text).collect::<String>();
    let fields = match key {
        "module.size_bytes" => return custom_of(n - 8 - 2 - 1),
        "module.body_bytes" => return body(n - 2),
        // Each operator is one unit, and so is the function's end; the function and its type are ten each.
        "module.load_work" => return body(n - 21),
        // Each `nop` is taken out.
        "module.form_work" => return body(n),
        "module.types" => many("(type (func))"),
        "module.params" => format!("(func (param {}))", many("i32 ")),
        "module.results" => format!("(func (result {}) unreachable)", many("i32 ")),
        "module.imports" => many("(import \"env\" \"input_len\" (func (result i32)))"),
        "module.functions" => many("(func)"),
        "module.locals" => format!("(func (param i32 i32) (local {}))", many("i64 ")),
        "module.locals_total" => format!("(func (local i32)) (func (local {}))", "i32 ".repeat(n - 1)),
        "module.form_locals" => {
            let (calls, drops) = (many("call $f "), many("drop "));
            format!("(func $f (result i32) i32.const 1) (func {calls} block end {drops})")
        }
        "module.nesting" => format!("(func {} {})", many("block "), many("end ")),
        "module.globals" => many("(global i32 (i32.const 0))"),
        "module.memories" => many("(memory 0)"),
        "module.tables" => many("(table 0 funcref)"),
        "module.element_segments" => many("(elem func)"),
        "module.element_items" => format!("(func $f) (elem func $f) (elem func {})", "$f ".repeat(n - 1)),
        "module.data_segments" => many("(data \"\")"),
        "module.exports" => format!("(func $f) {}", numbered(&|i| format!("(export \"{i}\" (func $f))"))),
        "module.name_bytes" => format!("(func (export \"{}\"))", many("x")),
        "module.constant_operators" => format!("(global i32 {} )", constant(n)),
        "module.custom_sections" => many("(@custom \"x\" \"\")"),
        _ => panic!("{key} has no module: add one, at the limit and past it"),
    };
    wat::parse_str(format!("(module {fields})")).unwrap()
}

/// A module of one custom section with so many bytes beside its own three.
fn custom_of(bytes: usize) -> Vec<u8> {
    let mut wasm = b"\0asm\x01\0\0\0\0".to_vec();
    wasm.push(bytes as u8 + 1);
    wasm.push(0);
    wasm.extend(std::iter::repeat_n(0, bytes));
    wasm
}

/// A module of one function with `nops` operators before its end.
fn body(nops: usize) -> Vec<u8> {
    let (mut module, mut types, mut functions, mut code) =
        (Module::new(), TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    functions.function(0);
    let mut function = Function::new([]);
    for _ in 0..nops {
        function.instruction(&Instruction::Nop);
    }
    function.instruction(&Instruction::End);
    code.function(&function);
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

/// A constant expression of `n` operators, the closing `end` not counted. An even number of them
/// has no value in the end, which is for the engine to say: it is asked only within the limit.
fn constant(n: usize) -> String {
    let mut text = String::from("i32.const 1 ");
    for i in 1..n {
        text += if i % 2 == 1 { "i32.const 2 " } else { "i32.add " };
    }
    text
}

fn load(config: Config, wasm: &[u8]) -> Result<belljar::Module, Error> {
    Sandbox::new(config).unwrap().load(wasm)
}

#[test]
fn every_limit_of_a_module_holds() {
    for key in Config::keys().filter(|key| key.path.starts_with("module.")) {
        if key.path == "module.text_bytes" {
            continue; // Not of the binary form: below.
        }
        let n = if matches!(key.path, "module.size_bytes" | "module.load_work") { 40 } else { 7 };
        let mut config = Config::default();
        config.set(key.path, n).unwrap();
        if let Err(error) = load(config.clone(), &module(key.path, n as usize)) {
            panic!("{} at its limit: {error}", key.path);
        }
        let Err(Error::Module(error)) = load(config, &module(key.path, n as usize + 1)) else {
            panic!("{} past its limit was loaded", key.path)
        };
        let ModuleError::Limit { key: told, limit, found, unit } = *error else { panic!("{}: {error}", key.path) };
        assert_eq!((told, limit, found), (key.path, n, n + 1));
        assert_eq!(unit, key.unit, "{}: one unit in the list of keys and in the error", key.path);
    }
}

/// The engine has limits of its own. Ours come first, with room for what the host adds: a module that
/// keeps to the largest values is loaded.
#[test]
fn the_largest_values_can_be_had() {
    for path in ["module.tables", "module.memories", "module.data_segments", "module.element_segments"] {
        let key = Config::keys().find(|key| key.path == path).unwrap();
        let mut config = Config::profile(Profile::Large);
        config.set(path, key.max).unwrap();
        let mut wasm = module(path, key.max as usize);
        if path == "module.tables" {
            let grow = "(func (drop (table.grow 0 (ref.null func) (i32.const 1))))";
            let tables = "(table 0 funcref)".repeat(key.max as usize);
            wasm = wat::parse_str(format!("(module (start 0) {tables} {grow})")).unwrap();
        }
        let loaded = load(config.clone(), &wasm);
        assert!(loaded.is_ok(), "{path}: {}", loaded.unwrap_err());
        let Err(Error::Module(error)) = load(config, &module(path, key.max as usize + 1)) else { panic!("{path}") };
        assert!(matches!(*error, ModuleError::Limit { key, .. } if key == path), "{path}: {error}");
    }
}

#[test]
fn the_smallest_limits_allow_what_has_nothing() {
    let mut config = Config::default();
    for key in Config::keys().filter(|key| key.path.starts_with("module.")) {
        config.set(key.path, key.min).unwrap();
    }
    assert!(load(config.clone(), b"\0asm\x01\0\0\0").is_ok());
    let Err(Error::Module(error)) = load(config, &custom_of(0)) else { panic!("it was loaded") };
    assert!(matches!(*error, ModuleError::Limit { key: "module.size_bytes", limit: 8, found: 11, .. }));
}

#[test]
fn the_text_form_has_a_limit_of_its_own() {
    let sandbox = Sandbox::new(Config::default().with_module_text_bytes(20)).unwrap();
    let text = format!("{:20}", "(module)");
    assert!(sandbox.load_text(&text).is_ok());
    let Err(Error::Module(error)) = sandbox.load_text(&(text + " ")) else { panic!("it was read") };
    let expected = ModuleError::Limit { key: "module.text_bytes", limit: 20, found: 21, unit: Unit::TextBytes };
    assert_eq!(*error, expected);
}

/// What is counted in several places is counted in all of them.
/// The text parser is not asked about components.
#[test]
fn a_text_with_a_component_is_refused_before_it_is_parsed() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    for text in
        ["(component)", "(module) ;; \"\n ( (; (; ;) \" ;) component", "(@note \"\\\"\" ()) (component (component))"]
    {
        assert_eq!(sandbox.load_text(text).unwrap_err(), ModuleError::Component.into(), "{text}");
    }
    assert!(sandbox.load_text("(module (data \"(component\") ;; (component\n (; (component ;))").is_ok());
}

#[test]
fn limits_count_every_place() {
    let refused = |config: Config, wat: &str| match load(config, &wat::parse_str(wat).unwrap()) {
        Err(Error::Module(error)) => match *error {
            ModuleError::Limit { key, found, .. } => (key, found),
            other => panic!("{wat}: {other}"),
        },
        other => panic!("{wat}: {other:?}"),
    };
    let default = Config::default;
    let long = "x".repeat(9);
    for wat in [
        format!("(module (import \"{long}\" \"a\" (func)))"),
        format!("(module (import \"a\" \"{long}\" (func)))"),
        format!("(module (func) (export \"{long}\" (func 0)))"),
        format!("(module (@custom \"{long}\" \"\"))"),
        format!("(module ${long})"),
    ] {
        assert_eq!(refused(default().with_module_name_bytes(8), &wat), ("module.name_bytes", 9));
    }
    // Imported memories and tables, types of imports and of blocks, expressions of every section.
    let wat = "(module (import \"a\" \"m\" (memory 0)) (memory 0))";
    assert_eq!(refused(default().with_module_memories(1), wat), ("module.memories", 2));
    let wat = "(module (import \"a\" \"t\" (table 0 funcref)) (table 0 funcref))";
    assert_eq!(refused(default().with_module_tables(1), wat), ("module.tables", 2));
    let wat = "(module (func (block (param i32 i32) drop drop) ))";
    assert!(wat::parse_str(wat).is_ok());
    assert_eq!(refused(default().with_module_params(1), wat), ("module.params", 2));
    let wat = "(module (func (block (result i32 i32) unreachable) drop drop))";
    assert_eq!(refused(default().with_module_results(1), wat), ("module.results", 2));
    for wat in [
        "(module (memory 1) (data (offset i32.const 1 i32.const 2 i32.add) \"\"))",
        "(module (table 1 funcref) (elem (offset i32.const 1 i32.const 2 i32.add) func))",
        "(module (global i32 i32.const 1 i32.const 2 i32.add))",
    ] {
        assert_eq!(refused(default().with_module_constant_operators(2), wat), ("module.constant_operators", 3));
    }
    let wat = "(module (func $f) (table 2 funcref) (elem (i32.const 0) $f) (elem funcref (ref.func $f)))";
    assert_eq!(refused(default().with_module_element_items(1), wat), ("module.element_items", 2));
    for kind in ["loop", "block", "if"] {
        let condition = if kind == "if" { "i32.const 0 " } else { "" };
        let wat = format!("(module (func {condition}{kind} {condition}{kind} end end))");
        assert_eq!(refused(default().with_module_nesting(1), &wat), ("module.nesting", 2));
    }
    // Nesting is what is open at once.
    let wat = "(module (func block end loop end block end))";
    assert!(load(default().with_module_nesting(1), &wat::parse_str(wat).unwrap()).is_ok());
}

/// A run's limits are in `fixtures/limits`: each key at a run that ends well, and at one that meets it.
#[test]
fn every_limit_of_a_run_has_its_fixture() {
    let fixtures: Vec<_> =
        fixture::files("limits").into_iter().map(|path| fixture::parse::Fixture::read(path).unwrap()).collect();
    for key in Config::keys().filter(|key| key.path.starts_with("limits.")) {
        let line = format!("{} = ", key.path);
        let of_key = || fixtures.iter().filter(|f| f.config.lines().any(|config| config.starts_with(&line)));
        let name = key.path.strip_prefix("limits.").unwrap();
        let met = match name {
            "log_bytes" | "log_lines" => "log dropped".into(),
            "memory_bytes" => "stopped {\"memory\":{".into(),
            "table_elements" => "stopped {\"table\":{".into(),
            "call_depth" | "value_stack_bytes" => format!("\"{name}\":"),
            // Answered with a number; the fixtures of WASI have these.
            "file_bytes" | "files" | "open_files" => continue,
            _ => format!("stopped {{\"{}\":{{", name.trim_end_matches("_bytes")),
        };
        let found = |text: &str| of_key().any(|f| f.expected.iter().any(|line| line.contains(text)));
        assert!(found(&met), "no fixture meets {}: `{met}`", key.path);
        let both = of_key().any(|f| {
            f.expected.iter().any(|line| line.contains(&met)) && f.expected.iter().any(|line| line.trim() == "done")
        });
        assert!(both, "no fixture shows {} at the limit and past it", key.path);
    }
    let elsewhere = |path: &&str| !path.starts_with("limits.") && !path.starts_with("module.");
    let others: Vec<_> = Config::keys().map(|key| key.path).filter(elsewhere).collect();
    let faults = ["faults.stop_at_fuel", "faults.fail_host_call", "faults.deny_growth"];
    let wasi = ["wasi.clock_start_ns", "wasi.random_seed"];
    let http = [
        "http.requests",
        "http.request_bytes",
        "http.response_bytes",
        "http.total_bytes",
        "http.timeout_ms",
        "http.redirects",
    ];
    let tested = [&["deadline_ms", "module_cache_bytes"][..], &faults, &wasi, &http].concat();
    assert_eq!(
        others, tested,
        "tested in determinism.rs, in recent.rs, in faults.rs, by the fixtures of WASI, and in http.rs"
    );
}
