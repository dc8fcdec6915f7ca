//! Comparison of documents with `Value` trees: the same semantics for any text, within the memory counted in advance.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Document, extent::Extent};
use crate::tool::schema::Schema;

/// Generator of JSON texts from a seed.
struct Generator(u64);

impl Generator {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn string(&mut self, text: &mut String) {
        let all = ["", "a", "b", "a/b", "~", "\\n", "\\u0041", "\\\"", "é", "𝄞", "\\\\", "{[,:", "e", "type"];
        write!(text, "\"{}\"", all[self.next(all.len() as u64) as usize]).unwrap();
    }

    fn number(&mut self, text: &mut String) {
        let all = [
            "0",
            "-0",
            "1",
            "1.0",
            "-1",
            "1e0",
            "10",
            "1.5",
            "0.1",
            "1e15",
            "2147483647",
            "2147483648",
            "-2147483649",
            "9007199254740993",
            "9007199254740992.0",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
            "5e-324",
        ];
        text.push_str(all[self.next(all.len() as u64) as usize]);
    }

    fn value(&mut self, depth: u64, text: &mut String) {
        let space = ["", " ", "\n\t"][self.next(3) as usize];
        match self.next(if depth == 0 { 5 } else { 9 }) {
            0 => text.push_str(["null", "true", "false"][self.next(3) as usize]),
            1 | 2 => self.number(text),
            3 | 4 => self.string(text),
            5 | 6 => {
                text.push('[');
                for index in 0..self.next(5) {
                    write!(text, "{}", if index > 0 { "," } else { space }).unwrap();
                    self.value(depth - 1, text);
                }
                write!(text, "{space}]").unwrap();
            }
            _ => {
                text.push('{');
                for index in 0..self.next(5) {
                    write!(text, "{}", if index > 0 { "," } else { space }).unwrap();
                    self.string(text);
                    write!(text, "{space}:").unwrap();
                    self.value(depth - 1, text);
                }
                write!(text, "{space}}}").unwrap();
            }
        }
    }
}

/// Returns the text of a seed.
fn text(seed: u64) -> String {
    let mut text = String::new();
    Generator(seed).value(4, &mut text);
    text
}

#[test]
fn documents_are_written_as_trees_are() {
    for seed in 0..20_000 {
        let text = text(seed);
        let tree: Value = serde_json::from_str(&text).unwrap();
        let document = Document::parse(text.as_bytes()).unwrap();
        let expected = serde_json::to_vec(&tree).unwrap();
        assert_eq!(document.root().to_json(), expected, "{text}");
        assert_eq!(Document::of(&tree).root().to_json(), expected, "{text}");
        assert_eq!(document.root().to_value(), tree, "{text}");
    }
}

/// Changes texts at one position: both parse them, or both fail with the same error.
#[test]
fn texts_that_are_refused_are_those_that_trees_refuse() {
    let mut refused = 0;
    for seed in 0..20_000 {
        let mut text = text(seed).into_bytes();
        let mut generator = Generator(seed);
        let at = generator.next(text.len() as u64) as usize;
        text[at] = b"\"{}[],:0e.\\ \x00\xff-"[generator.next(15) as usize];
        let tree = serde_json::from_slice::<Value>(&text);
        let document = Document::parse(&text);
        refused += u32::from(document.is_err());
        assert_eq!(
            tree.map_err(|error| error.to_string()).map(|tree| serde_json::to_vec(&tree).unwrap()),
            document.map_err(|error| error.to_string()).map(|document| document.root().to_json())
        );
    }
    assert!(refused > 1_000, "{refused}");
}

/// Checks that the counts suffice: nothing is reallocated during parsing.
#[test]
fn nothing_is_found_that_was_not_counted() {
    for seed in 0..20_000 {
        let text = text(seed);
        let extent = Extent::of(text.as_bytes());
        let document = Document::parse(text.as_bytes()).unwrap();
        assert_eq!(document.entries.len(), extent.values, "{text}");
        assert!(document.orders.len() <= extent.objects + extent.members, "{text}");
        assert!(document.text.len() <= extent.text_bytes, "{text}");
        assert_eq!(document.entries.capacity(), extent.values, "{text}");
    }
}

