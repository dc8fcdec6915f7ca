//! The condition of a `select`.

use belljar::{Config, Sandbox};
use wasmi::{Engine, Linker, Module, Store};

/// A `select` whose condition is an equality with zero of a value in a local.
const SELECT: &str = r#"(module (func (export "f") (param i32) (result i32)
    (select (i32.const 7) (i32.const 9) (i32.eqz (local.get 0)))))"#;

#[test]
fn canary_a_select_takes_the_wrong_condition() {
    let engine = Engine::new(&wasmi::Config::default());
    let module = Module::new(&engine, wat::parse_str(SELECT).unwrap()).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
    let f = instance.get_typed_func::<i32, i32>(&store, "f").unwrap();
    assert_eq!([0, 1].map(|x| f.call(&mut store, x).unwrap()), [7, 7], "it should be 9 in the second case");
}

/// Whatever lies between the two that the engine makes no code of.
#[test]
fn a_select_takes_its_own_condition() {
    let equalities = [
        ("(i32.eqz (local.get 0))", true),
        ("(i32.eq (local.get 0) (i32.const 0))", true),
        ("(i32.eq (i32.const 0) (local.get 0))", true),
        ("(i32.ne (local.get 0) (i32.const 0))", false),
        ("(i32.eqz (i32.eqz (local.get 0)))", false),
        ("(i32.eqz (i32.ne (local.get 0) (i32.const 0)))", true),
        ("(i64.eqz (i64.extend_i32_u (i32.ne (local.get 0) (i32.const 0))))", true),
        ("(i32.eqz (i32.load (i32.const 0))) (drop (i32.const 1)) (drop) (i32.eqz (local.get 0))", true),
    ];
    let between = [
        "",
        "(nop)",
        "(i32.const 0) (i32.or)",
        "(i32.const 0) (i32.add)",
        "(i32.const -1) (i32.and)",
        "(i32.const 1) (i32.mul)",
        "(i32.const 0) (i32.shl)",
        "(i64.extend_i32_u) (i32.wrap_i64)",
        "(f32.reinterpret_i32) (i32.reinterpret_f32)",
        "(block) (nop)",
        "(block (param i32) (result i32))",
        "(loop (param i32) (result i32))",
        "(local.tee 1)",
        "(local.tee 1) (drop) (local.get 1)",
        "(i32.const 5) (drop)",
        "(i32.const 5) (i32.const 1) (select)",
    ];
    let sandbox = Sandbox::new(Config::default()).unwrap();
    for (equality, when_zero) in equalities {
        for between in between {
            for select in ["select", "select (result i32)"] {
                let text = format!(
                    "(module (memory 1) (func (export \"f\") (param i32) (result i32) (local i32)
                        (i32.const 7) (i32.const 9) {equality} {between} ({select})))"
                );
                let module = sandbox.load_text(&text).unwrap();
                for x in [0, 1, 2, -1, i32::MIN] {
                    let expected = if (x == 0) == when_zero { 7 } else { 9 };
                    assert_eq!(sandbox.call::<(i32,), i32>(&module, "f", (x,)), Ok(expected), "{x} to {text}");
                }
            }
        }
    }
}
