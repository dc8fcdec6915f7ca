//! Tools: modules that describe themselves, are loaded with the capabilities of a plan, and are called with JSON.

use alloc::{
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

pub use self::error::ToolError;
pub use crate::tool::{
    manifest::{Example, MAX_MANIFEST_BYTES, Manifest, ManifestError, Requested, RequestedDir},
    policy::{Ceiling, MissingCapability, Plan, PlanLine, PlanReason, PlanSource, Policy},
    schema::{
        Schema,
        error::{SchemaError, SchemaProblem},
        mismatch::Mismatch,
    },
};
use crate::{
    abi::Builtin,
    config::{Config, dirs::DirAccess},
    data::{input::Input, outcome::Outcome, text::escape},
    error::Error,
    load::Module,
    run::execution::Execution,
    sandbox::{Sandbox, builder::Builder},
    tool::document::{Document, Kind, Node},
};

#[cfg_attr(not(feature = "json"), allow(dead_code, reason = "schemas use the rest"))]
mod document;
pub(crate) mod error;
pub(crate) mod manifest;
pub(crate) mod policy;
#[cfg_attr(not(feature = "json"), path = "tool/schema/disabled.rs")]
pub(crate) mod schema;

/// Loads a module and runs it, with input and output as JSON.
///
/// Where the module has a [`Manifest`] with schemas, input and output are checked against them. Capabilities that the
/// manifest requests are ignored: the configuration decides. [`Tool`] honours both.
///
/// ```
/// let calc = std::fs::read("fixtures/guests/calc.wasm")?;
/// let input = std::collections::BTreeMap::from([("expr", "6 * 7")]);
/// let (answer, outcome) = belljar::tool::run_json::<_, serde_json::Value>(&calc, &input, &belljar::Config::default())?;
/// assert_eq!(answer, serde_json::json!({ "value": 42 }));
/// assert!(outcome.usage.fuel > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ToolError`]; where a document does not match its schema, with the path in the document.
pub fn run_json<In: Serialize + ?Sized, Out: DeserializeOwned>(
    wasm: &[u8],
    input: &In,
    config: &Config,
) -> Result<(Out, Outcome), ToolError> {
    let schemas = Schemas::of(Manifest::of(wasm)?.as_ref())?;
    let input = schemas.write(document_of(input)?.root(), "")?;
    let sandbox = Sandbox::new(config.clone())?;
    let module = sandbox.load(wasm)?;
    let outcome = sandbox.run(&module, input)?;
    Ok((schemas.read(&outcome.output)?, outcome))
}

/// Module with its manifest and granted capabilities, called with JSON. `Send + Sync`, cheap to clone.
///
/// ```
/// use belljar::tool::{Manifest, Policy, Tool};
///
/// let manifest = Manifest::from_toml(r#"
///     name = "calc"
///     description = "Computes."
///     input = { type = "object", properties = { expr = { type = "string" } }, required = ["expr"] }
/// "#)?;
/// let calc = manifest.pack(&std::fs::read("fixtures/guests/calc.wasm")?)?;
/// let tool = Tool::load(&calc, "calc.wasm", &Policy::default())?;
///
/// let input = serde_json::json!({ "expr": "6 * 7" });
/// let (answer, _) = tool.run_json::<_, serde_json::Value>(&input)?;
/// assert_eq!(answer["value"], 42);
///
/// let error = tool.run_json::<_, serde_json::Value>(&serde_json::json!({ "expr": 6 })).unwrap_err();
/// assert!(matches!(error, belljar::tool::ToolError::Input(all) if all[0].path == "/expr"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plan: Plan,
    module: Module,
    sandbox: Sandbox,
    schemas: Schemas,
}

/// Output of a tool.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolOutput {
    /// Value, valid against [`Tool::output_schema`]; `None` without a schema.
    pub structured: Option<Value>,
    /// Output as text; `None` if it is not UTF-8.
    pub text: Option<String>,
}

impl Tool {
    /// Loads a module as a tool, with the capabilities that the policy grants.
    ///
    /// # Errors
    ///
    /// [`ToolError::Refused`] if a required capability is not granted, and all errors of [`Policy::plan`] and
    /// [`Sandbox::load`].
    pub fn load(wasm: &[u8], file_name: &str, policy: &Policy) -> Result<Tool, ToolError> {
        Tool::load_with(Sandbox::builder(), wasm, file_name, policy)
    }

