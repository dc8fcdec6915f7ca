//! Loading of bytes that are known to have loaded: functions are validated and translated when they are first
//! called.
//!
//! Nothing else is different. Fuel is not, since translation has no price; outcomes are not, since what is
//! translated is. But the engine's bugs in a translation, which end a process outside of a load, have to have
//! been looked for before: only what was loaded whole, under the same rules, may be loaded like this.

use alloc::{fmt::Write, string::String, sync::Arc, vec::Vec};

use wasmi::{CompilationMode, Engine};

use super::{
    Inner, Module, Policy, check_parts, check_size, eager, engine_config, facts, operators, scan::Scan, structure,
    translated,
};
use crate::{
    abi,
    config::Config,
    error::{Error, ModuleError},
    meter,
};

/// Version of what facts are, and what is made of them.
const FACTS: u32 = 1;

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
            let scan = structure(bytes, &policy.config)?;
            noted = facts::write(&scan);
            eager(bytes, scan, policy)
        })?;
        Ok((module, noted))
    }

    /// Loads bytes that have loaded before under the same [`rules`], by facts that were noted then, or by
    /// scanning them again. `None`: these are no facts of them.
    pub(crate) fn load_known(
        bytes: &[u8],
        facts: Option<&[u8]>,
        policy: &Arc<Policy>,
    ) -> Result<Option<Module>, Error> {
        check_size(bytes, &policy.config)?;
        let scan = match facts {
            Some(facts) => match facts::read(facts, bytes.len()) {
                Some(scan) => Some(scan),
                None => return Ok(None),
            },
            None => None,
        };
        Module::within(bytes, || {
            let scan = scan.map_or_else(|| structure(bytes, &policy.config), Ok)?;
            lazy(bytes, scan, policy)
        })
        .map(Some)
    }
}

fn lazy(bytes: &[u8], scan: Scan, policy: &Arc<Policy>) -> Result<Inner, ModuleError> {
    check_parts(bytes, &scan, policy)?;
    let mut config = engine_config(&policy.config);
    config.compilation_mode(CompilationMode::Lazy).set_max_cached_stacks(policy.stacks);
    translated(bytes, scan, Engine::new(&config), policy)
}
