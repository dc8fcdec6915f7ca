//! The guests with their cases.

use std::fs;

use belljar::{Config, OnGrowthLimit, Sandbox, Value, ValueType};
use belljar_targets::{Action, Case};
use serde::Deserialize;

use crate::{SLICES, json, root};

/// What the cases expect is for the tests to check.
#[derive(Deserialize)]
struct Guest {
    guest: String,
    input: Option<String>,
    input_hex: Option<String>,
    input_repeat: Option<usize>,
    #[serde(default)]
    limits: toml::Table,
    call: Option<String>,
    #[serde(default)]
    args: Vec<String>,
}

pub fn cases() -> Vec<Case> {
    let text = fs::read_to_string(root().join("fixtures/guests/cases.toml")).unwrap();
    let mut all: toml::Table = toml::from_str(&text).unwrap();
    let all: Vec<Guest> = all.remove("case").unwrap().try_into().unwrap();
    all.into_iter().enumerate().map(|(i, guest)| case(i, guest)).collect()
}

/// The bytes of a guest.
pub fn wasm(name: &str) -> Vec<u8> {
    fs::read(root().join(format!("fixtures/guests/{name}.wasm"))).unwrap()
}

fn case(i: usize, guest: Guest) -> Case {
    let wasm = wasm(&guest.guest);
    let config = config(&guest);
    let input = input(&guest);
    let action = match guest.call {
        None => Action::Run { input },
        Some(name) => {
            let module = Sandbox::new(config.clone()).unwrap().load(&wasm).unwrap();
            let types = &module.inspect().function(&name).unwrap().params;
            let arguments = guest.args.iter().zip(types).map(|(text, ty)| value(text, *ty)).collect();
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

fn config(guest: &Guest) -> Config {
    let mut config = Config::default();
    for (name, value) in &guest.limits {
        match name.as_str() {
            "on_growth_limit" => config = config.with_on_growth_limit(OnGrowthLimit::Refuse),
            _ => config.set(&format!("limits.{name}"), value.as_integer().unwrap() as u64).unwrap(),
        }
    }
    config
}

fn input(guest: &Guest) -> Vec<u8> {
    let hex = guest.input_hex.as_ref().map(|hex| {
        hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    });
    let once: Vec<u8> = guest.input.clone().map(String::into_bytes).or(hex).unwrap_or_default();
    once.repeat(guest.input_repeat.unwrap_or(1))
}

fn value(text: &str, ty: ValueType) -> Value {
    match ty {
        ValueType::I32 => Value::I32(text.parse().unwrap()),
        ValueType::I64 => Value::I64(text.parse().unwrap()),
        ValueType::F32 => Value::F32(text.parse().unwrap()),
        ValueType::F64 => Value::F64(text.parse().unwrap()),
        other => panic!("{other}"),
    }
}
