//! Loading of bytes that are known to have loaded: functions are validated and translated when they are first
//! called.
//!
//! Nothing else is different. Fuel is not, since translation has no price; outcomes are not, since what is
//! translated is. But the engine's bugs in a translation, which end a process outside of a load, have to have
//! been looked for before: only what was loaded whole, under the same rules, may be loaded like this.

use alloc::{fmt::Write, string::String, sync::Arc, vec::Vec};

use wasmi::CompilationMode;

use super::{Module, Policy, check_imports, check_memory, check_size, checked, engine, facts, operators, translated};
use crate::{
    abi,
    config::{Config, bound},
    error::Error,
    meter,
};

/// Version of what facts are, and what is made of them.
const FACTS: u32 = 2;

/// All that decides whether bytes load, but for what host functions there are, which each load looks at.
pub(crate) fn rules(config: &Config) -> String {
    let mut rules = String::from(concat!("belljar ", env!("CARGO_PKG_VERSION"), ", wasmi 2.0.0"));
    let simd = operators::VECTORS.is_none();
    let (prices, abi, bits) = (meter::PRICES, abi::VERSION, usize::BITS);
    let _ = write!(rules, ", facts {FACTS}, prices {prices}, abi {abi}, {bits} bits, simd {simd}");
    let limits = ["limits.memory_bytes", "limits.table_elements", "limits.call_depth", "limits.value_stack_bytes"];
    for (key, value) in config.numbers() {
        if key.path.starts_with("module.") || limits.contains(&key.path) {
            let _ = write!(rules, ", {} {}", key.path, value.unwrap_or_default());
        }
    }
    rules
}

impl Module {
    /// As [`load`](Module::load), with the facts for [`load_known`](Module::load_known).
    pub(crate) fn load_noting(bytes: &[u8], policy: &Arc<Policy>) -> Result<(Module, Vec<u8>), Error> {
        let mut noted = Vec::new();
        let module = Module::within(bytes, || {
            let facts = checked(bytes, policy)?;
            noted = facts::write(&facts);
            translated(bytes, facts, engine(policy, CompilationMode::Eager), policy)
        })?;
        Ok((module, noted))
    }

    /// Loads bytes that have loaded before under the same [`rules`], by facts that were noted then, or by
    /// looking at them again. `None`: these are no facts of them.
    pub(crate) fn load_known(
        bytes: &[u8],
        facts: Option<&[u8]>,
        policy: &Arc<Policy>,
    ) -> Result<Option<Module>, Error> {
        check_size(bytes, &policy.config)?;
        let known = match facts.map(|facts| facts::read(facts, bytes.len())) {
            Some(None) => return Ok(None),
            read => read.flatten(),
        };
        Module::within(bytes, || {
            let facts = match known {
                Some(facts) => {
                    check_imports(&facts.inspection, policy)?;
                    check_memory(bound::load_bytes(facts.work, bytes.len() as u64))?;
                    facts
                }
                None => checked(bytes, policy)?,
            };
            translated(bytes, facts, engine(policy, CompilationMode::Lazy), policy)
        })
        .map(Some)
    }
}
