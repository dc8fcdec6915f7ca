//! What `fixtures/guests/cases.toml` says of a run: which guest, with what, and what comes of it.

use belljar::{Config, Value, ValueType, config::OnGrowthLimit};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    pub guest: String,
    pub input: Option<String>,
    pub input_hex: Option<String>,
    pub input_repeat: Option<usize>,
    pub output: Option<String>,
    pub output_hex: Option<String>,
    pub output_repeat: Option<usize>,
    pub status: Option<i32>,
    pub stop: Option<String>,
    pub trap: Option<String>,
    pub message: Option<String>,
    pub log: Option<Vec<String>>,
    pub limits: toml::Table,
    pub call: Option<String>,
    pub args: Vec<String>,
    pub results: Vec<String>,
}

/// The cases of the file.
pub fn cases(text: &str) -> Vec<Case> {
    toml::from_str::<Cases>(text).unwrap().case
}

impl Case {
    pub fn config(&self) -> Config {
        let mut config = Config::default();
        for (name, value) in &self.limits {
            match name.as_str() {
                "on_growth_limit" => config = config.with_on_growth_limit(OnGrowthLimit::Refuse),
                _ => config.set(&format!("limits.{name}"), value.as_integer().unwrap() as u64).unwrap(),
            }
        }
        config
    }

    pub fn input(&self) -> Vec<u8> {
        bytes(&self.input, &self.input_hex, self.input_repeat).unwrap_or_default()
    }

    /// The output, where the case tells it.
    pub fn output(&self) -> Option<Vec<u8>> {
        bytes(&self.output, &self.output_hex, self.output_repeat)
    }

    /// The arguments of the call, of these types.
    pub fn arguments(&self, types: &[ValueType]) -> Vec<Value> {
        self.args.iter().zip(types).map(|(text, ty)| value(text, *ty)).collect()
    }
}

fn bytes(text: &Option<String>, hex: &Option<String>, repeat: Option<usize>) -> Option<Vec<u8>> {
    let hex = hex.as_ref().map(|hex| {
        hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    });
    let once: Vec<u8> = text.as_ref().map(|text| text.clone().into_bytes()).or(hex)?;
    Some(once.repeat(repeat.unwrap_or(1)))
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
