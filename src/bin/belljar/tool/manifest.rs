//! `belljar manifest`: the manifest of a module.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use belljar::tool::{Manifest, Requested};
use clap::Args;
use serde_json::Value;

use super::{failure, read, without_manifest};
use crate::{
    console::Console,
    exit::Exit,
    failure::Failure,
    json,
    options::{Format, LookArgs},
    show::{count, grouped, name},
    source::Source,
};

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar manifest tool.wasm > tool.toml
  belljar manifest --format json tool.wasm | jq .input

Exit status:
  0  done
  2  usage or I/O; or the module has no manifest
  3  the manifest or the module is invalid";

/// Print the manifest of a module
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ManifestArgs {
    /// The module, a `.wasm` or `.wat` file; `-` reads it from stdin
    module: PathBuf,
    #[command(flatten)]
    look: LookArgs,
}

impl ManifestArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Prints the manifest of a module.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let source = Source::of(&self.module);
        let wasm = read(&source, false)?;
        let found = Manifest::of(&wasm).map_err(|error| failure(&error.into()).in_file(source.name()))?;
        let Some(manifest) = found else {
            return Err(without_manifest().in_file(source.name()));
        };
        let written = if console.format == Format::Human {
            let text = manifest.text();
            let mut stdout = io::stdout().lock();
            let end = if text.ends_with('\n') { "" } else { "\n" };
            let written = match stdout.is_terminal() {
                true => write!(stdout, "{}{end}", belljar::text::escape_lines(text, usize::MAX)),
                false => write!(stdout, "{text}{end}"),
            };
            written.and_then(|()| stdout.flush())
        } else {
            json::print(console.format, &manifest)
        };
        written.map_err(|e| Failure::stdout(&e))?;
        Ok(Exit::Done)
    }
}

/// Returns the lines that `inspect` shows of a manifest: titles and texts.
pub fn lines(manifest: &Manifest) -> Vec<(String, String)> {
    let mut lines = vec![
        ("name".to_owned(), manifest.name.clone()),
        ("version".into(), if manifest.version.is_empty() { "none".into() } else { name(&manifest.version) }),
        ("description".into(), name(&manifest.description)),
        ("input".into(), form(manifest.input.as_ref())),
        ("output".into(), form(manifest.output.as_ref())),
    ];
    for (title, ask) in [("requires", &manifest.requires), ("optional", &manifest.optional)] {
        lines.push((title.into(), requested(ask)));
    }
    lines.push(("examples".into(), grouped(manifest.examples.len() as u64)));
    lines
}

fn form(schema: Option<&Value>) -> String {
    let Some(schema) = schema else { return "plain text".into() };
    let required = |member: &str| {
        let names = schema.get("required").and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|name| name == member))
    };
    match schema.get("properties").and_then(Value::as_object) {
        Some(members) => {
            let shown: Vec<_> = members
                .keys()
                .map(|member| format!("{}{}", name(member), if required(member) { "" } else { "?" }))
                .collect();
            format!("JSON, {}: {}", count(members.len() as u64, "member"), shown.join(", "))
        }
        None => "JSON".into(),
    }
}

/// Formats requested capabilities on one line.
fn requested(requested: &Requested) -> String {
    let Ok(Value::Object(keys)) = serde_json::to_value(requested) else { return "nothing".into() };
    let mut all = Vec::new();
    for (key, value) in keys {
        match value {
            Value::Object(numbers) => {
                all.extend(numbers.iter().filter_map(|(path, n)| Some(format!("{path} = {}", grouped(n.as_u64()?)))))
            }
            Value::Null | Value::Bool(false) => {}
            Value::Array(items) if items.is_empty() => {}
            other => all.push(name(&format!("{key} = {other}"))),
        }
    }
    if all.is_empty() { "nothing".into() } else { all.join(", ") }
}
