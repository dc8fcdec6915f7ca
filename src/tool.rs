//! A module as a tool: loaded with what its plan gives it, called with JSON.

use alloc::{
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

pub use self::error::ToolError;
use crate::{
    abi::Builtin,
    config::{Config, dirs::Access},
    document::{Document, Kind, Node},
    error::Error,
    execution::Execution,
    input::Input,
    manifest::{Manifest, ManifestError},
    module::Module,
    outcome::Outcome,
    policy::{Plan, Policy},
    sandbox::{Builder, Sandbox},
    schema::{Mismatch, Schema},
    text::escape,
};

pub(crate) mod error;

/// Runs a module with a value as JSON for its input, and reads its output as JSON: all in one call.
///
/// Where the module has a [`Manifest`] with schemas, both sides are checked against them. What it asks for
/// there is not looked at: it has what the configuration says. [`Tool`] does both.
///
/// ```
/// let calc = std::fs::read("fixtures/guests/calc.wasm")?;
/// let input = std::collections::BTreeMap::from([("expr", "6 * 7")]);
/// let (answer, outcome) = belljar::run_json::<_, serde_json::Value>(&calc, &input, &belljar::Config::default())?;
/// assert_eq!(answer, serde_json::json!({ "value": 42 }));
/// assert!(outcome.usage.fuel > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ToolError`]; where a document does not fit its schema, with the path in the document.
pub fn run_json<In: Serialize + ?Sized, Out: DeserializeOwned>(
    wasm: &[u8],
    input: &In,
    config: &Config,
) -> Result<(Out, Outcome), ToolError> {
    let forms = Forms::of(Manifest::of(wasm)?.as_ref())?;
    let input = forms.write(document_of(input)?.root(), "")?;
    let sandbox = Sandbox::new(config.clone())?;
    let module = sandbox.load(wasm)?;
    let outcome = sandbox.run(&module, input)?;
    Ok((forms.read(&outcome.output)?, outcome))
}

/// A module as a tool: what it says of itself, what it is given, and calls with JSON. `Send + Sync`, cheap to
/// clone.
///
/// ```
/// use belljar::{Manifest, Policy, Tool};
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
/// assert!(matches!(error, belljar::ToolError::Input(all) if all[0].path == "/expr"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tool(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    plan: Plan,
    module: Module,
    sandbox: Sandbox,
    forms: Forms,
}

/// The output of a tool, in the forms that it has.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The value, in the form of [`Tool::output_schema`]; `None` where there is no schema.
    pub structured: Option<Value>,
    /// The output as text; `None` where it is not UTF-8.
    pub text: Option<String>,
}

impl Tool {
    /// Loads a module as a tool, with what the policy gives it.
    ///
    /// # Errors
    ///
    /// [`ToolError::Refused`] if it is not given what it requires, and all that [`Policy::plan`] and
    /// [`Sandbox::load`] say.
    pub fn load(wasm: &[u8], file_name: &str, policy: &Policy) -> Result<Tool, ToolError> {
        Tool::load_with(Sandbox::builder(), wasm, file_name, policy)
    }

    /// The same with host functions of the embedding program, which the builder has; its configuration is set
    /// here.
    ///
    /// # Errors
    ///
    /// As [`load`](Tool::load).
    pub fn load_with(builder: Builder, wasm: &[u8], file_name: &str, policy: &Policy) -> Result<Tool, ToolError> {
        let plan = policy.plan(wasm, file_name)?;
        if !plan.missing.is_empty() {
            return Err(ToolError::Refused { tool: plan.tool, missing: plan.missing });
        }
        let forms = Forms::of(plan.manifest.as_ref())?;
        let sandbox = builder.config(plan.config.clone()).build()?;
        let module = sandbox.load(wasm)?;
        Ok(Tool(Arc::new(Parts { plan, module, sandbox, forms })))
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.plan.tool
    }

