//! What the price list measures, but for calls of functions that only the tests have.

use std::fs;

use belljar::{Config, Sandbox};
use belljar_targets::{Action, Case};

use crate::{json, list::List, root};

pub fn cases() -> Vec<Case> {
    let text = fs::read_to_string(root().join("fixtures/prices/prices.txt")).unwrap();
    let list = List::parse(&text);
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let priced = list.sections().into_iter().flat_map(|(_, prices)| prices).flat_map(|price| list.cases(price));
    let provided = priced.filter(|case| !case.with.contains("\"own\""));
    let case = |case: crate::list::Case| Case {
        group: "prices".into(),
        vectors: false,
        name: case.name,
        config: json(sandbox.config()),
        wasm: sandbox.assemble(&case.with).unwrap(),
        slices: vec![1, 7],
        actions: vec![Action::Run { input: vec![b'x'; case.input] }],
    };
    provided.map(case).collect()
}
