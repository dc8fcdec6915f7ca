//! Manifest of a module: name, schemas, requested capabilities, examples.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::de::{DeTable, DeValue, Deserializer};

pub use self::{
    error::ManifestError,
    requested::{Requested, RequestedDir},
};
use crate::{
    config::{
        grammar::{Field, Grammar, Kind},
        toml::{parse, syntax},
    },
    error::{ConfigError, ConfigProblem, Position, ValueKind, ValueProblem},
    tool::schema::Schema,
};

pub(crate) mod error;
pub(crate) mod requested;
mod section;

/// The longest manifest that is read, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 64 << 10;

/// Description of a module as a tool, in TOML, in its custom section `belljar.manifest`
/// ([`docs::tools`](crate::docs::tools)).
///
/// ```
/// use belljar::tool::Manifest;
///
/// let manifest = Manifest::from_toml(r#"
///     name = "double"
///     description = "Doubles a number."
///     input = { type = "integer" }
///     output = { type = "integer" }
///     examples = [{ input = 2, output = 4 }]
/// "#)?;
/// let packed = manifest.pack(b"\0asm\x01\0\0\0")?;
/// assert_eq!(Manifest::of(&packed)?.as_ref(), Some(&manifest));
/// # Ok::<(), belljar::tool::ManifestError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The name of the tool: 1 to 64 of `a-z`, `A-Z`, `0-9`, `_`, `-` and `.`, and not `.` or `..`.
    pub name: String,
    /// Its version; empty where it has none.
    pub version: String,
    /// Name to display.
    pub title: Option<String>,
    /// What the tool does, for the choice among tools.
    pub description: String,
    /// Arguments of a WASI program, without its name.
    pub args: Vec<String>,
    /// The JSON Schema of its input; without one, the input is plain text.
    pub input: Option<Value>,
    /// The JSON Schema of its output; without one, the output is plain text.
    pub output: Option<Value>,
    /// Required capabilities and limits.
    pub requires: Requested,
    /// Capabilities and limits that it uses if it gets them.
    pub optional: Requested,
    /// Inputs with their outputs.
    pub examples: Vec<Example>,
    #[serde(skip)]
    text: String,
}

/// An input and its output.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Example {
    /// What the example shows.
    pub description: Option<String>,
    /// The input: JSON that fits the schema, or a string without one.
    pub input: Value,
    /// The output, in the same form; `None`: any value that fits the schema.
    pub output: Option<Value>,
}

impl Manifest {
    /// Reads a manifest of at most 64 KiB.
    ///
    /// # Errors
    ///
    /// [`ManifestError`], with key, line and column where it is about one of them.
    pub fn from_toml(text: &str) -> Result<Manifest, ManifestError> {
        let table = parse(text, MAX_MANIFEST_BYTES)?;
        GRAMMAR.check(table.get_ref()).map_err(|mistake| mistake.of(text))?;
        let draft = Draft::deserialize(Deserializer::from(table.clone())).map_err(|e| syntax(text, &e))?;
        draft.read(&KeyPositions { text, table: table.get_ref() })
    }

    /// Returns the manifest of a module, if it has one. Of the module only the boundaries of sections are read.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn of(wasm: &[u8]) -> Result<Option<Manifest>, ManifestError> {
        let Some(contents) = section::find(wasm)? else { return Ok(None) };
        let text = core::str::from_utf8(contents)
            .map_err(|error| ManifestError::NotText { at: error.valid_up_to() as u64 })?;
        Manifest::from_toml(text).map(Some)
    }

    /// Returns the text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the module with this manifest, which replaces the one that it has.
    ///
    /// # Errors
    ///
    /// [`ManifestError::NotModule`] if the bytes are not a module.
    pub fn pack(&self, wasm: &[u8]) -> Result<Vec<u8>, ManifestError> {
        section::replace(wasm, self.text.as_bytes())
    }
}

const GRAMMAR: Grammar = Grammar(|| {
    vec![
        ("name", Kind::Text),
        ("version", Kind::Text),
        ("title", Kind::Text),
        ("description", Kind::Text),
        ("args", Kind::Texts),
        ("input", Kind::Free(is_schema, ValueKind::Schema)),
        ("output", Kind::Free(is_schema, ValueKind::Schema)),
        ("requires", Kind::Inner(requested::GRAMMAR)),
        ("optional", Kind::Inner(requested::GRAMMAR)),
        ("examples", Kind::Tables(EXAMPLE)),
    ]
});

const EXAMPLE: &[Field] = &[
    ("description", Kind::Text),
    ("input", Kind::Free(is_json, ValueKind::JsonValue)),
    ("input_json", Kind::Text),
    ("output", Kind::Free(is_json, ValueKind::JsonValue)),
    ("output_json", Kind::Text),
];

