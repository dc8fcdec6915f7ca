//! What modules say of themselves: manifests, and schemas with the values that are checked against them.

use alloc::{
    format,
    string::{String, ToString},
};

use super::{Input, Kind, run::attacks};
use crate::{Manifest, ManifestError, Schema};

attacks! {
    "manifest-too-long", "a manifest of 2 MiB", "format" => "manifest: too long", || manifest("\n".repeat(2 << 20));
    "manifest-nested-arrays", "as many opening brackets as a manifest can have", "format" => "manifest: syntax",
        || manifest(format!("input = {}", "[".repeat(65_000)));
    "manifest-nested-tables", "inline tables within inline tables", "format" => "manifest: syntax",
        || manifest(format!("input = {}", "{a=".repeat(20_000)));
    "manifest-nested-json", "a schema as a text of opening brackets", "format" => "manifest: json",
        || manifest(described(&format!("input = '{}'", "[".repeat(60_000))));
    "manifest-keys", "as many keys as a manifest can have", "format" => "manifest: unknown key",
        || manifest((0..8_000).map(|i| format!("k{i}=1\n")).collect());
    "manifest-examples", "as many examples as a manifest can have", "format" => "done",
        || manifest(described(&"[[examples]]\ninput=0\n".repeat(3_000)));
    "schema-doubling", "a schema that goes through each of its parts twice as often as through the last", "format"
        => "does not fit", || schema(&chain(60, |next| format!(r##"{{"allOf":[{{"$ref":"{next}"}},{{"$ref":"{next}"}}]}}"##)), "1".into());
    "schema-doubling-within", "the same with each step into the value", "format" => "does not fit",
        || schema(r##"{"allOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}]}"##, nested(120));
    "schema-alternatives", "a mismatch that is told for each way there is to it", "format" => "does not fit",
        || schema(r##"{"anyOf":[{"type":"integer","maximum":0},{"type":"object","properties":{"a":{"$ref":"#"}}}]}"##, nested(120));
    "schema-chain", "references in a row", "format" => "done",
        || schema(&chain(900, |next| format!(r##"{{"$ref":"{next}"}}"##)), "1".into());
    "schema-chain-within", "references in a row, each into the value", "format" => "done",
        || schema(&chain(900, |next| format!(r##"{{"properties":{{"a":{{"$ref":"{next}"}}}}}}"##)), nested(120));
    "schema-endless", "a reference to itself", "format" => "manifest: schema", || schema(r##"{"$ref":"#"}"##, "1".into());
    "schema-nested", "schemas within schemas", "format" => "manifest: json",
        || schema(&format!("{}true{}", r#"{"not":"#.repeat(5_000), "}".repeat(5_000)), "1".into());
    "schema-patterns", "as many patterns as there may be, with many states at a time, for all the text there may be",
        "format" => "does not fit", || {
            let all: alloc::vec::Vec<_> = (100..200).map(|i| format!(r#"{{"pattern":"[01]*1[01]{{{i}}}$"}}"#)).collect();
            schema(&format!(r#"{{"anyOf":[{}]}}"#, all.join(",")), format!("\"{}\"", "0110".repeat(1_500) + "2"))
        };
    "schema-pattern-long", "a pattern with many states at a time for a text of 4 MiB", "format" => "does not fit",
        || schema(r#"{"pattern":"[01]*1[01]{200}$"}"#, format!("\"{}\"", "0110".repeat(1 << 20)));
    "schema-pattern-large", "repetitions of repetitions", "format" => "manifest: schema",
        || schema(r#"{"pattern":"((a{100}){100}){100}"}"#, "1".into());
    "schema-lengths", "a thousand lengths of a text of 4 MiB", "format" => "does not fit", || {
            let all: alloc::vec::Vec<_> = (0..1_000).map(|i| format!(r#"{{"minLength":{i}}}"#)).collect();
            schema(&format!(r#"{{"allOf":[{}]}}"#, all.join(",")), format!("\"{}\"", "x".repeat(4 << 20)))
        };
    "schema-mismatches", "half a million mismatches", "format" => "does not fit",
        || schema(r#"{"items":{"type":"string"}}"#, format!("[{}1]", "1,".repeat(500_000)));
    "schema-unique", "fifty thousand objects that have to be unique", "format" => "done",
        || schema(r#"{"uniqueItems":true}"#,
            format!("[{}0]", (0..50_000).map(|i| format!(r#"{{"a":[{i}]}},"#)).collect::<String>()));
}

fn manifest(text: String) -> Input {
    Input::new(Kind::Tool(text, "null".into()))
}

fn described(rest: &str) -> String {
    format!("name = \"a\"\ndescription = \"b\"\n{rest}")
}

fn schema(schema: &str, value: String) -> Input {
    Input::new(Kind::Tool(described(&format!("input = '''{schema}'''")), value))
}

/// Definitions of which each is made from a reference to the next.
fn chain(length: usize, each: impl Fn(&str) -> String) -> String {
    let all: String = (0..length).map(|i| format!("\"{i}\":{},", each(&format!("#/$defs/{}", i + 1)))).collect();
    format!(r##"{{"$ref":"#/$defs/0","$defs":{{{all}"{length}":true}}}}"##)
}

fn nested(depth: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))
}

/// Reads the manifest, and checks the value against its schema for inputs.
pub(super) fn end(text: &str, value: &str) -> String {
    let manifest = match Manifest::from_toml(text) {
        Ok(manifest) => manifest,
        Err(error) => {
            let problem = match error {
                ManifestError::Text(error) => super::config_problem(&error.problem),
                ManifestError::Json { .. } => "json",
                ManifestError::Schema { .. } => "schema",
                ManifestError::NotModule { .. } | ManifestError::Twice { .. } | ManifestError::NotText { .. } => {
                    "module"
                }
            };
            return format!("manifest: {problem}");
        }
    };
    let Some(declared) = &manifest.input else { return "done".into() };
    let (Ok(schema), Ok(value)) = (Schema::new(declared), serde_json::from_str(value)) else { return "json".into() };
    match schema.check(&value) {
        Ok(()) => "done".to_string(),
        Err(_) => "does not fit".into(),
    }
}
