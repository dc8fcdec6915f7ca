//! Catalog of the served tools.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use belljar::tool::{Manifest, Policy, Tool, ToolError};
use rmcp::model::{self, MetaObject, ToolAnnotations};
use serde_json::{Map, Value};

use super::{
    owners::{Claims, Owners},
    served::ServedTool,
};
use crate::{failure::Failure, origin::Origins, show, tool};

/// The served tools by name, and the refused ones with the reason.
#[derive(Debug, Default)]
pub struct Catalog {
    tools: BTreeMap<String, Arc<ServedTool>>,
    refused: BTreeMap<String, String>,
}

/// The reason why a file is not served.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The name that the tool would have.
    pub name: String,
    /// The error message.
    pub message: String,
    /// Advice on how to solve it.
    pub hint: Option<String>,
}

impl Catalog {
    /// Builds a catalog from the loaded files. Also returns the files whose name belongs to another file.
    pub fn of<'a>(
        files: impl Iterator<Item = (&'a PathBuf, &'a Loaded)>,
        owners: &mut Owners,
    ) -> (Catalog, Vec<(PathBuf, Problem)>) {
        let (mut catalog, mut claims, mut failed) = (Catalog::default(), Claims::new(), BTreeSet::new());
        for (path, loaded) in files {
            match loaded {
                Ok(served) => claims.entry(served.tool.name()).or_default().push((path, served)),
                Err(problem) => {
                    failed.insert(path);
                    catalog.refused.insert(problem.name.clone(), located(path, problem));
                }
            }
        }
        owners.keep(&claims, &failed);
        let mut clashes = Vec::new();
        for (name, claimants) in claims {
            let owner = owners.of(name, &claimants).cloned();
            for (path, served) in &claimants {
                let problem = match &owner {
                    Some(owner) if owner == *path => {
                        catalog.tools.insert(name.into(), Arc::clone(served));
                        continue;
                    }
                    Some(owner) => taken_by(name, owner),
                    None => {
                        claimed_by(served, claimants.iter().find(|(other, _)| other != path).map(|(other, _)| *other))
                    }
                };
                catalog.refused.entry(name.into()).or_insert_with(|| located(path, &problem));
                clashes.push(((*path).clone(), problem));
            }
        }
        (catalog, clashes)
    }

    /// Finds a tool by name. The error is the message for the caller.
    pub fn find(&self, name: &str) -> Result<&Arc<ServedTool>, String> {
        self.tools.get(name).ok_or_else(|| match self.refused.get(name) {
            Some(why) => format!("the tool `{}` is not served: {why}", show::name(name)),
            None => format!("unknown tool: `{}`", show::name(name)),
        })
    }

    /// Returns the definitions of the tools, sorted by name.
    pub fn definitions(&self) -> Vec<model::Tool> {
        self.tools.values().map(|served| served.definition.clone()).collect()
    }

    /// Returns the number of served tools.
    pub fn len(&self) -> usize {
        self.tools.len()
    }
}

/// The result of loading a file.
pub type Loaded = Result<Arc<ServedTool>, Problem>;

/// Loads the contents of a file as a tool.
pub fn load(path: &Path, wasm: Vec<u8>, policy: &Policy, origins: &Origins) -> Loaded {
    let file_name = tool::file_name(path);
    match Tool::load(&wasm, &file_name, policy) {
        Ok(tool) => Ok(Arc::new(ServedTool { definition: definition(&tool), tool, wasm: wasm.into() })),
        Err(error) => {
            let named = Manifest::of(&wasm).ok().flatten().map(|manifest| manifest.name);
            let name = named.unwrap_or_else(|| file_name.trim_end_matches(".wasm").into());
            let (message, hint) = message_and_hint(&error, origins);
            Err(Problem { name, message, hint })
        }
    }
}

/// Returns the message and the hint for an error.
fn message_and_hint(error: &ToolError, origins: &Origins) -> (String, Option<String>) {
    match tool::failure(error).under(origins) {
        Failure::Reported(report) => (report.message, report.hint),
        Failure::Closed => (error.to_string(), None),
    }
}

fn taken_by(name: &str, path: &Path) -> Problem {
    let message = format!("the name `{}` is taken by {}", show::name(name), show::path(path));
    let hint = "change `name` in the manifest or, without a manifest, the file name";
    Problem { name: name.into(), message, hint: Some(hint.into()) }
}

fn claimed_by(served: &ServedTool, other: Option<&PathBuf>) -> Problem {
    let name = served.tool.name();
    let other = other.map(|other| show::path(other)).unwrap_or_default();
    let message = format!("the name `{}` is also claimed by {other}, so neither is served", show::name(name));
    let pin = format!("`sha256 = \"{}\"` under `[tools.{}]`", served.tool.sha256(), show::name(name));
    let hint = format!("to serve this one, add {pin} of the configuration, or give the other another name");
    Problem { name: name.into(), message, hint: Some(hint) }
}

/// Returns the message for the caller. The hint is for the operator, who has seen it on stderr.
fn located(path: &Path, problem: &Problem) -> String {
    format!("{}: {}", show::path(path), problem.message)
}

/// Returns the definition of a tool for clients. The annotations follow from its capabilities, not from the manifest.
fn definition(tool: &Tool) -> model::Tool {
    let read_only = tool.is_read_only();
    let annotations = ToolAnnotations::new()
        .read_only(read_only)
        .destructive(!read_only)
        .idempotent(tool.is_pure())
        .open_world(tool.is_open_world());
    let description = tool.manifest().map(|manifest| block(&manifest.description).into());
    let input = escaped(tool.input_schema());
    let mut definition = model::Tool::new_with_raw(tool.name().to_owned(), description, input);
    definition.title = tool.manifest().and_then(|manifest| manifest.title.as_deref()).map(line);
    definition.output_schema = tool.output_schema().map(|schema| Arc::new(escaped(schema)));
    let mut meta = Map::from_iter([("belljar/sha256".into(), tool.sha256().into())]);
    let version = tool.manifest().map(|manifest| manifest.version.as_str()).filter(|version| !version.is_empty());
    meta.extend(version.map(|version| ("belljar/version".into(), line(version).into())));
    definition.with_annotations(annotations).with_meta(MetaObject(meta))
}

/// Escapes text of a manifest for one line: without terminal control or bidirectional characters.
fn line(text: &str) -> String {
    belljar::text::escape(text, usize::MAX).to_string()
}

/// Escapes text of a manifest that may have several lines.
fn block(text: &str) -> String {
    belljar::text::escape_lines(text, usize::MAX).to_string()
}

/// Escapes the titles and descriptions of a schema. The rest is compared with values, and stays unchanged.
fn escaped(schema: Map<String, Value>) -> Map<String, Value> {
    let member = |(key, value): (String, Value)| {
        let value = match (key.as_str(), value) {
            ("const" | "default" | "enum" | "examples", value) => value,
            // The keys are member names, not keywords.
            ("$defs" | "definitions" | "dependentSchemas" | "patternProperties" | "properties", Value::Object(all)) => {
                all.into_iter().map(|(name, schema)| (name, escaped_value(schema))).collect()
            }
            ("title", Value::String(text)) => line(&text).into(),
            ("description" | "$comment", Value::String(text)) => block(&text).into(),
            (_, value) => escaped_value(value),
        };
        (key, value)
    };
    schema.into_iter().map(member).collect()
}

fn escaped_value(value: Value) -> Value {
    match value {
        Value::Object(schema) => escaped(schema).into(),
        Value::Array(schemas) => schemas.into_iter().map(escaped_value).collect(),
        other => other,
    }
}