fn is_schema(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::String(_) | DeValue::Boolean(_) | DeValue::Table(_)) && is_json(value)
}

/// Returns whether JSON has the value, too: not dates, infinity and NaN.
fn is_json(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Datetime(_) => false,
        DeValue::Float(number) => number.as_str().replace('_', "").parse::<f64>().is_ok_and(f64::is_finite),
        DeValue::Array(items) => items.iter().all(|item| is_json(item.get_ref())),
        DeValue::Table(table) => table.values().all(|item| is_json(item.get_ref())),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Boolean(_) => true,
    }
}

/// The keys as they are written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Draft {
    name: String,
    version: String,
    title: Option<String>,
    description: String,
    args: Vec<String>,
    input: Option<Value>,
    output: Option<Value>,
    requires: Requested,
    optional: Requested,
    examples: Vec<BTreeMap<String, Value>>,
}

impl Draft {
    fn read(self, positions: &KeyPositions<'_>) -> Result<Manifest, ManifestError> {
        let unfit = |key: &str, why| Err(positions.error(key, ConfigProblem::Unfit { why }));
        if !is_name(&self.name) {
            return unfit("name", ValueProblem::ToolName);
        }
        if self.description.trim().is_empty() {
            return unfit("description", ValueProblem::NoDescription);
        }
        if self.args.iter().any(|arg| arg.contains('\0')) {
            return unfit("args", ValueProblem::Zero);
        }
        let schema = |key: &str, schema: Option<Value>| -> Result<_, ManifestError> {
            let schema = match schema {
                Some(Value::String(text)) => Some(json(key, &text, positions)?),
                other => other,
            };
            if let Some(schema) = &schema {
                Schema::new(schema).map_err(|cause| ManifestError::Schema { key: key.into(), cause })?;
            }
            Ok(schema)
        };
        for (section, requested) in [("requires", &self.requires), ("optional", &self.optional)] {
            requested.check().map_err(|(key, problem)| positions.error(&format!("{section}.{key}"), problem))?;
        }
        let examples =
            self.examples.into_iter().enumerate().map(|(index, example)| read_example(index, example, positions));
        Ok(Manifest {
            name: self.name,
            version: self.version,
            title: self.title,
            description: self.description,
            args: self.args,
            input: schema("input", self.input)?,
            output: schema("output", self.output)?,
            requires: self.requires,
            optional: self.optional,
            examples: examples.collect::<Result<_, _>>()?,
            text: positions.text.into(),
        })
    }
}

/// Returns whether a text is a valid name of a tool.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    (1..=64).contains(&name.len()) && name.bytes().all(fits) && ![".", ".."].contains(&name)
}

fn read_example(
    index: usize,
    mut example: BTreeMap<String, Value>,
    positions: &KeyPositions<'_>,
) -> Result<Example, ManifestError> {
    let at = format!("examples[{index}]");
    let mut value = |name: &str| {
        let as_json = format!("{name}_json");
        match (example.remove(name), example.remove(&as_json)) {
            (Some(_), Some(_)) => {
                let why = ValueProblem::ValueTwice;
                Err(positions.error(&format!("{at}.{as_json}"), ConfigProblem::Unfit { why }))
            }
            (None, Some(text)) => {
                json(&format!("{at}.{as_json}"), text.as_str().unwrap_or_default(), positions).map(Some)
            }
            (value, None) => Ok(value),
        }
    };
    let (input, output) = (value("input")?, value("output")?);
    let Some(input) = input else {
        return Err(positions.error(&at, ConfigProblem::Unfit { why: ValueProblem::NoInput }));
    };
    let description = example.remove("description").and_then(|text| text.as_str().map(ToString::to_string));
    Ok(Example { description, input, output })
}

/// Reads a value from JSON text.
fn json(key: &str, text: &str, positions: &KeyPositions<'_>) -> Result<Value, ManifestError> {
    serde_json::from_str(text).map_err(|error| ManifestError::Json {
        key: key.into(),
        at: positions.at(key),
        message: error.to_string(),
    })
}

/// A text with the positions of its keys.
struct KeyPositions<'a> {
    text: &'a str,
    table: &'a DeTable<'a>,
}

impl KeyPositions<'_> {
    fn at(&self, key: &str) -> Option<Position> {
        crate::config::toml::place(self.table, key).map(|span| Position::of(self.text, span.start))
    }

    fn error(&self, key: &str, problem: ConfigProblem) -> ManifestError {
        ConfigError { key: key.into(), at: self.at(key), problem }.into()
    }
}