#[test]
fn a_text_that_is_nested_deeper_than_the_parser_goes_is_refused() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::parse(nested(127).as_bytes()).is_ok());
    assert!(Document::parse(nested(128).as_bytes()).is_err());
}

/// Checks that validation of a document gives the same result as of the tree, with the same messages for small values.
#[test]
fn schemas_say_the_same_of_documents_and_of_trees() {
    let schemas = [
        json!({"type": ["object", "array"], "minItems": 1, "items": {"type": "number", "maximum": 1}}),
        json!({"type": "integer", "multipleOf": 1.5}),
        json!({"enum": [1, "a", [1], {"a": 1}, null, 9_007_199_254_740_993_u64]}),
        json!({"const": {"a": [1.0]}}),
        json!({"uniqueItems": true, "maxItems": 3}),
        json!({"properties": {"a": {"type": "string"}, "b": {"uniqueItems": true}}, "additionalProperties": false}),
        json!({"anyOf": [{"type": "string", "pattern": "^a"}, {"type": "array", "contains": {"const": 1}}]}),
        json!({"oneOf": [{"type": "number"}, {"exclusiveMinimum": 0}], "not": {"type": "null"}}),
        json!({"propertyNames": {"maxLength": 1}, "required": ["a"], "minProperties": 1}),
        json!({"prefixItems": [{"type": "number"}], "unevaluatedItems": {"type": "string"}, "minLength": 1}),
        json!({"patternProperties": {"^a": {"type": "boolean"}}, "unevaluatedProperties": false}),
        json!({"properties": {"a": {"$ref": "#"}}, "type": ["object", "number", "array"], "dependentRequired": {"a": ["b"]}}),
        json!({"if": {"type": "object"}, "then": {"maxProperties": 1}, "else": {"type": ["integer", "string"]}}),
    ];
    let (mut fit, mut unfit) = (0, 0);
    for schema in &schemas {
        let ours = Schema::new(schema).unwrap();
        let theirs = jsonschema::options().should_validate_formats(false).build(schema).unwrap();
        for seed in 0..3_000 {
            let text = text(seed);
            let tree: Value = serde_json::from_str(&text).unwrap();
            let expected: Vec<_> =
                theirs.iter_errors(&tree).take(8).map(|error| error.instance_path().to_string()).collect();
            let found = ours.check_node(Document::parse(text.as_bytes()).unwrap().root());
            *if found.is_ok() { &mut fit } else { &mut unfit } += 1;
            let found: Vec<_> = found.err().unwrap_or_default().into_iter().map(|one| one.path).collect();
            assert_eq!(found, expected, "{schema} {text}");
        }
    }
    assert!(fit > 3_000 && unfit > 3_000, "{fit} {unfit}");
}

/// Checks that 1 and 1.0 are equal in arrays of any size, and that integers beyond the precision of floats differ.
#[test]
fn items_are_compared_by_value() {
    let schema = Schema::new(&json!({"uniqueItems": true})).unwrap();
    let check = |text: &str| schema.check_node(Document::parse(text.as_bytes()).unwrap().root()).is_ok();
    let many = |last: &str| {
        let all: Vec<_> = (10..3_000).map(|number| number.to_string()).collect();
        format!("[{},{last}]", all.join(","))
    };
    for (last, unique) in
        [("1", true), ("11", false), ("2999.0", false), ("2999.5", true), ("\"11\"", true), ("[11]", true)]
    {
        assert_eq!(check(&many(last)), unique, "{last}");
    }
    assert!(check("[9007199254740993,9007199254740992.0,9007199254740992.5e1]"));
    assert!(!check("[9007199254740992,9007199254740992.0]"));
    assert!(!check("[{\"a\":1,\"b\":[0]},{\"b\":[-0],\"a\":1.0}]"));
    assert!(!check("[18446744073709551615,1,18446744073709551615]"));
    assert!(check("[18446744073709551615,-9223372036854775808,1e300,-1e300]"));
}