    /// What it says of itself.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.0.plan.manifest.as_ref()
    }

    /// What it is given, and why.
    pub fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// The SHA-256 of the module, in 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.0.plan.sha256
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.0.module
    }

    /// The sandbox it is run in.
    pub fn sandbox(&self) -> &Sandbox {
        &self.0.sandbox
    }

    /// The JSON Schema of its arguments: always of an object, as protocols for tools want it. An input of
    /// another form is its member `input`.
    pub fn input_schema(&self) -> Map<String, Value> {
        match self.manifest().and_then(|manifest| manifest.input.as_ref()) {
            Some(Value::Object(schema)) if is_object(schema) => schema.clone(),
            Some(schema) => wrapped("input", schema.clone()),
            None => wrapped("input", json!({ "type": "string", "description": "the input, as text" })),
        }
    }

    /// The JSON Schema of its answers, always of an object: an output of another form is its member `result`.
    /// `None` where the output is plain text.
    pub fn output_schema(&self) -> Option<Map<String, Value>> {
        Some(match self.manifest()?.output.as_ref()? {
            Value::Object(schema) if is_object(schema) => schema.clone(),
            schema => wrapped("result", schema.clone()),
        })
    }

    /// Whether a call changes nothing outside: it can write to no directory, make no requests but those that
    /// only read, and call nothing of the embedding program.
    pub fn is_read_only(&self) -> bool {
        let config = &self.0.plan.config;
        let reads = |method: &String| ["GET", "HEAD", "OPTIONS"].contains(&method.as_str());
        config.wasi.dirs.iter().all(|dir| dir.access == Access::Read)
            && config.http.allow.iter().all(|rule| rule.methods.iter().all(reads))
            && !self.calls_host()
    }

    /// Whether a call is a pure function of its arguments: nothing of the host is granted.
    pub fn is_pure(&self) -> bool {
        self.0.plan.config.effect().is_none() && !self.calls_host()
    }

    /// Whether it can talk to others.
    pub fn is_open_world(&self) -> bool {
        !self.0.plan.config.http.allow.is_empty() || self.calls_host()
    }

    /// Whether it imports functions of the embedding program.
    fn calls_host(&self) -> bool {
        let calls = self.module().inspect().powers().calls;
        let is_http = |(module, name)| matches!(Builtin::of(module, name), Some(Builtin::Http(_)));
        calls.iter().any(|call| !call.split_once('.').is_some_and(is_http))
    }

    /// Returns the input of the guest for arguments in the form of [`input_schema`](Tool::input_schema).
    ///
    /// # Errors
    ///
    /// [`ToolError::Input`] with paths within the arguments.
    pub fn encode(&self, arguments: &Value) -> Result<Vec<u8>, ToolError> {
        self.encode_document(&Document::of(arguments))
    }

    /// Returns the input of the guest for arguments as a JSON text. It takes at most 8 times as much memory as the text.
    ///
    /// # Errors
    ///
    /// As [`encode`](Tool::encode); [`ToolError::Input`] also for a text that is no JSON.
    pub fn encode_json(&self, arguments: impl AsRef<[u8]>) -> Result<Vec<u8>, ToolError> {
        self.encode_document(&parsed(arguments)?)
    }

    fn encode_document(&self, document: &Document) -> Result<Vec<u8>, ToolError> {
        let (forms, arguments) = (&self.0.forms, document.root());
        let declared = self.manifest().and_then(|manifest| manifest.input.as_ref());
        if declared.is_some_and(|schema| matches!(schema, Value::Object(schema) if is_object(schema))) {
            return forms.write(arguments, "");
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
            Some(_) => forms.write(input, "/input"),
            None => text_of(input).ok_or_else(|| wrong_input("/input", "expected a string")),
        }
    }

    /// Returns the input of the guest for an input as it is: JSON that fits the schema, or a text where there is none.
    ///
    /// # Errors
    ///
    /// [`ToolError::Input`].
    pub fn write(&self, input: &Value) -> Result<Vec<u8>, ToolError> {
        self.write_document(&Document::of(input))
    }

    /// Returns the input of the guest for an input as a JSON text. It takes at most 8 times as much memory as the text.
    ///
    /// # Errors
    ///
    /// As [`write`](Tool::write); [`ToolError::Input`] also for a text that is no JSON.
    pub fn write_json(&self, input: impl AsRef<[u8]>) -> Result<Vec<u8>, ToolError> {
        self.write_document(&parsed(input)?)
    }

    fn write_document(&self, input: &Document) -> Result<Vec<u8>, ToolError> {
        if self.0.forms.input.is_some() {
            return self.0.forms.write(input.root(), "");
        }
        text_of(input.root()).ok_or_else(|| wrong_input("", "expected a string: the input is text"))
    }

    /// The output of a run as it is, checked: JSON where there is a schema, and else a text.
    ///
    /// # Errors
    ///
    /// As [`decode`](Tool::decode), and [`ToolError::Unreadable`] for a text that is not UTF-8.
    pub fn read(&self, output: &[u8]) -> Result<Value, ToolError> {
        if self.0.forms.output.is_some() {
            return self.0.forms.read(output);
        }
        let text = core::str::from_utf8(output).map_err(|e| ToolError::Unreadable { message: e.to_string() })?;
        Ok(text.into())
    }

    /// Checks the output of a run, as [`read`](Tool::read) does, and makes no tree of it.
    ///
    /// # Errors
    ///
    /// As [`read`](Tool::read).
    pub fn check_output(&self, output: &[u8]) -> Result<(), ToolError> {
        if self.0.forms.output.is_some() {
            return self.0.forms.check_output(output);
        }
        let text = core::str::from_utf8(output);
        text.map(drop).map_err(|e| ToolError::Unreadable { message: e.to_string() })
    }

    /// Starts a run without running anything of it yet.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::start`].
    pub fn start(&self, input: impl Into<Input>) -> Result<Execution, Error> {
        self.0.sandbox.start(&self.0.module, input)
    }

    /// The output of a run, checked.
    ///
    /// # Errors
    ///
    /// [`ToolError::Unreadable`] if there is a schema and it is not JSON, [`ToolError::Output`] if it does not
    /// fit.
    pub fn decode(&self, output: &[u8]) -> Result<Answer, ToolError> {
        let text = core::str::from_utf8(output).ok().map(ToString::to_string);
        let Some(declared) = self.manifest().and_then(|manifest| manifest.output.as_ref()) else {
            return Ok(Answer { structured: None, text });
        };
        let value: Value = self.0.forms.read(output)?;
        let structured = match declared {
            Value::Object(schema) if is_object(schema) => value,
            _ => json!({ "result": value }),
        };
        Ok(Answer { structured: Some(structured), text })
    }

    /// Runs it with a value as JSON for its input, and reads its output as JSON.
    ///
    /// # Errors
    ///
    /// [`ToolError`]; where a document does not fit its schema, with the path in the document.
    pub fn run_json<In: Serialize + ?Sized, Out: DeserializeOwned>(
        &self,
        input: &In,
    ) -> Result<(Out, Outcome), ToolError> {
        let input = self.0.forms.write(document_of(input)?.root(), "")?;
        let outcome = self.start(input)?.finish()?;
        Ok((self.0.forms.read(&outcome.output)?, outcome))
    }
}

