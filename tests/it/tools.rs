//! Manifests, policies and schemas. Each case is a file of `fixtures/tools`: a head comment that says what it
//! shows, some of the keys of [`Case`], and what comes of them, which `BLESS=1` rewrites.

use std::fs;

use belljar::{
    Config, Error,
    error::{ConfigProblem, ValueProblem},
    tool::{Manifest, ManifestError, Plan, Policy, Schema, Tool, ToolError, run_json},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fixture;

mod work;

/// What a case has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Case {
    /// The manifest of a module.
    manifest: Option<String>,
    /// What is granted to it.
    policy: Option<String>,
    /// A module, in its text form; without one it is the empty module.
    module: Option<String>,
    /// The name of its file.
    file: Option<String>,
    /// Arguments that it is called with, each a text of JSON.
    calls: Vec<String>,
    /// A schema, as a text of JSON.
    schema: Option<String>,
    /// Values that are checked against it, each a text of JSON.
    values: Vec<String>,
    /// What comes of all that.
    expect: String,
}

#[test]
fn fixtures() {
    let mut wrong = Vec::new();
    for path in fixture::files("tools") {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(text.starts_with("# "), "{name} has no head comment");
        // What a build cannot grant, no policy of it can have.
        if name.starts_with("http-") && !cfg!(feature = "http") {
            continue;
        }
        let case: Case = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found = lines(&case).join("\n");
        if case.expect.trim_end() == found {
            continue;
        }
        if std::env::var_os("BLESS").is_some() {
            let (head, _) = text.split_once("\nexpect = '''").expect("`expect` at the end");
            fs::write(&path, format!("{head}\nexpect = '''\n{found}\n'''\n")).unwrap();
        } else {
            wrong.push(format!("--- {name}: expected\n{}\n--- found\n{found}", case.expect));
        }
    }
    assert!(wrong.is_empty(), "BLESS=1 accepts what was found:\n{}", wrong.join("\n"));
}

fn lines(case: &Case) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(schema) = &case.schema {
        return schema_lines(schema, &case.values);
    }
    let mut wasm = wat::parse_str(case.module.as_deref().unwrap_or("(module)")).unwrap();
    if let Some(text) = &case.manifest {
        match Manifest::from_toml(text) {
            Ok(manifest) => wasm = manifest.pack(&wasm).unwrap(),
            Err(error) => return vec![told("manifest", &error, error.hint())],
        }
    }
    let policy = match Policy::from_toml(case.policy.as_deref().unwrap_or_default()) {
        Ok(policy) => policy,
        Err(error) => return vec![told("policy", &error, error.hint())],
    };
    let file = case.file.as_deref().unwrap_or("file.wasm");
    match policy.plan(&wasm, file) {
        Ok(plan) => lines.extend(plan_lines(&plan)),
        Err(error) => return vec![told("plan", &error, error.hint())],
    }
    if case.calls.is_empty() {
        return lines;
    }
    let tool = match Tool::load(&wasm, file, &policy) {
        Ok(tool) => tool,
        Err(error) => return vec![told("tool", &error, error.hint())],
    };
    lines.push(format!("input {}", json!(tool.input_schema())));
    lines.push(format!("output {}", json!(tool.output_schema())));
    let [reads, pure, open] = [tool.is_read_only(), tool.is_pure(), tool.is_open_world()];
    lines.push(format!("read only {reads}, pure {pure}, open world {open}"));
    for call in &case.calls {
        let arguments: Value = serde_json::from_str(call).unwrap();
        let done = tool.encode(&arguments).and_then(|input| {
            let outcome = tool.start(input)?.finish()?;
            tool.decode(&outcome.output)
        });
        lines.push(match done {
            Ok(answer) => format!("{call} -> {} {:?}", json!(answer.structured), answer.text),
            Err(error) => told(call, &error, None),
        });
    }
    lines
}

/// An error, as data.
fn told(what: &str, error: &(impl serde::Serialize + std::fmt::Display), hint: Option<String>) -> String {
    let hint = hint.map_or(String::new(), |hint| format!("\n  hint: {hint}"));
    format!("{what}: {error}\n  {}{hint}", serde_json::to_string(error).unwrap())
}

