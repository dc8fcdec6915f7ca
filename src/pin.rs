//! A module by its exact bytes, and by the rules under which they have loaded.

use core::{fmt, str::FromStr};
use std::{borrow::ToOwned, string::String};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::{
    Config, Error, Module, ModuleError, Sandbox,
    module::{self, known},
    observe::cache,
};

/// Names exact bytes, and the rules under which they have loaded.
///
/// Rules are all that decides that: the versions of belljar and its engine, prices, the limits of a module, of
/// memories, tables and stacks. A pin is a text, to be kept where nobody can change it who may not choose what
/// is run: beside the module's name in a configuration, or in the program.
///
/// ```
/// use belljar::{Config, Error, Pin, Sandbox};
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

/// A text that is no [`Pin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no pin: expected `{PREFIX}`, 64 hexadecimal digits, `:`, and 64 more")]
#[non_exhaustive]
pub struct PinError;

const PREFIX: &str = "belljar-pin-1:";

impl Pin {
    /// The pin that bytes have under a configuration, if they load.
    pub(crate) fn of(wasm: &[u8], config: &Config) -> Pin {
        let digest = |bytes: &[u8]| Sha256::digest(bytes).into();
        Pin { module: digest(wasm), rules: digest(known::rules(config).as_bytes()) }
    }
}

impl Sandbox {
    /// Loads a module whole, to give its pin.
    ///
    /// # Errors
    ///
    /// As [`load`](Sandbox::load).
    pub fn pin(&self, wasm: &[u8]) -> Result<Pin, Error> {
        self.load(wasm)?;
        Ok(Pin::of(wasm, self.config()))
    }

    /// Loads a module that is pinned: its functions are validated and translated when they are first called.
    /// Under other rules than the pin's it is loaded whole.
    ///
    /// Outcomes and fuel are those of a module that is [loaded](Sandbox::load) whole; see
    /// [`docs::cache`](crate::docs::cache) for what is not.
    ///
    /// # Errors
    ///
    /// [`ModuleError::Pinned`] if the bytes are not those that are pinned; else as [`load`](Sandbox::load).
    pub fn load_pinned(&self, wasm: &[u8], pin: &Pin) -> Result<Module, Error> {
        // Hashing is for what may be loaded.
        module::check_size(wasm, self.config())?;
        let found = Pin::of(wasm, self.config());
        if found.module != pin.module {
            let [pinned, found] = [pin.module, found.module].map(hex);
            return Err(ModuleError::Pinned { pinned, found }.into());
        }
        if found.rules == pin.rules
            && let Some(module) = Module::load_known(wasm, None, self.policy())?
        {
            return Ok(module);
        }
        cache::pin_of_other_rules(wasm.len() as u64).map_err(module::subscriber)?;
        self.load(wasm)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}:{}", hex(self.module), hex(self.rules))
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Pin, PinError> {
        let (module, rules) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':')).ok_or(PinError)?;
        Ok(Pin { module: of_hex(module)?, rules: of_hex(rules)? })
    }
}

impl From<Pin> for String {
    fn from(pin: Pin) -> String {
        std::string::ToString::to_string(&pin)
    }
}

impl TryFrom<String> for Pin {
    type Error = PinError;

    fn try_from(text: String) -> Result<Pin, PinError> {
        text.parse()
    }
}

/// In lower case.
pub(crate) fn hex(bytes: [u8; 32]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Only what [`hex`] writes: a pin has one text.
fn of_hex(text: &str) -> Result<[u8; 32], PinError> {
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let bytes = crate::files::of_hex(text).filter(|_| lower).ok_or(PinError)?;
    bytes.as_slice().to_owned().try_into().map_err(|_| PinError)
}