/// The schemas of both sides, where there are any.
#[derive(Debug)]
struct Forms {
    input: Option<Schema>,
    output: Option<Schema>,
}

impl Forms {
    fn of(manifest: Option<&Manifest>) -> Result<Forms, ToolError> {
        let schema = |key: &str, value: Option<&Value>| {
            let error = |cause| ManifestError::Schema { key: key.into(), cause };
            value.map(|value| Schema::new(value).map_err(error)).transpose()
        };
        let input = schema("input", manifest.and_then(|manifest| manifest.input.as_ref()))?;
        Ok(Forms { input, output: schema("output", manifest.and_then(|manifest| manifest.output.as_ref()))? })
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

/// Reads a text, which is freed with that if it is owned.
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

/// The schema of an object with one member. What the schema refers to within itself comes along.
fn wrapped(name: &str, schema: Value) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("type".into(), "object".into());
    object.insert("required".into(), json!([name]));
    object.insert("additionalProperties".into(), false.into());
    object.insert("properties".into(), json!({ name: moved(schema, &alloc::format!("#/properties/{name}")) }));
    object
}

/// A schema with its references as they are where it is now.
fn moved(schema: Value, to: &str) -> Value {
    match schema {
        Value::Object(members) => {
            let each = members.into_iter().map(|(name, value)| match value {
                Value::String(place) if name == "$ref" => {
                    let place = place.strip_prefix('#').map_or(place.clone(), |rest| alloc::format!("{to}{rest}"));
                    (name, place.into())
                }
                value => (name, moved(value, to)),
            });
            Value::Object(each.collect())
        }
        Value::Array(items) => items.into_iter().map(|item| moved(item, to)).collect(),
        other => other,
    }
}
