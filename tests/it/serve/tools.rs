//! Modules with a manifest: what they say of their input and output holds, and so does the policy.

use std::{fs, path::PathBuf};

use belljar::tool::Manifest;

use super::Served;
#[cfg(target_os = "linux")]
use crate::peak::{Peak, repeated};

const CALC: &str = r#"
    name = "calc"
    description = "Computes."
    input = { type = "object", properties = { expr = { type = "string" } }, required = ["expr"] }
    output = { type = "object", properties = { value = { maximum = 100 } }, required = ["value"] }
    [requires]
    limits.fuel = 1_000_000
"#;

/// The guest `calc` with a manifest.
fn packed(name: &str) -> PathBuf {
    let wasm = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/guests/calc.wasm")).unwrap();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("serve-{name}.wasm"));
    fs::write(&path, Manifest::from_toml(CALC).unwrap().pack(&wasm).unwrap()).unwrap();
    path
}

#[test]
fn documents_are_held_against_schemas() {
    let served = Served::new(packed("schemas").to_str().unwrap(), &[]);
    let answer = served.post("/", r#" {"expr": "6 * 7"} "#);
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.body, br#"{"value":42}"#);

    for (body, path) in
        [(r#"{"expr": 6}"#, Some("/expr")), ("{}", Some("")), ("[]", Some("")), ("nonsense", Some("")), ("", Some(""))]
    {
        let refused = served.post("/", body);
        assert_eq!(refused.problem(), (400, None), "{body}");
        assert_eq!(refused.part("errors")[0]["path"].as_str(), path, "{body}");
        assert!(refused.part("fuel").is_null());
    }
    assert_eq!(served.get("/").status, 400);
    let wrong = served.post("/", r#"{"expr": "60 * 7"}"#);
    assert_eq!((wrong.problem(), &wrong.part("errors")[0]["path"]), ((502, None), &"/value".into()));
    assert!(wrong.part("fuel").as_u64().unwrap() > 0);
    // It has its say by a status of its own, too.
    assert_eq!(served.post("/", r#"{"expr": "6 *"}"#).problem(), (500, Some("status".into())));

    let metrics = served.metrics();
    assert_eq!(metrics["belljar_runs_total{end=\"done\"}"], 2.0);
    assert!(metrics.keys().any(|name| name.contains("tool=\"calc\"")));
}

/// What it says of its input and output can be left aside.
#[test]
fn a_manifest_decides_nothing_that_is_typed() {
    let served = Served::new(packed("typed").to_str().unwrap(), &["--exchange", "http"]);
    assert_eq!(served.post("/", r#"{"expr": "6 * 7"}"#).problem(), (500, Some("status".into())));
    let served = Served::new(packed("type").to_str().unwrap(), &["--content-type", "a/b"]);
    assert_eq!(served.post("/", r#"{"expr": "6 * 7"}"#).header("content-type"), "a/b");
}

#[test]
fn a_tool_that_requires_more_is_not_served() {
    let module = packed("requires");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_belljar"))
        .args(["serve", "--no-config", "--listen", "127.0.0.1:0", "--fuel-limit", "999_999"])
        .arg(module)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("limits.fuel = 1_000_000"), "{said}");
}

/// A body, whether it is held against a schema or put into a document, takes at most 8 times its size.
#[test]
#[cfg(target_os = "linux")]
fn a_body_takes_at_most_eight_times_its_size() {
    const SIZE: usize = 4 << 20;
    let path = packed("memory");
    let checked = Served::new(path.to_str().unwrap(), &["--max-body", "4MiB"]);
    let enclosed = super::acts(&["--exchange", "json", "--max-body", "4MiB"]);
    for part in ["{\"\":0},", "0,", "\"\",", "1e15,", "[],"] {
        let body = repeated("{\"expr\":[", part, "0]}", SIZE);
        let peak = Peak::of(checked.pid());
        assert_eq!(checked.post("/", &body).problem(), (400, None));
        let more = peak.more();
        assert!(more <= 8 * SIZE as u64 + (8 << 20), "{part}: {more}");
    }
    for part in ["\u{1}", "\u{e9}", "\""] {
        let peak = Peak::of(enclosed.pid());
        enclosed.post("/", repeated("", part, "", SIZE));
        let more = peak.more();
        // The guest has memory too.
        assert!(more <= 8 * SIZE as u64 + (24 << 20), "{part:?}: {more}");
    }
}
