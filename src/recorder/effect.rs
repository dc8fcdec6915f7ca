//! One request of a run to the host environment with its answer, and its form in a transcript.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Value as Json, json};

use super::access::Access;
use crate::data::{digest::Digest, hex, outcome::Level};

/// A request of a run to the host environment, and the answer.
///
/// In a transcript it is an object with the members `function`, `asked` and `answer`, as the page
/// [`docs::transcripts`](crate::docs::transcripts) lists them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// A call of a custom host function, or of one of the module `http`.
    HostCall {
        /// Its name: `module.name`.
        function: String,
        /// Each argument as type and value: `i32:5`, and the bits of floating point numbers.
        arguments: Vec<String>,
        /// Its accesses to the run, in order.
        actions: Vec<HostAction>,
        /// How it ended.
        end: HostEnd,
    },
    /// A reading of the host's clock.
    Clock {
        /// Nanoseconds since 1970.
        realtime: u64,
        /// Nanoseconds since the run first read the clock.
        monotonic: u64,
    },
    /// Random bytes of the host.
    Random {
        /// The bytes; as many as were requested.
        bytes: Bytes,
    },
    /// An operation in a directory of the host.
    Directory {
        /// Its name: `open`, `read` and so on.
        operation: String,
        /// `dir`, the path at which the guest sees the directory, and the operands.
        asked: Json,
        /// `work`, the names looked up, which fuel is charged for; and either `ok` with the result or `errno`.
        answer: Json,
    },
}

/// An access of a host function to the run that called it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum HostAction {
    /// A read of the guest's memory.
    Read {
        /// The address.
        ptr: u32,
        /// The number of bytes.
        len: u32,
        /// The digest of the bytes.
        bytes: Digest,
    },
    /// A write to the guest's memory.
    Write {
        /// The address.
        ptr: u32,
        /// The bytes.
        bytes: Bytes,
    },
    /// A charge of fuel.
    Charge {
        /// The fuel.
        fuel: u64,
    },
    /// An addition to the output.
    Output {
        /// The bytes.
        bytes: Bytes,
    },
    /// An addition to the log.
    Log {
        /// The level of the message.
        level: Level,
        /// The message.
        text: String,
    },
}

/// The end of a call of a host function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum HostEnd {
    /// It returned these values, each as type and value.
    Results(Vec<String>),
    /// It failed with this message.
    Failed(String),
    /// It panicked with this message.
    Panicked(String),
    /// A capability was missing.
    Denied {
        /// The capability.
        capability: String,
        /// What was denied, where the function says so.
        detail: Option<String>,
    },
    /// One of its actions stopped the run, or the run was cancelled while the function waited.
    #[serde(with = "marker")]
    Stopped,
}

/// Bytes: `{"text": …}` where they are UTF-8, or else `{"hex": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TextOrHex", into = "TextOrHex")]
pub struct Bytes(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum TextOrHex {
    Text(String),
    Hex(String),
}

impl From<Bytes> for TextOrHex {
    fn from(Bytes(bytes): Bytes) -> Self {
        String::from_utf8(bytes).map_or_else(|error| TextOrHex::Hex(hex::encode(error.as_bytes())), TextOrHex::Text)
    }
}

impl TryFrom<TextOrHex> for Bytes {
    type Error = &'static str;

    fn try_from(written: TextOrHex) -> Result<Self, Self::Error> {
        match written {
            TextOrHex::Text(text) => Ok(Bytes(text.into_bytes())),
            TextOrHex::Hex(digits) => hex::decode(&digits).map(Bytes).ok_or(hex::EXPECTED),
        }
    }
}

/// The form of [`HostEnd::Stopped`]: `"stopped": true`.
mod marker {
    use super::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        bool::deserialize(deserializer).map(drop)
    }
}

impl HostAction {
    /// Copies an access.
    pub(super) fn of(access: &Access<'_>) -> HostAction {
        match *access {
            Access::Read { ptr, len, bytes } => HostAction::Read { ptr, len, bytes: Digest::of(bytes) },
            Access::Write { ptr, bytes } => HostAction::Write { ptr, bytes: Bytes(bytes.into()) },
            Access::Charge { fuel } => HostAction::Charge { fuel },
            Access::Output { bytes } => HostAction::Output { bytes: Bytes(bytes.into()) },
            Access::Log { level, text } => HostAction::Log { level, text: text.into() },
        }
    }
}

