//! The result of each function of WASI where nothing is granted, as the documentation lists it.

use belljar::{Config, Error, GuestFault, Sandbox, StopReason, ValueType, abi::wasi, config::Preset};

const BADF: i32 = 8;
const NOTCAPABLE: i32 = 76;

/// Calls a function with these arguments; `None` if it does not return.
fn errno(config: Config, name: &str, arguments: &[i64]) -> Option<i32> {
    let function = wasi::FUNCTIONS.iter().find(|function| function.name == name).unwrap();
    let types = function.ty().params;
    let constants = types.iter().zip(arguments).map(|(ty, value)| match ty {
        ValueType::I64 => format!("(i64.const {value})"),
        _ => format!("(i32.const {value})"),
    });
    let constants: String = constants.collect();
    assert_eq!(types.len(), arguments.len(), "{name}");
    let params: Vec<_> = types.iter().map(ToString::to_string).collect();
    let result = if function.ty().results.is_empty() { "" } else { "(result i32)" };
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "{name}" (func $f (param {}) {result}))
            (memory (export "memory") 1)
            (data (i32.const 1024) "name")
            (func (export "f") {result} (call $f {constants})))"#,
        params.join(" ")
    );
    let sandbox = Sandbox::new(config).unwrap();
    let module = sandbox.load_text(&text).unwrap();
    match sandbox.call_values(&module, "f", &[]) {
        Ok(outcome) => outcome.results.first().map(|value| value.to_string().parse().unwrap()),
        Err(Error::Stopped(stopped)) if matches!(stopped.reason, StopReason::Guest(GuestFault::Status { .. })) => None,
        Err(error) => panic!("{name}: {error}"),
    }
}

/// Arguments for any function: descriptor 3, the path `name`, and pointers to zeros.
fn arguments(function: &wasi::Function) -> Vec<i64> {
    use wasi::Param;
    let mut all = Vec::new();
    for param in function.params {
        match param {
            Param::Path(_) => all.extend([1024, 4]),
            Param::Buffer(_) => all.extend([2048, 16]),
            Param::Buffers(_) => all.extend([4096, 1]),
            Param::I32(name) if name.ends_with("fd") || *name == "to" => all.push(3),
            Param::I32(_) | Param::I64(_) => all.push(0),
            _ => all.push(8192),
        }
    }
    all
}

#[test]
fn every_function_answers_as_documented_where_nothing_is_granted() {
    for function in wasi::FUNCTIONS {
        let found = errno(Config::preset(Preset::Minimal), function.name, &arguments(function));
        let expected = match function.denied() {
            Some("only the program name" | "no variables") => Some(0),
            Some(text) if text.starts_with("no clock: `notcapable`") => Some(NOTCAPABLE),
            Some("no random bytes: `notcapable`") => Some(NOTCAPABLE),
            // Without a subscription it is `inval`; the event is in a fixture.
            Some("no clock: an event with `notcapable`") => Some(28),
            Some(text) if text.contains("no files: `badf`") => Some(BADF),
            Some(text) => panic!("{}: {text}", function.name),
            None => match function.name {
                "proc_exit" => None,
                "proc_raise" => Some(52),
                "sched_yield" => Some(0),
                name if name.starts_with("sock_") => Some(BADF),
                name => panic!("{name}"),
            },
        };
        assert_eq!(found, expected, "{}", function.name);
    }
}

/// In a directory to read, whatever changes something is `rofs`, and nothing is changed.
#[cfg(all(feature = "fs", unix))]
#[test]
fn a_directory_to_read_stays_as_it_is() {
    use belljar::config::HostDir;
    const ROFS: i32 = 69;
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("denied-{}", std::process::id()));
    std::fs::create_dir_all(path.join("na")).unwrap();
    std::fs::write(path.join("name"), "text").unwrap();
    let config = || Config::default().with_dir(HostDir::read(path.to_str().unwrap(), "/d"));
    let mut denied = 0;
    for function in wasi::FUNCTIONS {
        if function.denied().is_some_and(|text| text.contains("read-only: `rofs`")) {
            let mut arguments = arguments(function);
            // `na` is a directory, `name` a file, and `me` is not there.
            match function.name {
                "path_create_directory" => arguments[1..3].copy_from_slice(&[1026, 2]),
                "path_remove_directory" => arguments[1..3].copy_from_slice(&[1024, 2]),
                "path_symlink" => arguments[3..5].copy_from_slice(&[1026, 2]),
                "path_rename" => arguments[4..6].copy_from_slice(&[1026, 2]),
                "path_link" => arguments[5..7].copy_from_slice(&[1026, 2]),
                "path_open" => (arguments[2], arguments[3], arguments[4]) = (1026, 2, 1),
                _ => {}
            }
            assert_eq!(errno(config(), function.name, &arguments), Some(ROFS), "{}", function.name);
            denied += 1;
        }
    }
    assert_eq!(denied, 8);
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 2);
    assert_eq!(std::fs::read_to_string(path.join("name")).unwrap(), "text");
    std::fs::remove_dir_all(&path).unwrap();
}
