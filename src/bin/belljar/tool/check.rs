//! `belljar check`: the examples of a tool, compared with their runs.

use std::io::{self, Write};

use belljar::{
    Error, Outcome,
    record::{Effect, MAX_TRANSCRIPT_BYTES},
    tool::{Example, Tool, ToolError},
};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::{load, without_manifest};
use crate::{
    console::Console,
    exit::Exit,
    explain::{Busy, Explainer},
    failure::Failure,
    json,
    options::{Format, LookArgs, ToolArgs},
    show::{count, grouped, name},
    source::Source,
};

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar check tool.wasm
  belljar check --format json tool.wasm | jq '.examples[] | select(.ok | not)'

Inputs and outputs are also checked against the schemas of the manifest.

The JSON document has tool, sha256 and examples, with number, description, ok, fuel, expected,
found and error for each, and explanation, lines that say where its run stopped.

Exit status:
  0  all examples passed, or the manifest has no examples
  1  an example failed
  2  usage, configuration or I/O; or the module has no manifest
  3  the tool cannot be run";

/// Run the examples of a tool, and compare the results with its manifest
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct CheckArgs {
    #[command(flatten)]
    tool: ToolArgs,
}

impl CheckArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.tool.look
    }

    /// Runs every example, and compares its output with the manifest.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let (tool, wasm) = load(&self.tool.module, self.tool.text, &self.tool.grant, console)?;
        if tool.manifest().is_none() {
            return Err(without_manifest().in_file(Source::of(&self.tool.module).name()));
        }
        // A build without explanations shows only the reasons.
        let explainer = Explainer::new(tool.sandbox(), wasm.into(), Busy::default()).ok();
        let examples = tool.manifest().map_or(&[][..], |manifest| &manifest.examples);
        let mut checked = Vec::new();
        for (index, example) in examples.iter().enumerate() {
            let done = run(&tool, explainer.as_ref(), index as u64 + 1, example);
            if console.format == Format::Human {
                print(&done, console)?;
            }
            checked.push(done);
        }
        let wrong = checked.iter().filter(|one| !one.ok).count() as u64;
        if console.format != Format::Human {
            let document = Document { tool: tool.name(), sha256: tool.sha256(), examples: &checked };
            json::print(console.format, &document).map_err(|e| Failure::stdout(&e))?;
        } else if !console.is_quiet() {
            let sum = match checked.len() as u64 {
                0 => "no examples".into(),
                all => format!("{}, {wrong} wrong", count(all, "example")),
            };
            writeln!(io::stdout().lock(), "{}: {sum}", name(tool.name())).map_err(|e| Failure::stdout(&e))?;
        }
        Ok(if wrong == 0 { Exit::Done } else { Exit::Stopped })
    }
}

#[derive(Serialize)]
struct Document<'a> {
    tool: &'a str,
    sha256: &'a str,
    examples: &'a [Checked],
}

/// An example with the result of its run.
#[derive(Serialize)]
struct Checked {
    number: u64,
    description: Option<String>,
    ok: bool,
    fuel: Option<u64>,
    expected: Option<Value>,
    found: Option<Value>,
    error: Option<String>,
    /// Where the run stopped, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    explanation: Vec<String>,
}

fn run(tool: &Tool, explainer: Option<&Explainer>, number: u64, example: &Example) -> Checked {
    let mut checked = Checked {
        number,
        description: example.description.clone(),
        ok: false,
        fuel: None,
        expected: example.output.clone(),
        found: None,
        error: None,
        explanation: Vec::new(),
    };
    let mut effects = Vec::new();
    match outcome(tool, example, explainer.is_some_and(Explainer::needs_effects), &mut effects) {
        Ok(outcome) => {
            checked.fuel = Some(outcome.usage.fuel);
            match tool.read(&outcome.output) {
                Ok(found) => {
                    checked.ok = example.output.as_ref().is_none_or(|expected| same(expected, &found));
                    checked.found = Some(found);
                }
                Err(error) => checked.error = Some(error.to_string()),
            }
        }
        Err(error) => {
            if let ToolError::Run(cause) = &error
                && let Error::Stopped(stopped) = &**cause
            {
                checked.fuel = Some(stopped.usage.fuel);
                if let (Some(explainer), Ok(input)) = (explainer, tool.write(&example.input)) {
                    checked.explanation = explainer.lines(&input, effects, stopped);
                }
            }
            checked.error = Some(error.to_string());
        }
    }
    checked
}

/// Runs an example; also returns its effects if they are recorded.
fn outcome(tool: &Tool, example: &Example, records: bool, effects: &mut Vec<Effect>) -> Result<Outcome, ToolError> {
    let mut run = tool.start(tool.write(&example.input)?)?;
    if records {
        run.record(MAX_TRANSCRIPT_BYTES);
    }
    let ended = run.finish();
    *effects = run.take_effects();
    Ok(ended?)
}

/// Compares two JSON values; 1 and 1.0 are equal.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn print(checked: &Checked, console: &Console) -> Result<(), Failure> {
    let what = checked.description.as_deref().map_or(String::new(), |text| format!(" ({})", name(text)));
    let title = format!("example {}{what}", checked.number);
    if checked.ok {
        if console.is_quiet() {
            return Ok(());
        }
        let fuel = grouped(checked.fuel.unwrap_or(0));
        return writeln!(io::stdout().lock(), "{title}: ok, {fuel} fuel").map_err(|e| Failure::stdout(&e));
    }
    let message = match (&checked.error, &checked.expected, &checked.found) {
        (Some(error), ..) => error.clone(),
        (None, Some(expected), Some(found)) => {
            format!("expected {}, found {}", name(&expected.to_string()), name(&found.to_string()))
        }
        _ => "no output".into(),
    };
    console.error(None, &format!("{title}: {message}"), None);
    checked.explanation.iter().for_each(|line| console.line(line));
    Ok(())
}
