//! Pins: a module identified by the hash of its bytes and the rules under which it loaded.

use core::{fmt, str::FromStr};
use std::string::String;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::{
    Config, Error, Module, ModuleError, Sandbox,
    data::hex,
    load::{self, verified},
    observe::cache,
};

/// Hash of a module's bytes, and of the rules under which they loaded.
///
/// The rules are everything that decides whether a module loads: the versions of belljar and its engine, prices, and
/// the limits of modules, memories, tables and stacks. A pin is a text. Keep it where only those who may choose which
/// module runs can change it: beside the module's name in a configuration, or in the program.
///
/// ```
/// use belljar::{Config, Error, Sandbox, cache::Pin};
///
/// let wasm = wat::parse_str(r#"(module (func (export "answer") (result i32) (i32.const 42)))"#)?;
/// let sandbox = Sandbox::new(Config::default())?;
/// let pin: String = sandbox.pin(&wasm)?.to_string();
///
/// let module = sandbox.load_pinned(&wasm, &pin.parse()?)?;
/// assert_eq!(sandbox.call::<(), i32>(&module, "answer", ())?, 42);
///
/// let other = wat::parse_str("(module)")?;
/// assert!(matches!(sandbox.load_pinned(&other, &pin.parse()?), Err(Error::Module(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pin {
    pub(crate) module: [u8; 32],
    pub(crate) rules: [u8; 32],
}

/// Failure to parse a [`Pin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a pin: expected `{PREFIX}`, 64 hexadecimal digits, `:`, and 64 more")]
#[non_exhaustive]
pub struct PinError;

const PREFIX: &str = "belljar-pin-1:";

impl Pin {
    /// Returns the pin of these bytes under a configuration. Whether they load is not checked.
    pub(crate) fn of(wasm: &[u8], config: &Config) -> Pin {
        let digest = |bytes: &[u8]| Sha256::digest(bytes).into();
        Pin { module: digest(wasm), rules: digest(verified::rules(config).as_bytes()) }
    }
}

impl Sandbox {
    /// Loads a module in full, and returns its pin.
    ///
    /// # Errors
    ///
    /// As [`load`](Sandbox::load).
    pub fn pin(&self, wasm: &[u8]) -> Result<Pin, Error> {
        self.load(wasm)?;
        Ok(Pin::of(wasm, self.config()))
    }

    /// Loads a pinned module: its functions are validated and translated on their first call. Under other rules
    /// than the pin's it is loaded in full.
    ///
    /// Outcomes and fuel are the same as after [`load`](Sandbox::load); see [`docs::cache`](crate::docs::cache) for
    /// the differences.
    ///
    /// # Errors
    ///
    /// [`ModuleError::Pinned`] if the bytes do not match the pin; otherwise as [`load`](Sandbox::load).
    pub fn load_pinned(&self, wasm: &[u8], pin: &Pin) -> Result<Module, Error> {
        // Bytes beyond the size limit are not hashed.
        load::check_size(wasm, self.config())?;
        let found = Pin::of(wasm, self.config());
        if found.module != pin.module {
            let [pinned, found] = [pin.module, found.module].map(|digest| hex::encode(&digest));
            return Err(ModuleError::Pinned { pinned, found }.into());
        }
        if found.rules == pin.rules
            && let Some(module) = Module::load_verified(wasm, None, self.policy())?
        {
            return Ok(module);
        }
        cache::pin_of_other_rules(wasm.len() as u64).map_err(load::subscriber_panic)?;
        self.load(wasm)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}:{}", hex::encode(&self.module), hex::encode(&self.rules))
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Pin, PinError> {
        let (module, rules) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':')).ok_or(PinError)?;
        Ok(Pin { module: digest(module)?, rules: digest(rules)? })
    }
}

impl From<Pin> for String {
    fn from(pin: Pin) -> String {
        pin.to_string()
    }
}

impl TryFrom<String> for Pin {
    type Error = PinError;

    fn try_from(text: String) -> Result<Pin, PinError> {
        text.parse()
    }
}

/// Reads a digest in lower case only, so that a pin has one text.
fn digest(text: &str) -> Result<[u8; 32], PinError> {
    let bytes = hex::decode(text).filter(|_| !text.bytes().any(|byte| byte.is_ascii_uppercase())).ok_or(PinError)?;
    bytes.try_into().map_err(|_| PinError)
}
