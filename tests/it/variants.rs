//! Every kind of error is reached by a test: the variants are read from the source, so that a new
//! one without a test fails here.

use std::{collections::BTreeSet, fs, path::Path};

use crate::fixture;

/// Variants that need a host of their own, and the test that reaches each.
const IN_RUST: &[(&str, &str, &str)] = &[
    ("StopReason", "Deadline", "determinism.rs: a_deadline_tells_the_fuel_at_which_it_struck"),
    ("StopReason", "Cancelled", "determinism.rs: a_cancel_tells_the_fuel_at_which_it_struck"),
    ("StopReason", "HostFunction", "host_functions.rs: a_failure_names_the_function"),
    ("StopReason", "Denied", "grants.rs: what_is_not_granted_is_denied"),
    ("ConfigProblem", "UnknownGrant", "grants.rs: a_grant_that_nothing_needs_is_refused"),
    ("StopReason", "Denied", "transcripts.rs: requests_are_replayed_without_a_client"),
    ("StopReason", "Replay", "transcripts.rs: another_request_is_reported_with_the_recorded_one"),
    ("StopReason", "Transcript", "transcripts.rs: a_transcript_has_a_limit"),
    ("StopReason", "HostPanic", "host_functions.rs: a_panic_is_contained_and_named"),
    ("AbiFault", "NoMemory", "host_functions.rs: without_an_exported_memory_there_is_none"),
    ("ModuleError", "HostMemory", "../bounds/denied.rs: a_module"),
    ("StopReason", "HostMemory", "../bounds/denied.rs: a_long_message"),
    ("ModuleError", "Pinned", "cache.rs: a_pin_is_of_bytes_and_rules"),
    ("ModuleError", "Engine", "observe.rs: a_panic_while_loading_is_an_error"),
    ("ConfigProblem", "Unfit", "wasi.rs: words_and_files_that_cannot_be_are_refused"),
    ("CallError", "Signature", "calls.rs: another_signature_is_told"),
    ("CallError", "OtherSandbox", "calls.rs: a_module_of_another_sandbox_is_refused"),
    ("CallError", "Poisoned", "instance.rs: a_stopped_instance_is_refused_until_reset"),
    ("CallError", "Ended", "calls.rs: an_execution_ends_once"),
    ("StopReason", "Worker", "isolate/invalid.rs: a_worker_that_dies"),
    ("ModuleError", "Worker", "isolate/invalid.rs: a_worker_that_dies"),
    ("IsolationError", "Nested", "isolate/invalid.rs: a_worker_that_starts_a_worker"),
    ("IsolationError", "Start", "isolate/invalid.rs: a_program_that_is_not_there"),
    ("IsolationError", "NotAWorker", "isolate/invalid.rs: a_program_that_is_no_worker"),
    ("IsolationError", "Died", "isolate/invalid.rs: a_worker_that_is_killed_before_it_begins"),
    ("IsolationError", "Layer", "isolate/invalid.rs: a_layer_that_cannot_be_activated"),
    ("WorkerEnd", "Signal", "isolate/invalid.rs: a_worker_that_dies"),
    ("WorkerEnd", "Exit", "isolate/invalid.rs: a_worker_that_dies"),
    ("WorkerEnd", "Garbage", "isolate/invalid.rs: a_worker_that_sends_invalid_messages"),
    ("ConfigProblem", "TooLong", "config.rs: text_that_is_too_long_is_not_read"),
    ("ConfigProblem", "HostFunction", "host_functions.rs: names_are_reserved_and_unique"),
    ("ConfigProblem", "Directory", "dirs/grant.rs: a_directory_has_to_be_there"),
    ("DirectoryProblem", "Missing", "dirs/grant.rs: a_directory_has_to_be_there"),
    ("DirectoryProblem", "NotDirectory", "dirs/grant.rs: a_directory_has_to_be_there"),
    ("DirectoryProblem", "Unusable", "dirs/grant.rs: a_directory_has_to_be_there"),
    ("DirectoryProblem", "Denied", "dirs/grant.rs: a_directory_has_to_be_open_to_us"),
    ("DirectoryProblem", "System", "dirs/special.rs: files_of_the_system_are_not_reached"),
    ("HostFunctionProblem", "Reserved", "host_functions.rs: names_are_reserved_and_unique"),
    ("HostFunctionProblem", "Duplicate", "host_functions.rs: names_are_reserved_and_unique"),
    ("HostFunctionProblem", "UnsupportedType", "dynamic_functions.rs: other_types_are_refused"),
    ("HostFunctionProblem", "TooManyValues", "dynamic_functions.rs: other_types_are_refused"),
];