/// What of a plan is not as it is for every tool.
fn plan_lines(plan: &Plan) -> Vec<String> {
    let mut lines = vec![format!("tool {}, pinned {}", plan.tool, plan.pinned)];
    for line in &plan.lines {
        if line.asked.is_none() && line.granted_by.is_none() && line.ceiling.is_none() {
            continue;
        }
        let shown = |value: &Option<String>| value.clone().unwrap_or("-".into());
        let required = line.required.as_ref().map_or(String::new(), |least| format!(", required {least}"));
        let by = line.granted_by.as_ref().map_or(String::new(), |place| {
            format!(" [{}]:{}", place.section, place.line.map_or("-".into(), |line| line.to_string()))
        });
        let [asked, granted, ceiling, given] = [&line.asked, &line.granted, &line.ceiling, &line.effective].map(shown);
        lines.push(format!(
            "{}: asked {asked}{required}, granted {granted}{by}, ceiling {ceiling}, given {given}: {}",
            line.key, line.why
        ));
    }
    lines.extend(plan.missing.iter().map(|missing| format!("missing `{}`: {missing}", missing.key)));
    let set = plan.config.enforcement().into_iter().filter(|setting| setting.value != setting.default);
    lines.extend(set.map(|setting| format!("{} = {}", setting.key, setting.value.unwrap_or("off".into()))));
    lines
}

fn schema_lines(schema: &str, values: &[String]) -> Vec<String> {
    let schema = match Schema::new(&serde_json::from_str(schema).unwrap()) {
        Ok(schema) => schema,
        Err(error) => return vec![told("schema", &error, None)],
    };
    let each = values.iter().map(|text| {
        let value: Value = serde_json::from_str(text).unwrap();
        match schema.check(&value) {
            Ok(()) => format!("{text}: fits"),
            Err(all) => {
                let all: Vec<_> = all.iter().map(ToString::to_string).collect();
                format!("{text}: {}", all.join("; "))
            }
        }
    });
    each.collect()
}

const UPPER: &[u8] = include_bytes!("../../fixtures/guests/upper-rust.wasm");
const CALC: &[u8] = include_bytes!("../../fixtures/guests/calc.wasm");

fn manifest(name: &str, rest: &str) -> Manifest {
    Manifest::from_toml(&format!("name = \"{name}\"\ndescription = \"A tool.\"\n{rest}")).unwrap()
}

#[test]
fn packing_twice_replaces() {
    let (one, other) = (manifest("one", ""), manifest("other", "version = \"2\""));
    let packed = one.pack(UPPER).unwrap();
    let again = other.pack(&packed).unwrap();
    assert_eq!(Manifest::of(&packed).unwrap(), Some(one));
    assert_eq!(Manifest::of(&again).unwrap(), Some(other.clone()));
    // Nothing of the first is left.
    assert_eq!(again, other.pack(UPPER).unwrap());
    assert_eq!(Manifest::of(UPPER).unwrap(), None);
}

#[test]
fn a_packed_module_runs_as_before() {
    let config = Config::default();
    let packed = manifest("upper", "").pack(UPPER).unwrap();
    let [a, b] = [UPPER, &packed].map(|wasm| belljar::execute(wasm, b"hello", &config).unwrap());
    assert_eq!((a.output, a.usage), (b.output, b.usage));
}

#[test]
fn a_requested_path_is_absolute() {
    for guest in ["in", "/in/", "/a/../b"] {
        let text = format!("name = \"a\"\ndescription = \"A.\"\n[[requires.wasi.dirs]]\nguest = \"{guest}\"");
        let Err(ManifestError::Text(error)) = Manifest::from_toml(&text) else { panic!("{guest} was accepted") };
        assert_eq!(error.problem, ConfigProblem::Unfit { why: ValueProblem::RequestedPath });
    }
}

#[test]
fn what_is_no_module_has_no_manifest() {
    let at = |bytes: &[u8]| match Manifest::of(bytes) {
        Err(ManifestError::NotModule { at }) => at,
        other => panic!("{other:?}"),
    };
    assert_eq!(at(b""), 0);
    assert_eq!(at(b"\0asm\x0d\0\x01\0"), 0);
    assert_eq!(at(b"\0asm\x01\0\0\0\x00"), 8);
    // A section that goes past the end, and one whose name does.
    assert_eq!(at(b"\0asm\x01\0\0\0\x01\xff\xff\xff\xff\x0f"), 8);
    assert_eq!(at(b"\0asm\x01\0\0\0\x00\x02\x7fx"), 8);
    let twice = [UPPER, b"\x00\x11\x10belljar.manifest", b"\x00\x11\x10belljar.manifest"].concat();
    let second = UPPER.len() as u64 + 19;
    assert_eq!(Manifest::of(&twice), Err(ManifestError::Twice { at: second }));
    assert_eq!(Manifest::of(&manifest("a", "").pack(&twice).unwrap()).unwrap().unwrap().name, "a");
    let not_text = [UPPER, b"\x00\x13\x10belljar.manifesta\xff"].concat();
    assert_eq!(Manifest::of(&not_text), Err(ManifestError::NotText { at: 1 }));
    let long = [UPPER, b"\x00\x92\x80\x04\x10belljar.manifest", &[b'#'; 65_537]].concat();
    assert!(matches!(Manifest::of(&long), Err(ManifestError::Text(_))));
}

