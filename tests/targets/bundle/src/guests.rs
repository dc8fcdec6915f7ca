//! The guests with their cases.

use std::fs;

use belljar::Sandbox;
use belljar_targets::{Action, Case};

use crate::{SLICES, json, root};

/// What the cases expect is for the tests to check.
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../../it/guests/case.rs"]
mod guest;

pub fn cases() -> Vec<Case> {
    let text = fs::read_to_string(root().join("fixtures/guests/cases.toml")).unwrap();
    guest::cases(&text).iter().enumerate().map(|(i, guest)| case(i, guest)).collect()
}

/// The bytes of a guest.
pub fn wasm(name: &str) -> Vec<u8> {
    fs::read(root().join(format!("fixtures/guests/{name}.wasm"))).unwrap()
}

fn case(i: usize, guest: &guest::Case) -> Case {
    let wasm = wasm(&guest.guest);
    let (config, input) = (guest.config(), guest.input());
    let action = match guest.call.clone() {
        None => Action::Run { input },
        Some(name) => {
            let module = Sandbox::new(config.clone()).unwrap().load(&wasm).unwrap();
            let arguments = guest.arguments(&module.inspect().function(&name).unwrap().params);
            Action::Call { name, arguments, input }
        }
    };
    Case {
        group: "guests".into(),
        vectors: false,
        name: format!("{} {i}", guest.guest),
        config: json(&config),
        wasm,
        slices: SLICES.into(),
        actions: vec![action],
    }
}
