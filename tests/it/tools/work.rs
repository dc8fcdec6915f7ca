//! Schemas at the limits of what checking a value may cost. They run on a thread
//! with the least stack that is promised for anything.

use belljar::tool::{Schema, SchemaProblem};
use serde_json::{Value, json};

/// The stack of a thread of Rust, unless it is told otherwise.
const STACK: usize = 2 << 20;

fn on_a_thread<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(STACK).spawn(test).unwrap().join().unwrap()
}

/// Definitions `d0` to `dN`, each of which is made from the number of the next.
fn chain(length: usize, each: impl Fn(&str) -> Value) -> Value {
    let mut defs = serde_json::Map::new();
    for index in 0..length {
        defs.insert(format!("d{index}"), each(&format!("#/$defs/d{}", index + 1)));
    }
    defs.insert(format!("d{length}"), json!(true));
    json!({ "$ref": "#/$defs/d0", "$defs": defs })
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }))
}

#[test]
fn work_that_doubles_with_each_step_is_refused() {
    on_a_thread(|| {
        // 2^24 ways through schemas for one and the same value.
        let schema = chain(24, |next| json!({ "allOf": [{ "$ref": next }, { "$ref": next }] }));
        let schema = Schema::new(&schema).unwrap();
        assert_eq!(schema.check(&json!(1)).unwrap_err().len(), 1);
        // The same, with the depth of the value.
        let twice = json!({ "allOf": [{ "properties": { "a": { "$ref": "#" } } }, { "properties": { "a": { "$ref": "#" } } }] });
        let schema = Schema::new(&twice).unwrap();
        assert_eq!(schema.check(&nested(8)), Ok(()));
        assert_eq!(schema.check(&nested(24)).unwrap_err().len(), 1);
    });
}

#[test]
fn telling_why_may_be_more_work_than_telling_that() {
    on_a_thread(|| {
        let either = json!({ "anyOf": [{ "type": "integer", "maximum": 0 }, { "properties": { "a": { "$ref": "#" } }, "type": "object" }] });
        let schema = Schema::new(&either).unwrap();
        let small = schema.check(&nested(3)).unwrap_err();
        assert_eq!(small[0].path, "");
        let large = schema.check(&nested(24)).unwrap_err();
        assert_eq!(large.len(), 1);
    });
}

#[test]
fn trees_of_any_breadth_fit() {
    on_a_thread(|| {
        let tree = json!({ "type": "object", "properties": {
            "left": { "$ref": "#" }, "right": { "$ref": "#" }, "value": { "type": "integer" } },
            "additionalProperties": false });
        let schema = Schema::new(&tree).unwrap();
        let mut value = json!({ "value": 0 });
        for _ in 0..12 {
            value = json!({ "left": value, "right": value });
        }
        assert_eq!(schema.check(&value), Ok(()));
        let deep = (0..100).fold(json!({}), |inner, _| json!({ "left": inner }));
        assert_eq!(schema.check(&deep), Ok(()));
    });
}

#[test]
fn what_refers_to_itself_is_refused() {
    for length in 1..4 {
        let mut ring = chain(length, |next| json!({ "not": { "$ref": next } }));
        ring["$defs"][format!("d{length}")] = json!({ "anyOf": [{ "$ref": "#/$defs/d0" }] });
        assert_eq!(Schema::new(&ring).unwrap_err().problem, SchemaProblem::Endless, "{length}");
    }
}

#[test]
fn long_chains_take_no_stack() {
    on_a_thread(|| {
        for length in [400, 900] {
            let schema = chain(length, |next| json!({ "$ref": next }));
            assert_eq!(Schema::new(&schema).unwrap().check(&json!(1)), Ok(()));
            // That deep for a value in a value is too deep.
            let schema = Schema::new(&json!({ "items": schema["$defs"]["d0"], "$defs": schema["$defs"] })).unwrap();
            assert_eq!(schema.check(&json!([1])).is_ok(), length < 900);
            // From definition to definition, into the value each time.
            let schema = chain(length, |next| json!({ "properties": { "a": { "$ref": next } } }));
            assert_eq!(Schema::new(&schema).unwrap().check(&nested(100)), Ok(()));
            let schema = chain(length, |next| json!({ "items": { "not": { "not": { "$ref": next } } } }));
            assert_eq!(Schema::new(&schema).unwrap().check(&json!([[1]])), Ok(()));
        }
    });
}

#[test]
fn deep_schemas_take_no_stack() {
    on_a_thread(|| {
        for (key, depth) in [("not", 120), ("items", 120), ("additionalProperties", 120)] {
            let schema = (0..depth).fold(json!({ "type": "integer" }), |inner, _| json!({ key: inner }));
            Schema::new(&schema).unwrap();
        }
    });
}

#[test]
fn patterns_are_few_and_small() {
    let many: Vec<_> = (0..101).map(|i| json!({ "pattern": format!("a{i}") })).collect();
    let error = Schema::new(&json!({ "anyOf": many })).unwrap_err();
    assert_eq!(error.problem, SchemaProblem::Size { what: "patterns", found: 101, limit: 100 });
    for pattern in ["(a{200}){200}", "(?<=a)b", "(a)\\1"] {
        let error = Schema::new(&json!({ "pattern": pattern })).unwrap_err();
        assert!(matches!(error.problem, SchemaProblem::Invalid { .. }), "{pattern}");
    }
    // No pattern is let loose on megabytes, least of all one with many states at a time.
    let states = "[01]*1[01]{201}$";
    let schema = Schema::new(&json!({ "items": { "pattern": states } })).unwrap();
    let value = json!(["0110".repeat(200_000)]);
    assert_eq!(schema.check(&value).unwrap_err()[0].path, "");
    assert_eq!(schema.check(&json!(["0110".repeat(20_000)])), Ok(()));
    let schema = Schema::new(&json!({ "patternProperties": { states: { "type": "integer" } } })).unwrap();
    assert_eq!(schema.check(&json!({ "0110".repeat(200_000): "x" })).unwrap_err()[0].path, "");
    // Nor are a thousand lengths taken of one large text.
    let lengths: Vec<_> = (0..1_000).map(|i| json!({ "minLength": i })).collect();
    let schema = Schema::new(&json!({ "allOf": lengths })).unwrap();
    assert_eq!(schema.check(&json!("x".repeat(1_000))), Ok(()));
    assert!(schema.check(&json!("x".repeat(4 << 20))).is_err());
}

#[test]
fn large_values_are_checked_and_their_mismatches_few() {
    let schema = Schema::new(&json!({ "items": { "type": "string" }, "uniqueItems": true })).unwrap();
    let strings: Vec<_> = (0..200_000).map(|i| json!(i.to_string())).collect();
    assert_eq!(schema.check(&Value::Array(strings)), Ok(()));
    let numbers: Vec<_> = (0..200_000).map(|i| json!(i)).collect();
    assert_eq!(schema.check(&Value::Array(numbers)).unwrap_err().len(), 1);
    let few: Vec<_> = (0..100).map(|i| json!(i)).collect();
    assert_eq!(schema.check(&Value::Array(few)).unwrap_err().len(), 8);
    let objects: Vec<_> = (0..50_000).map(|i| json!({ "a": { "b": [i] } })).collect();
    let unique = Schema::new(&json!({ "uniqueItems": true })).unwrap();
    assert_eq!(unique.check(&Value::Array(objects)), Ok(()));
}
