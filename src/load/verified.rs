//! Loading of verified bytes, which have been loaded before: functions are validated and translated when they are first
//! called.
//!
//! Fuel and outcomes are the same as with a full load: translation costs no fuel, and the translated code is the same.
//! But a bug of the engine in a translation ends the process if it is outside of a load. So only bytes that were
//! translated as a whole before, under the same rules, may be loaded like this.

use alloc::{fmt::Write, string::String, sync::Arc, vec::Vec};

use wasmi::CompilationMode;

use super::{Module, Policy, check, check_imports, check_memory, check_size, engine, info_codec, operators, translate};
use crate::{
    config::{Config, bound},
    data::codec::Codec,
    engine::version::{VERSIONS, Versions},
    error::Error,
};

/// Version of the encoded `ModuleInfo` and of its use.
const INFO_VERSION: u32 = 3;

/// Returns all that decides whether bytes load, except for the host functions, which each load checks.
pub(crate) fn rules(config: &Config) -> String {
    let mut rules = String::from(concat!("belljar ", env!("CARGO_PKG_VERSION")));
    let Versions { engine, prices, abi } = VERSIONS;
    let (bits, simd) = (usize::BITS, operators::VECTORS.is_none());
    let _ = write!(rules, ", {engine}, facts {INFO_VERSION}, prices {prices}, abi {abi}, {bits} bits, simd {simd}");
    let limits = ["limits.memory_bytes", "limits.table_elements", "limits.call_depth", "limits.value_stack_bytes"];
    for (key, value) in config.numbers() {
        if key.path.starts_with("module.") || limits.contains(&key.path) {
            let _ = write!(rules, ", {} {}", key.path, value.unwrap_or_default());
        }
    }
    rules
}

impl Module {
    /// Loads a module as [`load`](Module::load) does; also returns the info for
    /// [`load_verified`](Module::load_verified).
    pub(crate) fn load_with_info(bytes: &[u8], policy: &Arc<Policy>) -> Result<(Module, Vec<u8>), Error> {
        let mut encoded = Vec::new();
        let module = Module::within(bytes, || {
            let info = check(bytes, policy)?;
            info.put(&mut encoded);
            translate(bytes, info, engine(policy, CompilationMode::Eager), policy)
        })?;
        Ok((module, encoded))
    }

    /// Loads bytes that have been loaded before under the same [`rules`]: with the encoded info of that load, or with
    /// another scan. Returns `None` if the info does not belong to these bytes.
    pub(crate) fn load_verified(
        bytes: &[u8],
        info: Option<&[u8]>,
        policy: &Arc<Policy>,
    ) -> Result<Option<Module>, Error> {
        check_size(bytes, &policy.config)?;
        let decoded = match info.map(|info| info_codec::read(info, bytes.len())) {
            Some(None) => return Ok(None),
            read => read.flatten(),
        };
        Module::within(bytes, || {
            let info = match decoded {
                Some(info) => {
                    check_imports(&info.inspection, policy)?;
                    check_memory(bound::load_bytes(info.work, bytes.len() as u64))?;
                    info
                }
                None => check(bytes, policy)?,
            };
            translate(bytes, info, engine(policy, CompilationMode::Lazy), policy)
        })
        .map(Some)
    }
}
