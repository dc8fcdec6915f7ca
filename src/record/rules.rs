//! Fields that receipts and transcripts share: the rules of a run, and its entry.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    data::{text::escape, value::Value},
    engine::version::{VERSIONS, Versions},
};

/// Rules that decide results besides the module, the input and the configuration. A build checks receipts and replays
/// transcripts that were recorded under the same rules only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rules {
    /// Name and exact version of the engine.
    pub engine: String,
    /// Version of the price list ([`meter::PRICES`](crate::meter::PRICES)).
    pub prices: u32,
    /// Version of the guest ABI ([`abi::VERSION`](crate::abi::VERSION)).
    pub abi: u32,
}

impl Rules {
    /// Returns the rules of this build.
    pub fn current() -> Rules {
        let Versions { engine, prices, abi } = VERSIONS;
        Rules { engine: engine.into(), prices, abi }
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, prices {}, ABI {}", escape(&self.engine, 64), self.prices, self.abi)
    }
}

/// The entry point of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Entry {
    /// The entry point of a program: `execute` or `_start`.
    Run,
    /// A call of an export.
    Call {
        /// Its name.
        function: String,
        /// Its arguments, in the form of the results.
        arguments: Vec<String>,
    },
}

impl Entry {
    /// Returns the entry of a call.
    pub(super) fn call(function: &str, arguments: &[Value]) -> Entry {
        Entry::Call { function: function.into(), arguments: arguments.iter().map(Value::exact).collect() }
    }

    /// Reads the arguments of a call; a program has none. Fails with the message for a syntax error.
    pub(super) fn values(&self) -> Result<Vec<Value>, String> {
        let Entry::Call { arguments, .. } = self else { return Ok(Vec::new()) };
        let value = |text: &String| {
            Value::from_exact(text)
                .ok_or_else(|| alloc::format!("expected an argument as type and value, found {text}"))
        };
        arguments.iter().map(value).collect()
    }
}
