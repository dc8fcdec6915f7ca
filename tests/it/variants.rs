//! Every kind of error is reached by a test: the variants are read from the source, so that a new
//! one without a test fails here.

use std::{collections::BTreeSet, fs, path::Path};

use belljar::Config;

use crate::fixture;

/// Variants that need a host of their own, and the test that reaches each.
const IN_RUST: &[(&str, &str, &str)] = &[
    ("HostStop", "Deadline", "determinism.rs: a_deadline_tells_the_fuel_at_which_it_struck"),
    ("HostStop", "Cancelled", "determinism.rs: a_cancel_tells_the_fuel_at_which_it_struck"),
    ("HostStop", "HostFunction", "host_functions.rs: a_failure_names_the_function"),
    ("GuestFault", "Denied", "grants.rs: what_is_not_granted_is_denied"),
    ("ConfigProblem", "UnknownGrant", "grants.rs: a_grant_that_nothing_needs_is_refused"),
    ("ConfigProblem", "Ungranted", "run_options.rs: grants_only_narrow"),
    ("GuestFault", "Denied", "transcripts.rs: requests_are_replayed_without_a_client"),
    ("HostStop", "Replay", "transcripts.rs: another_request_is_reported_with_the_recorded_one"),
    ("LimitExceeded", "Transcript", "transcripts.rs: a_transcript_has_a_limit"),
    ("HostStop", "HostPanic", "host_functions.rs: a_panic_is_contained_and_named"),
    ("AbiFault", "NoMemory", "host_functions.rs: without_an_exported_memory_there_is_none"),
    ("ModuleError", "HostMemory", "../bounds/denied.rs: a_module"),
    ("HostStop", "HostMemory", "../bounds/denied.rs: a_long_message"),
    ("ModuleError", "Pinned", "cache.rs: a_pin_is_of_bytes_and_rules"),
    ("ModuleError", "Engine", "observe.rs: a_panic_while_loading_is_an_error"),
    ("ConfigProblem", "Unfit", "wasi.rs: words_and_files_that_cannot_be_are_refused"),
    ("CallError", "Signature", "calls.rs: another_signature_is_told"),
    ("CallError", "OtherSandbox", "calls.rs: a_module_of_another_sandbox_is_refused"),
    ("CallError", "OtherLimits", "run_options.rs: a_module_runs_where_it_would_load_in_the_same_way"),
    ("CallError", "NotRepeated", "explain/stops.rs: host_functions_are_not_called_again"),
    ("CallError", "Poisoned", "instance.rs: a_stopped_instance_is_refused_until_reset"),
    ("CallError", "Ended", "calls.rs: an_execution_ends_once"),
    ("HostStop", "Worker", "isolate/invalid.rs: a_worker_that_dies"),
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
    ("Feature", "FunctionReferences", "errors.rs: features_that_are_not_supported_are_named"),
    ("Feature", "MemoryControl", "errors.rs: features_that_are_not_supported_are_named"),
    ("Feature", "SharedEverythingThreads", "errors.rs: features_that_are_not_supported_are_named"),
    ("Feature", "StackSwitching", "errors.rs: features_that_are_not_supported_are_named"),
    ("FileFormat", "WindowsExecutable", "errors.rs: files_of_other_formats_are_named"),
    ("FileFormat", "MachO", "errors.rs: files_of_other_formats_are_named"),
    ("FileFormat", "LlvmBitcode", "errors.rs: files_of_other_formats_are_named"),
    ("FileFormat", "StaticLibrary", "errors.rs: files_of_other_formats_are_named"),
    ("FileFormat", "Zip", "errors.rs: files_of_other_formats_are_named"),
    ("FileFormat", "Zstd", "errors.rs: files_of_other_formats_are_named"),
    ("FileFormat", "Json", "errors.rs: files_of_other_formats_are_named"),
    ("Unit", "Port", "config.rs: rules_for_requests_are_read"),
    ("ValueKind", "Array", "config.rs: a_value_of_another_type_is_told"),
    ("ValueKind", "Boolean", "config.rs: a_value_of_another_type_is_told"),
    ("ValueKind", "Float", "config.rs: a_value_of_another_type_is_told"),
    ("ValueKind", "Datetime", "config.rs: a_value_of_another_type_is_told"),
    ("ValueKind", "FileBytes", "config.rs: a_value_of_another_type_is_told"),
    ("ValueKind", "Tables", "config.rs: a_value_of_another_type_is_told"),
    ("ValueProblem", "DirectoryWithBytes", "wasi.rs: words_and_files_that_cannot_be_are_refused"),
    ("ValueProblem", "FileAndDirectory", "wasi.rs: words_and_files_that_cannot_be_are_refused"),
    ("ValueProblem", "FilePath", "wasi.rs: words_and_files_that_cannot_be_are_refused"),
    ("ValueProblem", "FilesTooLarge", "wasi.rs: words_and_files_that_cannot_be_are_refused"),
    ("ValueProblem", "GuestPath", "dirs/grant.rs: paths_of_the_guest_are_absolute_and_apart"),
    ("ValueProblem", "GuestPathOfFiles", "dirs/grant.rs: paths_of_the_guest_are_absolute_and_apart"),
    ("ValueProblem", "GuestPathTwice", "dirs/grant.rs: paths_of_the_guest_are_absolute_and_apart"),
    ("ValueProblem", "HostPath", "dirs/grant.rs: paths_of_the_guest_are_absolute_and_apart"),
    ("ValueProblem", "Isolated", "dirs/grant.rs: an_isolated_run_has_no_directories"),
    ("ValueProblem", "NoMethod", "config.rs: rules_for_requests_are_read"),
    ("ValueProblem", "Port", "config.rs: rules_for_requests_are_read"),
    ("ValueProblem", "RequestedPath", "tools.rs: a_requested_path_is_absolute"),
    ("ValueProblem", "Rule", "config.rs: rules_for_requests_are_read"),
    ("ValueProblem", "StringsTooLong", "wasi.rs: words_and_files_that_cannot_be_are_refused"),
    ("ValueProblem", "TooManyDirectories", "dirs/grant.rs: paths_of_the_guest_are_absolute_and_apart"),
    ("ValueProblem", "TooManyFiles", "wasi.rs: words_and_files_that_cannot_be_are_refused"),
    ("ValueProblem", "TooManyRules", "config.rs: rules_for_requests_are_read"),
    ("ValueProblem", "UrlPath", "config.rs: rules_for_requests_are_read"),
    ("ValueProblem", "VariableName", "wasi.rs: words_and_files_that_cannot_be_are_refused"),
    ("ValueProblem", "Zero", "wasi.rs: words_and_files_that_cannot_be_are_refused"),
    ("HostMemoryUse", "GuestMemory", "../bounds/denied.rs: memory_to_begin_with"),
    ("HostMemoryUse", "GuestMemoryCopy", "../bounds/denied.rs: what_a_host_function_reads"),
    ("HostMemoryUse", "GuestTables", "../bounds/denied.rs: tables_to_begin_with"),
    ("HostMemoryUse", "Log", "../bounds/denied.rs: a_long_message"),
    ("HostMemoryUse", "Output", "../bounds/denied.rs: output"),
    ("HostMemoryUse", "StackOrTables", "../bounds/denied.rs: the_value_stack"),
];

