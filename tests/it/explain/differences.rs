//! Where two runs part.

use belljar::{
    Config, Sandbox, Value,
    explain::{DifferenceKind, Differences, Rerun},
};

use super::{each_of_the_fixtures, each_of_the_generated};

const PARSER: &[u8] = include_bytes!("../../../fixtures/explain/parser.wasm");

fn find(one: (&[u8], &[u8]), other: (&[u8], &[u8])) -> Differences {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let [one, other] = [one, other].map(|(wasm, input)| Rerun::new(wasm, input));
    Differences::find((&sandbox, &one), (&sandbox, &other)).unwrap()
}

#[test]
fn runs_of_one_input_do_not_differ() {
    let differences = find((PARSER, b"123"), (PARSER, b"123"));
    assert!(differences.is_same_module && differences.first.is_empty());
}

#[test]
fn inputs_part_at_each_kind_of_what_happens() {
    let differences = find((PARSER, b"1234"), (PARSER, b"1274"));
    let [host, store] = &differences.first[..] else { panic!("{differences:?}") };

    // `read_input` is called with the same arguments, and hands over other bytes.
    assert_eq!((host.kind, host.equal), (DifferenceKind::HostCall, 1));
    let read = host.events.each_ref().map(|event| event.as_ref().unwrap());
    assert_eq!(read.map(|event| (event.name.as_deref(), event.is_return)), [(Some("read_input"), true); 2]);
    assert_eq!(read.map(|event| event.bytes.as_slice()), [b"1234", b"1274"]);
    assert_eq!(read[0].values, [Value::I32(4)]);

    // The functions and their arguments are equal, and what they return is not.
    assert_eq!((store.kind, store.equal), (DifferenceKind::Store, 0));
    let stored = store.events.each_ref().map(|event| event.as_ref().unwrap());
    assert_eq!(stored.map(|event| event.bytes.as_slice()), [417_i32.to_le_bytes(), 379_i32.to_le_bytes()]);
    assert_eq!(stored[0].locations[0].line, 48);
}

#[test]
fn a_call_that_only_one_run_makes_is_found() {
    let differences = find((PARSER, b"12\0"), (PARSER, b"123"));
    let call = differences.first.iter().find(|difference| difference.kind == DifferenceKind::Call).unwrap();
    // `execute`, `expression`, `term` and two of `digit` are in both.
    assert_eq!(call.equal, 5);
    assert_eq!(call.events[0], None);
    let third = call.events[1].as_ref().unwrap();
    assert_eq!((third.name.as_deref(), &third.values[1]), (Some("digit"), &Value::I32(100)));
}

#[test]
fn modules_of_one_source_are_compared_by_names() {
    let module = |digits: &str| {
        let text = format!(
            r#"(module (import "env" "log" (func $log (param i32 i32))) (memory (export "memory") 1)
                (data (i32.const 8) "one{digits}")
                (func $first (export "_start") (call $second) (call $log (i32.const 8) (i32.const 4)))
                (func $second))"#
        );
        Sandbox::new(Config::default()).unwrap().assemble(&text).unwrap()
    };
    let (one, other) = (module("1"), module("2"));
    let differences = find((&one, b""), (&other, b""));
    assert!(!differences.is_same_module);
    let [difference] = &differences.first[..] else { panic!("{differences:?}") };
    assert_eq!(difference.kind, DifferenceKind::HostCall);
    let bytes = difference.events.each_ref().map(|event| event.as_ref().unwrap().bytes.as_slice());
    assert_eq!(bytes, [b"one1", b"one2"]);
}

#[test]
fn no_run_differs_from_itself() {
    let mut runs = 0;
    let mut check = |sandbox: &Sandbox, wasm: &[u8], call: Option<(&str, &[Value])>, input: &[u8], what: &str| {
        let rerun = Rerun::new(wasm, input);
        let rerun = call.iter().fold(rerun, |rerun, (name, arguments)| rerun.with_call(name, arguments));
        let Ok(profile) = sandbox.profile(&rerun) else { return };
        let differences = Differences::find((sandbox, &rerun), (sandbox, &rerun)).unwrap();
        assert!(differences.first.is_empty(), "{what}: {differences:?}");
        assert_eq!(differences.results[0], profile.result, "{what}");
        runs += 1;
    };
    if !cfg!(debug_assertions) {
        each_of_the_fixtures(&mut check);
    }
    each_of_the_generated(if cfg!(debug_assertions) { 30 } else { 500 }, &mut check);
    println!("{runs} runs");
    assert!(runs > 20);
}
