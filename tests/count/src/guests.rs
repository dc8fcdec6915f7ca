//! Guests with the inputs that tests and benchmarks give them.

use std::{fs, path::PathBuf};

use belljar::{Config, Sandbox, Value, ValueType, config::OnGrowthLimit};
use benches::{
    cases::{Case as Measured, Kind},
    engine::Abi,
};
use serde::Deserialize;

use crate::subject::{Run, Subject, limits};

/// The cases of `fixtures/guests/cases.toml`.
#[derive(Debug, Deserialize)]
struct Cases {
    case: Vec<Case>,
}

/// A guest, and what is given to it; what comes of that is another test's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Case {
    guest: String,
    input: Option<String>,
    input_hex: Option<String>,
    input_repeat: Option<usize>,
    limits: toml::Table,
    call: Option<String>,
    args: Vec<String>,
}

/// Makes the subjects of all guests, under limits that they do not come to and under those of their cases.
pub fn guests() -> Vec<Subject> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/guests");
    let text = fs::read_to_string(folder.join("cases.toml")).expect("the cases are there");
    let cases: Cases = toml::from_str(&text).expect("the cases can be read");
    let subjects = cases.case.into_iter().flat_map(|case| {
        let wasm = fs::read(folder.join(format!("{}.wasm", case.guest))).expect("the guest is there");
        let run = case.run(&wasm);
        let own = (!case.limits.is_empty()).then(|| case.config());
        let name = format!("guest {}", case.guest);
        let subject = move |config| Subject { name: name.clone(), wasm: wasm.clone(), config, runs: vec![run.clone()] };
        [limits()].into_iter().chain(own).map(subject)
    });
    subjects.collect()
}

/// Makes the subjects of all benchmarks that run.
pub fn benchmarks() -> Vec<Subject> {
    benches::cases::all().into_iter().filter_map(benchmark).collect()
}

fn benchmark(case: Measured) -> Option<Subject> {
    let run = match case.kind {
        Kind::Call(export, argument) => Run::call(export, vec![Value::I32(argument)]),
        _ => Run::entry(case.input.clone()),
    };
    let wasm = case.guest.wasm(Abi::Env)?;
    // Some have no entry, and are there to be made only.
    let is_entered = !matches!(case.kind, Kind::Instances(_));
    is_entered.then(|| Subject { name: format!("benchmark {}", case.name), wasm, config: limits(), runs: vec![run] })
}

impl Case {
    fn run(&self, wasm: &[u8]) -> Run {
        if let Some(name) = &self.call {
            let sandbox = Sandbox::new(limits()).expect("the limits are within the ranges");
            let inspection = sandbox.inspect(wasm).expect("the guest is valid");
            let types = &inspection.function(name).expect("it is exported").params;
            return Run::call(name, self.args.iter().zip(types).map(|(text, ty)| value(text, *ty)).collect());
        }
        let hex = |hex: &String| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
        };
        let once = self.input.clone().map(String::into_bytes).or(self.input_hex.as_ref().map(hex));
        Run::entry(once.unwrap_or_default().repeat(self.input_repeat.unwrap_or(1)))
    }

    fn config(&self) -> Config {
        let mut config = Config::default();
        for (name, value) in &self.limits {
            match value.as_integer() {
                Some(value) => config.set(&format!("limits.{name}"), value as u64).expect("a limit"),
                None => config = config.with_on_growth_limit(OnGrowthLimit::Refuse),
            }
        }
        config
    }
}

fn value(text: &str, ty: ValueType) -> Value {
    match ty {
        ValueType::I32 => Value::I32(text.parse().expect("a number")),
        ValueType::I64 => Value::I64(text.parse().expect("a number")),
        ValueType::F32 => Value::F32(text.parse().expect("a number")),
        _ => Value::F64(text.parse().expect("a number")),
    }
}