    /// Loads a tool with the host functions of a builder. Replaces the builder's configuration.
    ///
    /// # Errors
    ///
    /// As [`load`](Tool::load).
    pub fn load_with(builder: Builder, wasm: &[u8], file_name: &str, policy: &Policy) -> Result<Tool, ToolError> {
        let plan = policy.plan(wasm, file_name).map_err(|error| match error {
            // What the bytes are instead is said by loading them.
            ToolError::Manifest(cause) if matches!(*cause, ManifestError::NotModule { .. }) => {
                let refused = Sandbox::new(policy.config().clone()).and_then(|sandbox| sandbox.inspect(wasm));
                refused.err().map_or(ToolError::Manifest(cause), ToolError::from)
            }
            error => error,
        })?;
        if !plan.missing.is_empty() {
            return Err(ToolError::Refused { tool: plan.tool, missing: plan.missing });
        }
        let schemas = Schemas::of(plan.manifest.as_ref())?;
        let sandbox = builder.config(plan.config.clone()).build()?;
        let module = sandbox.load(wasm)?;
        Ok(Tool(Arc::new(Inner { plan, module, sandbox, schemas })))
    }

    /// Returns the name of the tool.
    pub fn name(&self) -> &str {
        &self.0.plan.tool
    }

    /// Returns the manifest, if the module has one.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.0.plan.manifest.as_ref()
    }

    /// Returns the plan: what is granted, and why.
    pub fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// Returns the SHA-256 of the module, as 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.0.plan.sha256
    }

    /// Returns the module.
    pub fn module(&self) -> &Module {
        &self.0.module
    }

    /// Returns the sandbox it runs in.
    pub fn sandbox(&self) -> &Sandbox {
        &self.0.sandbox
    }

    /// Returns the JSON Schema of the arguments, always of an object, as protocols for tools require. An input of
    /// another type is its member `input`.
    pub fn input_schema(&self) -> Map<String, Value> {
        match self.manifest().and_then(|manifest| manifest.input.as_ref()) {
            Some(Value::Object(schema)) if is_object(schema) => schema.clone(),
            Some(schema) => wrapped("input", schema.clone()),
            None => wrapped("input", json!({ "type": "string", "description": "the input, as text" })),
        }
    }

    /// Returns the JSON Schema of the output, always of an object: an output of another type is its member `result`.
    /// Returns `None` if the output is plain text.
    pub fn output_schema(&self) -> Option<Map<String, Value>> {
        Some(match self.manifest()?.output.as_ref()? {
            Value::Object(schema) if is_object(schema) => schema.clone(),
            schema => wrapped("result", schema.clone()),
        })
    }

    /// Returns whether calls have no side effects: no writable directory, only requests with methods that read, and no
    /// custom host functions.
    pub fn is_read_only(&self) -> bool {
        let config = &self.0.plan.config;
        let reads = |method: &String| ["GET", "HEAD", "OPTIONS"].contains(&method.as_str());
        config.wasi.dirs.iter().all(|dir| dir.access == DirAccess::Read)
            && config.http.allow.iter().all(|rule| rule.methods.iter().all(reads))
            && !self.calls_host()
    }

    /// Returns whether a call is a pure function of its arguments: no access to the host is granted.
    pub fn is_pure(&self) -> bool {
        self.0.plan.config.effect().is_none() && !self.calls_host()
    }

    /// Returns whether calls can reach systems beyond the host: by requests, or by custom host functions.
    pub fn is_open_world(&self) -> bool {
        !self.0.plan.config.http.allow.is_empty() || self.calls_host()
    }

    /// Returns whether it imports custom host functions.
    fn calls_host(&self) -> bool {
        let calls = self.module().inspect().capabilities().calls;
        let is_http = |(module, name)| matches!(Builtin::of(module, name), Some(Builtin::Http(_)));
        calls.iter().any(|call| !call.split_once('.').is_some_and(is_http))
    }

    /// Encodes arguments, valid against [`input_schema`](Tool::input_schema), as the input of the guest.
    ///
    /// # Errors
    ///
    /// [`ToolError::Input`] with paths within the arguments.
    pub fn encode(&self, arguments: &Value) -> Result<Vec<u8>, ToolError> {
        self.encode_document(&Document::of(arguments))
    }

    /// Encodes arguments, given as a JSON text, as the input of the guest. Takes at most 8 times the memory of the text.
    ///
    /// # Errors
    ///
    /// As [`encode`](Tool::encode); [`ToolError::Input`] also for a text that is not JSON.
    pub fn encode_json(&self, arguments: impl AsRef<[u8]>) -> Result<Vec<u8>, ToolError> {
        self.encode_document(&parsed(arguments)?)
    }

    fn encode_document(&self, document: &Document) -> Result<Vec<u8>, ToolError> {
        let (schemas, arguments) = (&self.0.schemas, document.root());
        let declared = self.manifest().and_then(|manifest| manifest.input.as_ref());
        if declared.is_some_and(|schema| matches!(schema, Value::Object(schema) if is_object(schema))) {
            return schemas.write(arguments, "");
        }
        let Some(mut members) = arguments.members() else {
            return Err(wrong_input("", "expected an object with `input`"));
        };
        if let Some((other, _)) = members.find(|(name, _)| *name != "input") {
            let other = escape(other, 64);
            return Err(wrong_input("", &alloc::format!("unexpected `{other}`; there is only `input`")));
        }
        let input = arguments.members().and_then(|members| members.get("input"));
        let input = input.ok_or_else(|| wrong_input("", "expected `input`"))?;
        match declared {
            Some(_) => schemas.write(input, "/input"),
            None => text_of(input).ok_or_else(|| wrong_input("/input", "expected a string")),
        }
    }

    /// Encodes a value as the input of the guest: JSON that is valid against the schema, or a string without a schema.
    ///
    /// # Errors
    ///
    /// [`ToolError::Input`].
    pub fn write(&self, input: &Value) -> Result<Vec<u8>, ToolError> {
        self.write_document(&Document::of(input))
    }

    /// Encodes a value, given as a JSON text, as the input of the guest. Takes at most 8 times the memory of the text.
    ///
    /// # Errors
    ///
    /// As [`write`](Tool::write); [`ToolError::Input`] also for a text that is not JSON.
    pub fn write_json(&self, input: impl AsRef<[u8]>) -> Result<Vec<u8>, ToolError> {
        self.write_document(&parsed(input)?)
    }

    fn write_document(&self, input: &Document) -> Result<Vec<u8>, ToolError> {
        if self.0.schemas.input.is_some() {
            return self.0.schemas.write(input.root(), "");
        }
        text_of(input.root()).ok_or_else(|| wrong_input("", "expected a string: the input is text"))
    }

    /// Checks the output of a run and returns it: parsed JSON with a schema, a string without.
    ///
    /// # Errors
    ///
    /// As [`decode`](Tool::decode), and [`ToolError::Unreadable`] for a text that is not UTF-8.
    pub fn read(&self, output: &[u8]) -> Result<Value, ToolError> {
        if self.0.schemas.output.is_some() {
            return self.0.schemas.read(output);
        }
        let text = core::str::from_utf8(output).map_err(|e| ToolError::Unreadable { message: e.to_string() })?;
        Ok(text.into())
    }

    /// Checks the output of a run as [`read`](Tool::read) does, without building a value.
    ///
    /// # Errors
    ///
    /// As [`read`](Tool::read).
    pub fn check_output(&self, output: &[u8]) -> Result<(), ToolError> {
        if self.0.schemas.output.is_some() {
            return self.0.schemas.check_output(output);
        }
        let text = core::str::from_utf8(output);
        text.map(drop).map_err(|e| ToolError::Unreadable { message: e.to_string() })
    }

    /// Prepares a run. No code of the guest runs until the first step.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::start`].
    pub fn start(&self, input: impl Into<Input>) -> Result<Execution, Error> {
        self.0.sandbox.start(&self.0.module, input)
    }

    /// Checks and decodes the output of a run.
    ///
    /// # Errors
    ///
    /// With a schema: [`ToolError::Unreadable`] if the output is not JSON, [`ToolError::Output`] if it does not match.
    pub fn decode(&self, output: &[u8]) -> Result<ToolOutput, ToolError> {
        let text = core::str::from_utf8(output).ok().map(ToString::to_string);
        let Some(declared) = self.manifest().and_then(|manifest| manifest.output.as_ref()) else {
            return Ok(ToolOutput { structured: None, text });
        };
        let value: Value = self.0.schemas.read(output)?;
        let structured = match declared {
            Value::Object(schema) if is_object(schema) => value,
            _ => json!({ "result": value }),
        };
        Ok(ToolOutput { structured: Some(structured), text })
    }

    /// Runs the tool, with input and output as JSON.
    ///
    /// # Errors
    ///
    /// [`ToolError`]; where a document does not match its schema, with the path in the document.
    pub fn run_json<In: Serialize + ?Sized, Out: DeserializeOwned>(
        &self,
        input: &In,
    ) -> Result<(Out, Outcome), ToolError> {
        let input = self.0.schemas.write(document_of(input)?.root(), "")?;
        let outcome = self.start(input)?.finish()?;
        Ok((self.0.schemas.read(&outcome.output)?, outcome))
    }
}

