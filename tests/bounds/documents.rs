//! A JSON text and what is made of it take at most 8 times the size of the text, whatever the text and the schema.

use belljar::tool::{Manifest, Policy, Tool};
use serde_json::{Value, json};

use super::allocator::peak_of;

/// The size of the texts.
const BYTES: usize = 128 << 10;

/// For each byte of the text; and 32 KiB for what does not depend on its size.
const FACTOR: u64 = 8;
const FIXED: u64 = 32 << 10;

/// One part again and again, in an array or an object.
fn repeated(open: &str, part: &str, last: &str, close: &str) -> String {
    let count = BYTES.saturating_sub(open.len() + last.len() + close.len()) / part.len();
    format!("{open}{}{last}{close}", part.repeat(count))
}

/// Members of names that differ.
fn members(value: &str) -> String {
    let mut text = String::from("{");
    for index in 0.. {
        if text.len() >= BYTES {
            break;
        }
        // Names in no order.
        text.push_str(&format!("\"{:x}\":{value},", (index as u32).wrapping_mul(0x9e37_79b1)));
    }
    format!("{text}\"\":{value}}}")
}

/// The texts that cost most for their size.
fn texts() -> Vec<(&'static str, String)> {
    let array = |part: &str| repeated("[", &format!("{part},"), part, "]");
    let numbers = || (0..).map(|number: u32| format!("{number},"));
    let mut distinct = String::from("[");
    distinct.extend(numbers().take_while({
        let mut size = 0;
        move |part| {
            size += part.len();
            size < BYTES
        }
    }));
    vec![
        ("digits", array("0")),
        ("minus zero", array("-0")),
        ("floats", array("0.1")),
        ("floats that are written longer", array("1e15")),
        ("large integers", array("9999999999")),
        ("empty strings", array("\"\"")),
        ("letters", array("\"a\"")),
        ("escapes", array("\"\\n\"")),
        ("one long string of escapes", repeated("\"", "\\u0001", "", "\"")),
        ("empty arrays", array("[]")),
        ("empty objects", array("{}")),
        ("small objects", array("{\"\":0}")),
        ("null", array("null")),
        ("distinct numbers", format!("{distinct}0.5]")),
        ("one name", repeated("{", "\"\":0,", "\"\":0", "}")),
        ("distinct names", members("0")),
        ("distinct names of objects", members("{}")),
        ("depth", repeated("[", &format!("{}{},", "[".repeat(100), "]".repeat(100)), "0", "]")),
        ("one long name", repeated("{\"", "~", "", "\":[]}")),
        ("one long name of escapes", repeated("{\"", "\\u0001", "", "\":[]}")),
        ("commas in a string", repeated("\"", ",:[{", "", "\"")),
        ("an error at the end", repeated("[", "0,", "x", "]")),
        ("an end that lacks", repeated("[", "0,", "0", "")),
    ]
}

/// Schemas, each with what a validator may want to remember.
fn schemas() -> Vec<Value> {
    vec![
        json!(true),
        json!({"type": "boolean"}),
        json!({"items": {"type": "string"}, "additionalProperties": {"type": "string"}}),
        json!({"items": {"type": ["number", "string", "array", "object", "null"]}}),
        json!({"additionalProperties": false}),
        json!({"uniqueItems": true}),
        json!({"anyOf": [{"items": {"type": "boolean"}}, {"additionalProperties": {"type": "boolean"}}]}),
        json!({"oneOf": [{"items": {"type": "boolean"}}, {"maxItems": 1}], "type": ["array", "object", "string"]}),
        json!({"prefixItems": [true], "unevaluatedItems": {"type": "boolean"}}),
        json!({"patternProperties": {"^a": true}, "unevaluatedProperties": {"type": "number"}}),
        json!({"patternProperties": {"^a": true}, "unevaluatedProperties": false, "unevaluatedItems": false}),
        json!({"propertyNames": {"maxLength": 4}, "items": {"$ref": "#"}, "additionalProperties": {"$ref": "#"}}),
        json!({"enum": [[0, 0], {"a": 1}], "contains": {"const": 1}}),
        json!({"allOf": [{"properties": {"a": true}}, {"items": true}], "unevaluatedProperties": {"minimum": 0}, "unevaluatedItems": true}),
    ]
}

#[test]
fn a_text_takes_at_most_eight_times_its_size() {
    let mut worst = (0, String::new());
    for schema in schemas() {
        let text = json!(schema.to_string());
        let manifest = format!("name = \"t\"\ndescription = \"t\"\ninput = {text}");
        let manifest = Manifest::from_toml(&manifest).unwrap();
        let wasm = manifest.pack(&wat::parse_str("(module)").unwrap()).unwrap();
        let tool = Tool::load(&wasm, "t.wasm", &Policy::default()).unwrap();
        for (name, text) in texts() {
            let size = text.len() as u64;
            let (_, peak) = peak_of(|| tool.write_json(text.clone()));
            let factor = peak.saturating_sub(FIXED) * 100 / size;
            worst = worst.max((factor, format!("{name} with {schema}")));
            assert!(peak <= FACTOR * size + FIXED, "{name} with {schema}: {peak} for {size}");
        }
    }
    println!("at most {}.{:02} times its size: {}", worst.0 / 100, worst.0 % 100, worst.1);
    assert!(worst.0 > 400);
}