/// An effect without its answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) function: String,
    pub(crate) asked: Json,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.function, self.asked)
    }
}

impl Request {
    /// Makes the request of a call of a host function.
    pub(crate) fn host_call(function: String, arguments: &[String]) -> Request {
        Request { function, asked: json!({ "arguments": arguments }) }
    }

    /// Makes the request of a reading of the clock.
    pub(super) fn clock() -> Request {
        Request { function: "clock".into(), asked: json!({}) }
    }

    /// Makes the request of random bytes.
    pub(super) fn random(len: usize) -> Request {
        Request { function: "random".into(), asked: json!({ "len": len }) }
    }

    /// Makes the request of an operation in a directory.
    pub(super) fn directory(operation: &str, asked: Json) -> Request {
        Request { function: format!("{DIRECTORY}{operation}"), asked }
    }
}

/// The start of `function` for operations in directories.
const DIRECTORY: &str = "dir.";

impl Effect {
    /// Returns its member `function` in a transcript: `module.name`, `clock`, `random`, `dir.open` and so on.
    pub fn function(&self) -> String {
        self.request().function
    }

    /// Returns the effect without its answer.
    pub(crate) fn request(&self) -> Request {
        match self {
            Effect::HostCall { function, arguments, .. } => Request::host_call(function.clone(), arguments),
            Effect::Clock { .. } => Request::clock(),
            Effect::Random { bytes } => Request::random(bytes.0.len()),
            Effect::Directory { operation, asked, .. } => Request::directory(operation, asked.clone()),
        }
    }

    /// Returns the member `answer` of its form in a transcript.
    fn answer(&self) -> Json {
        // None of these fails to become JSON.
        let json = |value: Result<Json, serde_json::Error>| value.unwrap_or_default();
        match self {
            Effect::HostCall { actions, end, .. } => {
                let mut answer = json(serde_json::to_value(end));
                if let Json::Object(members) = &mut answer {
                    members.insert("acts".into(), json(serde_json::to_value(actions)));
                }
                answer
            }
            Effect::Clock { realtime, monotonic } => json!([realtime, monotonic]),
            Effect::Random { bytes } => json(serde_json::to_value(bytes)),
            Effect::Directory { answer, .. } => answer.clone(),
        }
    }

    /// Returns its size, as [`Execution::record`](crate::Execution::record) counts it.
    pub(super) fn size(&self) -> u64 {
        let Request { function, asked } = self.request();
        (function.len() + asked.to_string().len() + self.answer().to_string().len()) as u64
    }
}

/// The form of an effect in a transcript.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    function: String,
    asked: Json,
    answer: Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    arguments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostAnswer {
    acts: Vec<HostAction>,
    #[serde(flatten)]
    end: HostEnd,
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Request { function, asked } = self.request();
        Written { function, asked, answer: self.answer() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Effect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Effect::try_from(Written::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl TryFrom<Written> for Effect {
    type Error = serde_json::Error;

    fn try_from(Written { function, asked, answer }: Written) -> Result<Self, Self::Error> {
        // A host function may have any name; only it has arguments.
        if asked.get("arguments").is_some() {
            let Arguments { arguments } = serde_json::from_value(asked)?;
            let HostAnswer { acts: actions, end } = serde_json::from_value(answer)?;
            return Ok(Effect::HostCall { function, arguments, actions, end });
        }
        let effect = match &*function {
            "clock" => {
                let (realtime, monotonic) = serde_json::from_value(answer)?;
                Effect::Clock { realtime, monotonic }
            }
            "random" => Effect::Random { bytes: serde_json::from_value(answer)? },
            other => match other.strip_prefix(DIRECTORY) {
                Some(operation) => return Ok(Effect::Directory { operation: operation.into(), asked, answer }),
                None => return Err(serde_json::Error::custom(format!("unknown function `{function}`"))),
            },
        };
        // What the variant leaves out follows from it.
        let expected = effect.request();
        if expected.asked != asked {
            let message = format!("expected `{}` in `asked`, found `{asked}`", expected.asked);
            return Err(serde_json::Error::custom(message));
        }
        Ok(effect)
    }
}