/// Schemas of input and output, if declared.
#[derive(Debug)]
struct Schemas {
    input: Option<Schema>,
    output: Option<Schema>,
}

impl Schemas {
    fn of(manifest: Option<&Manifest>) -> Result<Schemas, ToolError> {
        let schema = |key: &str, value: Option<&Value>| {
            let error = |cause| ManifestError::Schema { key: key.into(), cause };
            value.map(|value| Schema::new(value).map_err(error)).transpose()
        };
        let input = schema("input", manifest.and_then(|manifest| manifest.input.as_ref()))?;
        Ok(Schemas { input, output: schema("output", manifest.and_then(|manifest| manifest.output.as_ref()))? })
    }

    fn write(&self, input: Node<'_>, prefix: &str) -> Result<Vec<u8>, ToolError> {
        let below = |all: Vec<Mismatch>| all.into_iter().map(|one| one.below(prefix)).collect();
        if let Some(schema) = &self.input {
            schema.check_node(input).map_err(|all| ToolError::Input(below(all)))?;
        }
        Ok(input.to_json())
    }

    fn check_output(&self, output: &[u8]) -> Result<(), ToolError> {
        let Some(schema) = &self.output else { return Ok(()) };
        let document = Document::parse(output).map_err(unreadable)?;
        schema.check_node(document.root()).map_err(ToolError::Output)
    }

