//! The tools that are served, by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use belljar::{Manifest, Policy, Tool, ToolError};
use rmcp::model::{self, MetaObject, ToolAnnotations};
use serde_json::{Map, Value};

use super::{
    owners::{Claims, Owners},
    served::Served,
};
use crate::{failure::Failure, show, tool};

/// The tools that are served, by name, and those that are not, with the reason.
#[derive(Debug, Default)]
pub struct Catalog {
    tools: BTreeMap<String, Arc<Served>>,
    refused: BTreeMap<String, String>,
}

/// Why a file is not served.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The name by which it would be called.
    pub name: String,
    /// Why.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Catalog {
    /// Puts tools together, and says of which files the name is not theirs.
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
                    catalog.refused.insert(problem.name.clone(), told(path, problem));
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
                catalog.refused.entry(name.into()).or_insert_with(|| told(path, &problem));
                clashes.push(((*path).clone(), problem));
            }
        }
        (catalog, clashes)
    }

    /// A tool; the error is what to tell who called it.
    pub fn find(&self, name: &str) -> Result<&Arc<Served>, String> {
        self.tools.get(name).ok_or_else(|| match self.refused.get(name) {
            Some(why) => format!("the tool `{}` is not served: {why}", show::name(name)),
            None => format!("unknown tool: `{}`", show::name(name)),
        })
    }

    /// What clients are told of the tools, in the order of their names.
    pub fn listed(&self) -> Vec<model::Tool> {
        self.tools.values().map(|served| served.listed.clone()).collect()
    }

    /// How many tools are served.
    pub fn len(&self) -> usize {
        self.tools.len()
    }
}

/// What came of a file.
pub type Loaded = Result<Arc<Served>, Problem>;

/// Makes a tool of the bytes of a file.
pub fn load(path: &Path, wasm: Vec<u8>, policy: &Policy) -> Loaded {
    let file_name = tool::file_name(path);
    match Tool::load(&wasm, &file_name, policy) {
        Ok(tool) => Ok(Arc::new(Served { listed: listed(&tool), tool, wasm: wasm.into() })),
        Err(error) => {
            let named = Manifest::of(&wasm).ok().flatten().map(|manifest| manifest.name);
            let name = named.unwrap_or_else(|| file_name.trim_end_matches(".wasm").into());
            let (message, hint) = reason(&error);
            Err(Problem { name, message, hint })
        }
    }
}

/// What to say of an error, and what to do about it.
pub fn reason(error: &ToolError) -> (String, Option<String>) {
    match tool::failure(error) {
        Failure::Reported(report) => (report.message, report.hint),
        Failure::Closed => (error.to_string(), None),
    }
}

fn taken_by(name: &str, path: &Path) -> Problem {
    let message = format!("the name `{}` is taken by {}", show::name(name), show::path(path));
    let hint = "`name` in the manifest, or the name of the file where there is none, has to be another";
    Problem { name: name.into(), message, hint: Some(hint.into()) }
}

fn claimed_by(served: &Served, other: Option<&PathBuf>) -> Problem {
    let name = served.tool.name();
    let other = other.map(|other| show::path(other)).unwrap_or_default();
    let message = format!("the name `{}` is claimed by {other}, too, so that neither is served", show::name(name));
    let pin = format!("`sha256 = \"{}\"` under `[tools.{}]`", served.tool.sha256(), show::name(name));
    let hint = format!("to serve this one, add {pin} of the configuration, or give the other another name");
    Problem { name: name.into(), message, hint: Some(hint) }
}

fn told(path: &Path, problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}: {}{hint}", show::path(path), problem.message)
}

/// What clients are told of a tool. The hints are not the module's word: they are what it can do.
fn listed(tool: &Tool) -> model::Tool {
    let read_only = tool.is_read_only();
    let annotations = ToolAnnotations::new()
        .read_only(read_only)
        .destructive(!read_only)
        .idempotent(tool.is_pure())
        .open_world(tool.is_open_world());
    let description = tool.manifest().map(|manifest| block(&manifest.description).into());
    let input = shown(tool.input_schema());
    let mut listed = model::Tool::new_with_raw(tool.name().to_owned(), description, input);
    listed.title = tool.manifest().and_then(|manifest| manifest.title.as_deref()).map(line);
    listed.output_schema = tool.output_schema().map(|schema| Arc::new(shown(schema)));
    let mut meta = Map::from_iter([("belljar/sha256".into(), tool.sha256().into())]);
    let version = tool.manifest().map(|manifest| manifest.version.as_str()).filter(|version| !version.is_empty());
    meta.extend(version.map(|version| ("belljar/version".into(), line(version).into())));
    listed.with_annotations(annotations).with_meta(MetaObject(meta))
}

/// A text of a manifest on one line, without what could steer a terminal or reorder it.
fn line(text: &str) -> String {
    belljar::escape(text, usize::MAX).to_string()
}

/// The same of a text that may have several lines.
fn block(text: &str) -> String {
    belljar::escape_lines(text, usize::MAX).to_string()
}

/// A schema whose titles and descriptions are escaped. All else of it is compared with values, and stays.
fn shown(schema: Map<String, Value>) -> Map<String, Value> {
    let member = |(key, value): (String, Value)| {
        let value = match (key.as_str(), value) {
            ("const" | "default" | "enum" | "examples", value) => value,
            // Here keys are names of members.
            ("$defs" | "definitions" | "dependentSchemas" | "patternProperties" | "properties", Value::Object(all)) => {
                all.into_iter().map(|(name, schema)| (name, shown_value(schema))).collect()
            }
            ("title", Value::String(text)) => line(&text).into(),
            ("description" | "$comment", Value::String(text)) => block(&text).into(),
            (_, value) => shown_value(value),
        };
        (key, value)
    };
    schema.into_iter().map(member).collect()
}

fn shown_value(value: Value) -> Value {
    match value {
        Value::Object(schema) => shown(schema).into(),
        Value::Array(schemas) => schemas.into_iter().map(shown_value).collect(),
        other => other,
    }
}