/// Variants that no test can reach, and why.
const UNREACHABLE: &[(&str, &str, &str)] = &[
    ("StopReason", "Engine", "no guest should reach it"),
    ("ConfigProblem", "Dispatch", "only builds that are refused reach it: `tests/builds/run.sh`"),
    ("WorkerEnd", "Silent", "it takes a minute"),
    ("ConfigProblem", "Unenforceable", "a build with `std`, `wasi` and `fs` can enforce every key"),
];

#[test]
fn every_variant_is_reached() {
    let reached = reached();
    let mut missing = Vec::new();
    let enumerations = [
        "StopReason",
        "Trap",
        "AbiFault",
        "ModuleError",
        "CallError",
        "ConfigProblem",
        "DirectoryProblem",
        "HostFunctionProblem",
        "IsolationError",
        "WorkerEnd",
    ];
    for enumeration in enumerations {
        let variants = variants(enumeration);
        assert!(variants.len() > 1, "{enumeration} was not found in the source");
        for variant in &variants {
            let here = |list: &[(&str, &str, &str)]| list.iter().any(|(e, v, _)| e == &enumeration && v == variant);
            let in_fixture = reached.contains(&(enumeration.to_string(), snake(variant)));
            match (in_fixture, here(IN_RUST) || here(UNREACHABLE)) {
                (false, false) => missing.push(format!("{enumeration}::{variant} is reached by no fixture")),
                (true, true) => missing.push(format!("{enumeration}::{variant} is listed, but a fixture reaches it")),
                _ => {}
            }
        }
        for (e, v, _) in IN_RUST.iter().chain(UNREACHABLE) {
            if *e == enumeration && !variants.iter().any(|variant| variant == v) {
                missing.push(format!("{e}::{v} is listed, but is no variant"));
            }
        }
    }
    for (e, v, place) in IN_RUST {
        let (file, test) = place.split_once(": ").unwrap();
        let text = fs::read_to_string(source("tests/it").join(file)).unwrap_or_default();
        let test = text.find(&format!("fn {test}()")).map(|at| &text[at..]);
        // The test must at least name what it is there for.
        if !test.is_some_and(|test| test[..test.find("\n}\n").unwrap_or(test.len())].contains(v)) {
            missing.push(format!("{e}::{v} is not reached by {place}"));
        }
    }
    assert!(missing.is_empty(), "\n  {}", missing.join("\n  "));
}

fn source(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The variants of a public enum of `src/error`, as they are written.
fn variants(enumeration: &str) -> Vec<String> {
    let mut files = vec![source("src/error.rs")];
    files.extend(fs::read_dir(source("src/error")).unwrap().map(|entry| entry.unwrap().path()));
    let head = format!("pub enum {enumeration} {{");
    let text = files.iter().map(|file| fs::read_to_string(file).unwrap()).find(|text| text.contains(&head));
    let text = text.unwrap_or_default();
    let body = text.split(&head).nth(1).unwrap_or_default();
    // Variants stand one step in from the enum, and begin with a capital.
    body.lines()
        .take_while(|line| *line != "}")
        .filter_map(|line| line.strip_prefix("    ").filter(|rest| rest.starts_with(char::is_uppercase)))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric()).collect())
        .collect()
}

/// The name that serialisation gives a variant.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// What the blessed lines of all fixtures show, as pairs of an enum and a variant's name.
fn reached() -> BTreeSet<(String, String)> {
    let mut reached = BTreeSet::new();
    for path in fixture::FOLDERS.iter().flat_map(|folder| fixture::files(folder)) {
        let fixture = fixture::parse::Fixture::read(path).unwrap();
        for line in fixture.expected {
            let line = line.trim_start();
            let mut note = |enumeration: &str, data: &str| {
                let name: String =
                    data.chars().skip_while(|c| !c.is_alphanumeric()).take_while(|c| *c != '"').collect();
                reached.insert((enumeration.to_string(), name));
            };
            if let Some(data) = line.strip_prefix("stopped ") {
                note("StopReason", data);
                if let Some(trap) = data.strip_prefix("{\"trap\":") {
                    note("Trap", trap);
                }
                if let Some(fault) = data.strip_prefix("{\"abi\":") {
                    note("AbiFault", fault);
                }
            } else if let Some(data) = line.strip_prefix("refused ") {
                note("ModuleError", data);
            } else if let Some(data) = line.strip_prefix("call ") {
                note("CallError", data);
            } else if let Some(data) = line.strip_prefix("configuration ") {
                note("ConfigProblem", data.split_once("\"problem\":").unwrap().1);
            }
        }
    }
    reached
}
