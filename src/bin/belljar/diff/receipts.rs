//! Two receipts, and the fields in which they differ.

use std::{io::Write, path::Path};

use belljar::record::{Digest, MAX_RECEIPT_BYTES, Receipt};
use serde::Serialize;
use serde_json::Value as Json;

use crate::{console::Console, exit::Exit, failure::Failure, json, options::Format, show, source::Source};

/// Two receipts, with the files that have them.
pub struct Receipts {
    pub first: (Source, Receipt),
    pub second: (Source, Receipt),
}

/// A field in which two receipts differ.
#[derive(Debug, Serialize)]
struct Field {
    /// Its keys, joined by dots.
    field: String,
    /// Its values; `None` if a receipt lacks it.
    first: Option<Json>,
    second: Option<Json>,
}

/// `{"fields": [{"field", "first", "second"}]}`
#[derive(Serialize)]
struct Document {
    fields: Vec<Field>,
}

impl Receipts {
    /// Reads two receipts; returns `None` if the first file is none, but perhaps a module.
    pub fn read(first: &Path, second: Option<&Path>) -> Result<Option<Receipts>, Failure> {
        let source = Source::of(first);
        // A receipt is an object of JSON, which neither form of a module begins like.
        if source == Source::Stdin || source.begins()? != Some(b'{') {
            return Ok(None);
        }
        let Some(second) = second else {
            return Err(Failure::usage(format!("{}: this is a receipt, and there is no other", source.name()))
                .with_hint("name the receipt to compare it with"));
        };
        let second = Source::of(second);
        if second != Source::Stdin && second.begins()? != Some(b'{') {
            return Err(Failure::usage(format!("{}: not a receipt, as the first file is", second.name()))
                .with_hint("name two receipts, or two modules; the module of receipts is named with `--of`"));
        }
        let read = |source: Source| {
            let receipt = Receipt::from_json(&source.text(MAX_RECEIPT_BYTES)?);
            let receipt = receipt.map_err(|error| Failure::receipt(error.to_string()).in_file(source.name()))?;
            Ok::<_, Failure>((source, receipt))
        };
        Ok(Some(Receipts { first: read(source)?, second: read(second)? }))
    }

    /// Shows the fields that differ.
    pub fn show(&self, console: &Console) -> Result<Exit, Failure> {
        let fields = |receipt: &Receipt| serde_json::from_str(&receipt.to_json()).unwrap_or_default();
        let mut differences = Vec::new();
        compare("", Some(fields(&self.first.1)), Some(fields(&self.second.1)), &mut differences);
        let exit = if differences.is_empty() { Exit::Done } else { Exit::Stopped };
        if console.format != Format::Human {
            return json::print(console.format, &Document { fields: differences })
                .map(|()| exit)
                .map_err(|error| Failure::stdout(&error));
        }
        let mut out = std::io::stdout().lock();
        let text = |value: &Option<Json>| value.as_ref().map_or("none".into(), |json| show::name(&json.to_string()));
        for Field { field, first, second } in &differences {
            writeln!(out, "{field}: {}, {}", text(first), text(second)).map_err(|error| Failure::stdout(&error))?;
        }
        if differences.is_empty() && !console.is_quiet() {
            writeln!(out, "the same").map_err(|error| Failure::stdout(&error))?;
        } else if !differences.is_empty() {
            console.note("`--of MODULE`, `--input` and `--other-input` show where the runs part");
        }
        Ok(exit)
    }
}

/// Checks that a module and an input are those of a receipt.
pub fn check(receipt: &Receipt, wasm: &[u8], input: &[u8]) -> Result<(), String> {
    let differs = |what: &str, option: &str| format!("the {what} is not that of the receipt: name it with {option}");
    if receipt.module != Digest::of(wasm) {
        return Err(differs("module", "`--of`"));
    }
    if receipt.input != Digest::of(input) {
        return Err(differs("input", "`--input` and `--other-input`"));
    }
    Ok(())
}

/// Finds the fields that differ, by their names.
fn compare(name: &str, first: Option<Json>, second: Option<Json>, found: &mut Vec<Field>) {
    match (first, second) {
        (first, second) if first == second => {}
        (Some(Json::Object(mut first)), Some(Json::Object(mut second))) => {
            let mut keys: Vec<_> = first.keys().chain(second.keys()).cloned().collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let full = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                compare(&full, first.remove(&key), second.remove(&key), found);
            }
        }
        (first, second) => found.push(Field { field: name.into(), first, second }),
    }
}
