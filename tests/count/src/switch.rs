//! Loops around a `br_table` of any number of arms, of which each turn takes one.

use crate::subject::{Run, Subject, limits};

/// The numbers of arms.
const ARMS: [usize; 3] = [1, 10, 100];

/// Makes the subjects: all do the same work, so all have the same fuel.
pub fn switches() -> Vec<Subject> {
    ARMS.map(|arms| Subject {
        name: format!("a switch of {arms}"),
        wasm: wat::parse_str(text(arms)).expect("it is well-formed"),
        config: limits(),
        runs: vec![Run::entry("")],
    })
    .into()
}

fn text(arms: usize) -> String {
    let labels: String = (0..arms).map(|arm| format!("{arm} ")).collect();
    let opened = "(block ".repeat(arms);
    let arms: String = (0..arms)
        .map(|arm| {
            let mixed = format!("(i64.xor (i64.rotl (local.get $sum) (i64.const {arm})) (i64.const 77))");
            format!(") (local.set $sum {mixed}) (br $next)")
        })
        .collect();
    format!(
        r#"(module (func (export "_start") (local $turn i32) (local $arm i32) (local $sum i64)
            (loop $again
                (block $next
                    {opened} (br_table {labels} 0 (local.get $arm)) {arms})
                (local.set $turn (i32.add (local.get $turn) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $turn) (i32.const 1000))))))"#
    )
}
