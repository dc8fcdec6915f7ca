//! The checks of the self-test that are modules, but for the one that a clock decides.

use belljar::selftest::{Check, checks};
use belljar_targets::{Action, Case};

use crate::json;

pub fn cases() -> Vec<Case> {
    checks().filter(|check| check.tests != "deadline_ms").filter_map(of).collect()
}

fn of(check: Check) -> Option<Case> {
    Some(Case {
        group: "selftest".into(),
        vectors: false,
        name: check.name.into(),
        config: json(&check.config().ok()?),
        wasm: check.module()?,
        slices: vec![1_000],
        actions: vec![Action::Run { input: b"some input".to_vec() }],
    })
}