/// Variants that no test can reach, and why.
const UNREACHABLE: &[(&str, &str, &str)] = &[
    ("HostStop", "Engine", "no guest should reach it"),
    ("ConfigProblem", "Dispatch", "only builds that are refused reach it: `tests/builds/run.sh`"),
    ("WorkerEnd", "Silent", "it takes a minute"),
    ("Feature", "Simd", "only big-endian machines lack it"),
    ("Feature", "UnknownOperator", "an opcode that the parser does not know is malformed"),
    ("HostMemoryUse", "Files", "no test denies memory to the functions of WASI"),
    ("HostMemoryUse", "HttpResponse", "no test denies memory to the client"),
    ("HostMemoryUse", "OpenFiles", "no test denies memory to the functions of WASI"),
    ("Unit", "Words", "words are read by their names, so that none is out of range"),
    ("ValueProblem", "NotUnix", "the systems of these tests are Unix"),
    ("ConfigProblem", "Unenforceable", "a build with `std`, `wasi` and `fs` can enforce every key"),
];

/// Enums with fixed texts, and the key under which errors have these in JSON.
const LABELS: [(&str, &str); 7] = [
    ("Feature", "feature"),
    ("FileFormat", "like"),
    ("HostMemoryUse", "what"),
    ("RefusedCapability", "refused"),
    ("Unit", "unit"),
    ("ValueKind", "expected"),
    ("ValueProblem", "why"),
];