    fn read<Out: DeserializeOwned>(&self, output: &[u8]) -> Result<Out, ToolError> {
        self.check_output(output)?;
        serde_json::from_slice(output).map_err(unreadable)
    }
}

fn unreadable(error: serde_json::Error) -> ToolError {
    ToolError::Unreadable { message: error.to_string() }
}

fn unwritable(error: serde_json::Error) -> ToolError {
    ToolError::Unwritable { message: error.to_string() }
}

fn document_of<In: Serialize + ?Sized>(input: &In) -> Result<Document, ToolError> {
    Document::parse(&serde_json::to_vec(input).map_err(unwritable)?).map_err(unwritable)
}

/// Parses a JSON text, and drops it if it is owned.
fn parsed(text: impl AsRef<[u8]>) -> Result<Document, ToolError> {
    Document::parse(text.as_ref()).map_err(|error| wrong_input("", &alloc::format!("not JSON: {error}")))
}

fn text_of(value: Node<'_>) -> Option<Vec<u8>> {
    if let Kind::Text(text) = value.kind() { Some(text.into()) } else { None }
}

fn wrong_input(path: &str, message: &str) -> ToolError {
    ToolError::Input(alloc::vec![Mismatch::new(path, message)])
}

fn is_object(schema: &Map<String, Value>) -> bool {
    schema.get("type").is_some_and(|ty| ty == "object")
}

/// Returns the schema of an object with one member, and adapts the references of the member's schema.
fn wrapped(name: &str, schema: Value) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("type".into(), "object".into());
    object.insert("required".into(), json!([name]));
    object.insert("additionalProperties".into(), false.into());
    object.insert("properties".into(), json!({ name: rebased(schema, &alloc::format!("#/properties/{name}")) }));
    object
}

/// Prefixes the references of a schema that becomes part of another.
fn rebased(schema: Value, to: &str) -> Value {
    match schema {
        Value::Object(members) => {
            let each = members.into_iter().map(|(name, value)| match value {
                Value::String(target) if name == "$ref" => {
                    let target = target.strip_prefix('#').map_or(target.clone(), |rest| alloc::format!("{to}{rest}"));
                    (name, target.into())
                }
                value => (name, rebased(value, to)),
            });
            Value::Object(each.collect())
        }
        Value::Array(items) => items.into_iter().map(|item| rebased(item, to)).collect(),
        other => other,
    }
}