#[test]
fn calls_are_typed() {
    #[derive(serde::Serialize)]
    struct In {
        expr: &'static str,
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct Out {
        value: i64,
    }
    let (out, outcome) = run_json::<In, Out>(CALC, &In { expr: "6*7" }, &Config::default()).unwrap();
    assert_eq!(out, Out { value: 42 });
    assert_eq!(outcome.output, b"{\"value\":42}");
    // Both sides are checked where the module says what they are.
    let schemas = "input = { properties = { expr = { maxLength = 3 } } }\n\
                   output = { properties = { value = { maximum = 40 } } }";
    let calc = manifest("calc", schemas).pack(CALC).unwrap();
    let run = |expr| run_json::<In, Out>(&calc, &In { expr }, &Config::default());
    assert_eq!(run("5*7").unwrap().0, Out { value: 35 });
    assert!(matches!(run("5 * 7"), Err(ToolError::Input(all)) if all.len() == 1 && all[0].path == "/expr"));
    assert!(matches!(run("6*7"), Err(ToolError::Output(all)) if all.len() == 1 && all[0].path == "/value"));
    // What the caller expects is another thing.
    let text = run_json::<In, String>(CALC, &In { expr: "1" }, &Config::default());
    assert!(matches!(text, Err(ToolError::Unreadable { .. })));
    let upper = run_json::<str, String>(UPPER, "x", &Config::default());
    assert_eq!(upper.unwrap().0, "X");
    // JSON has no such keys.
    let keys = std::collections::HashMap::from([((1, 2), 3)]);
    assert!(matches!(run_json::<_, Value>(UPPER, &keys, &Config::default()), Err(ToolError::Unwritable { .. })));
    let stopped = run_json::<In, Out>(CALC, &In { expr: "1" }, &Config::default().with_fuel(10));
    assert!(matches!(stopped, Err(ToolError::Run(error)) if matches!(*error, Error::Stopped(_))));
}

#[test]
fn a_tool_that_requires_more_is_not_loaded() {
    let wasm = manifest("greedy", "requires.limits.fuel = 20_000_000").pack(UPPER).unwrap();
    let refused = Tool::load(&wasm, "x.wasm", &Policy::default()).unwrap_err();
    let ToolError::Refused { tool, missing } = refused else { panic!("{refused:?}") };
    assert_eq!((tool.as_str(), missing.len()), ("greedy", 1));
    assert_eq!((missing[0].section.as_str(), missing[0].line.as_str()), ("tools.greedy", "limits.fuel = 20_000_000"));
    // The line that is named is the line that helps.
    let policy = Policy::from_toml(&format!("[{}]\n{}\n", missing[0].section, missing[0].line)).unwrap();
    let tool = Tool::load(&wasm, "x.wasm", &policy).unwrap();
    assert_eq!(tool.sandbox().config().limits.fuel, 20_000_000);
    assert_eq!(tool.start("hello").unwrap().finish().unwrap().output, b"HELLO");
}

#[test]
fn a_pinned_name_is_for_one_module() {
    let (wasm, other) = (manifest("upper", "").pack(UPPER).unwrap(), manifest("upper", "").pack(CALC).unwrap());
    let hash = belljar::record::Digest::of(&wasm).sha256;
    let policy = Policy::from_toml(&format!("[tools.upper]\nsha256 = \"{hash}\"\n")).unwrap();
    assert!(policy.plan(&wasm, "").unwrap().pinned);
    let found = belljar::record::Digest::of(&other).sha256;
    let error = ToolError::Pinned { tool: "upper".into(), expected: hash, found, line: 2 };
    assert_eq!(policy.plan(&other, "").unwrap_err(), error);
}

#[test]
fn host_functions_are_granted_to_tools() {
    let guest = r#"(module (import "db" "count" (func $count (result i32)))
        (func (export "execute") (param i32 i32) (result i32) (call $count)))"#;
    let wasm = manifest("t", "requires.grants = [\"db\"]").pack(&wat::parse_str(guest).unwrap()).unwrap();
    let count = belljar::HostFunction::new("db", "count", || 0).requires("db");
    let builder = || belljar::Sandbox::builder().function(count.clone());
    let policy = Policy::new(Config::default());
    let refused = Tool::load_with(builder(), &wasm, "", &policy);
    assert!(matches!(refused, Err(ToolError::Refused { missing, .. }) if missing[0].line == "grants = [\"db\"]"));
    let policy = Policy::new(Config::default().with_grant("db"));
    let tool = Tool::load_with(builder(), &wasm, "", &policy).unwrap();
    assert_eq!(tool.start("").unwrap().finish().unwrap().status, 0);
    assert!(!tool.is_pure() && !tool.is_read_only() && tool.is_open_world());
}