#[test]
fn every_variant_is_reached() {
    let mut reached = reached();
    for (enumeration, key) in LABELS {
        let labels = variants(enumeration).into_iter().zip(texts(enumeration));
        let labels = labels.filter(|(_, text)| is_in_fixture(key, text));
        reached.extend(labels.map(|(variant, _)| (enumeration.into(), snake(&variant))));
    }
    // Each key is set beyond its range, by config.rs.
    reached.extend(Config::keys().map(|key| ("Unit".into(), snake(&format!("{:?}", key.unit)))));
    let mut missing = Vec::new();
    let enumerations = LABELS.into_iter().map(|(enumeration, _)| enumeration).chain([
        "LimitExceeded",
        "GuestFault",
        "HostStop",
        "Trap",
        "AbiFault",
        "ModuleError",
        "CallError",
        "ConfigProblem",
        "DirectoryProblem",
        "HostFunctionProblem",
        "IsolationError",
        "WorkerEnd",
    ]);
    for enumeration in enumerations {
        let variants = variants(enumeration);
        assert!(variants.len() > 1, "{enumeration} was not found in the source");
        for variant in &variants {
            let here = |list: &[(&str, &str, &str)]| list.iter().any(|(e, v, _)| *e == enumeration && v == variant);
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

/// The groups of stop reasons, which JSON does not show.
const GROUPS: [&str; 3] = ["LimitExceeded", "GuestFault", "HostStop"];

/// The body of a public enum of `src/error`, as it is written, and how far it is indented.
fn body(enumeration: &str) -> (String, &'static str) {
    let mut files = vec![source("src/error.rs")];
    for folder in ["src/error", "src/error/stop"] {
        let entries = fs::read_dir(source(folder)).unwrap().map(|entry| entry.unwrap().path());
        files.extend(entries.filter(|path| path.is_file()));
    }
    let head = format!("pub enum {enumeration} {{\n");
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    let found =
        texts.filter_map(|text| text.split_once(&head).map(|(before, rest)| (before.ends_with(' '), rest.into())));
    // Enums with fixed texts stand one step in, within the macro that makes them.
    let (is_label, rest): (bool, String) = found.into_iter().next().unwrap_or_default();
    let indent = if is_label { "    " } else { "" };
    (rest.split(&format!("\n{indent}}}\n")).next().unwrap_or_default().into(), indent)
}

/// The variants of a public enum of `src/error`, as they are written.
fn variants(enumeration: &str) -> Vec<String> {
    let (body, indent) = body(enumeration);
    let lines = body.lines().filter_map(|line| line.strip_prefix(indent)?.strip_prefix("    "));
    // Variants stand one step in from the enum, and begin with a capital.
    lines
        .filter(|rest| rest.starts_with(char::is_uppercase))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric()).collect())
        .collect()
}

/// The texts of the variants of an enum with fixed texts.
fn texts(enumeration: &str) -> Vec<String> {
    let (body, _) = body(enumeration);
    let lines = body.lines().filter(|line| line.contains(" = \""));
    lines.map(|line| line.split_once('"').unwrap().1.rsplit_once('"').unwrap().0.into()).collect()
}

/// Returns whether a fixture has this text under a key in JSON.
fn is_in_fixture(key: &str, text: &str) -> bool {
    let pair = format!("\"{key}\":\"{text}\"");
    let folders = fixture::FOLDERS.into_iter().chain(["tools"]);
    folders.flat_map(fixture::files).any(|path| fs::read_to_string(path).unwrap().contains(&pair))
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
                GROUPS.into_iter().for_each(|group| note(group, data));
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
