//! Scripts that have to pass, to fail or to be left out.

use crate::{reason::Reason, script::run_text, subject::Subject, tally::Tally};

/// A module with state: a global, a memory and functions that trap.
const MODULE: &str = r#"
(module $m
  (import "spectest" "print_i32" (func $print (param i32)))
  (memory (export "memory") 1)
  (global $g (mut i32) (i32.const 0))
  (func (export "add") (param i32) (result i32)
    (call $print (local.get 0))
    (global.set $g (i32.add (global.get $g) (local.get 0)))
    (global.get $g))
  (func (export "store-then-trap") (param i32)
    (i32.store (i32.const 8) (local.get 0))
    (unreachable))
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "load") (result i32) (i32.load (i32.const 8)))
  (func $deep (export "deep") (call $deep))
  (func (export "nan") (result f32) (f32.div (f32.const 0) (f32.const 0)))
  (func (export "null") (param externref) (result i32) (ref.is_null (local.get 0))))
(register "m")
"#;

fn run(script: &str) -> Tally {
    let mut tally = Tally::default();
    run_text(&Subject::new(), "test", &format!("{MODULE}{script}"), false, &mut tally);
    assert_eq!(tally.steps.failed, 0);
    tally
}

fn passes(script: &str) {
    let tally = run(script);
    assert!(tally.assertions.failed == 0 && tally.assertions.left.is_empty() && tally.is_good(1), "{tally}");
}

fn fails(script: &str) {
    let tally = run(script);
    assert!(tally.assertions.failed == 1 && !tally.is_good(1), "{script}: {tally}");
}

fn is_left(script: &str, reason: Reason) {
    let tally = run(script);
    assert_eq!(tally.assertions.left.get(&reason), Some(&1), "{script}: {tally}");
    assert_eq!(tally.assertions.failed, 0);
}

#[test]
fn state_outlives_traps() {
    passes(
        r#"
        (assert_return (invoke "add" (i32.const 2)) (i32.const 2))
        (assert_trap (invoke "store-then-trap" (i32.const 7)) "unreachable")
        (assert_return (invoke "load") (i32.const 7))
        (assert_return (invoke "add" (i32.const 3)) (i32.const 5))
        (assert_exhaustion (invoke "deep") "call stack exhausted")
        (assert_return (invoke "add" (i32.const 1)) (i32.const 6))
        (assert_return (invoke "load") (i32.const 7))
        "#,
    );
}

#[test]
fn functions_of_other_modules_are_called_once() {
    passes(
        r#"
        (module
          (import "m" "add" (func $add (param i32) (result i32)))
          (import "m" "divide" (func $divide (param i32 i32) (result i32)))
          (func (export "add") (param i32) (result i32) (call $add (local.get 0)))
          (func (export "divide") (result i32)
            (drop (call $add (i32.const 100)))
            (call $divide (i32.const 1) (i32.const 0))))
        (assert_return (invoke "add" (i32.const 2)) (i32.const 2))
        (assert_trap (invoke "divide") "integer divide by zero")
        (assert_return (invoke "add" (i32.const 2)) (i32.const 104))
        (assert_unlinkable (module (import "m" "add" (func))) "incompatible import type")
        (assert_unlinkable (module (import "m" "none" (func))) "unknown import")
        "#,
    );
}

#[test]
fn a_definition_has_instances_with_state_of_their_own() {
    passes(
        r#"
        (module definition $d (import "m" "add" (func $add (param i32) (result i32)))
          (func (export "add") (result i32) (call $add (i32.const 1)))
          (func (export "trap") (drop (call $add (i32.const 10))) (unreachable)))
        (module instance $a $d)
        (module instance $b $d)
        (assert_return (invoke $a "add") (i32.const 1))
        (assert_return (invoke $b "add") (i32.const 2))
        (assert_trap (invoke $a "trap") "unreachable")
        (assert_return (invoke $b "add") (i32.const 13))
        (assert_return (invoke $a "add") (i32.const 14))
        "#,
    );
}

#[test]
fn what_is_wrong_fails() {
    fails(r#"(assert_return (invoke "add" (i32.const 2)) (i32.const 3))"#);
    fails(r#"(assert_return (invoke "add" (i32.const 2)))"#);
    fails(r#"(assert_return (invoke "nan") (f32.const 0))"#);
    fails(r#"(assert_return (invoke "divide" (i32.const 1) (i32.const 0)) (i32.const 0))"#);
    fails(r#"(assert_trap (invoke "divide" (i32.const 1) (i32.const 0)) "integer overflow")"#);
    fails(r#"(assert_trap (invoke "load") "unreachable")"#);
    fails(r#"(assert_exhaustion (invoke "load") "call stack exhausted")"#);
    fails(r#"(assert_invalid (module (func)) "type mismatch")"#);
    fails(r#"(assert_malformed (module quote "(func)") "unexpected token")"#);
    fails(r#"(assert_malformed (module binary "\00asm" "\01\00\00\00") "unexpected end")"#);
    fails(r#"(assert_unlinkable (module (import "m" "load" (func (result i32)))) "unknown import")"#);
    fails(r#"(assert_return (invoke "none"))"#);
}

#[test]
fn patterns_are_those_of_the_suite() {
    passes(
        r#"
        (assert_return (invoke "nan") (f32.const nan:canonical))
        (assert_return (invoke "nan") (f32.const nan:arithmetic))
        (assert_return (invoke "load") (either (i32.const 1) (i32.const 0)))
        (module (func (export "v") (result v128) (v128.const f32x4 nan:0x600000 -0 1 2)))
        (assert_return (invoke "v") (v128.const f32x4 nan:arithmetic -0 1 2))
        "#,
    );
    fails(
        r#"
        (module (func (export "v") (result v128) (v128.const f32x4 nan:0x600000 -0 1 2)))
        (assert_return (invoke "v") (v128.const f32x4 nan:canonical -0 1 2))
        "#,
    );
    fails(
        r#"
        (module (func (export "v") (result v128) (v128.const f32x4 1 0 1 2)))
        (assert_return (invoke "v") (v128.const f32x4 1 -0 1 2))
        "#,
    );
}

#[test]
fn what_cannot_apply_has_its_reason() {
    is_left(r#"(assert_return (invoke "null" (ref.extern 1)) (i32.const 0))"#, Reason::References);
    is_left(r#"(module (memory i64 1) (func (export "f"))) (assert_return (invoke "f"))"#, Reason::Memory64);
    is_left(r#"(module (type (struct)) (func (export "f"))) (assert_return (invoke "f"))"#, Reason::Gc);
    is_left(r#"(module (tag) (func (export "f"))) (assert_return (invoke "f"))"#, Reason::Exceptions);
    is_left(r#"(assert_invalid (module (func (param (ref 5)))) "unknown type")"#, Reason::FunctionReferences);
    is_left(
        r#"(module (import "m" "memory" (memory 1)) (func (export "f"))) (assert_return (invoke "f"))"#,
        Reason::OtherModule,
    );
    is_left(
        r#"(module (import "spectest" "memory" (memory 1)) (func (export "f"))) (assert_return (invoke "f"))"#,
        Reason::HostState,
    );
    // The module that is left out would have stored something else.
    is_left(
        r#"(module (import "m" "memory" (memory 1)) (data (i32.const 8) "\01"))
        (assert_return (invoke $m "load") (i32.const 1))"#,
        Reason::StateBefore,
    );
}
