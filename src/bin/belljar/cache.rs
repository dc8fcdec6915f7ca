//! The folder that remembers modules, if one is asked for.

use std::{env, ffi::OsString, path::Path};

use belljar::{CacheError, ModuleCache};

use crate::{console::Console, failure::Failure};

/// Where it is, unless an option says so.
const VARIABLE: &str = "BELLJAR_MODULE_CACHE";

/// The cache that is asked for. One that cannot be made is told of and done without; one that others could have
/// their hands in is not.
pub fn of(asked: Option<&Path>, console: &Console) -> Result<Option<ModuleCache>, Failure> {
    let variable = || env::var_os(VARIABLE).filter(|path| !path.is_empty());
    let Some(folder) = asked.map(OsString::from).or_else(variable) else { return Ok(None) };
    match ModuleCache::open_private(folder) {
        Ok(cache) => Ok(Some(cache)),
        Err(error @ CacheError::Unsafe { .. }) => Err(Failure::usage(format!("the module cache is not safe: {error}"))
            .with_hint("give it a directory of its own, which nobody else can write to")),
        Err(error) => {
            console.warn(format_args!("modules are not remembered: {error}"));
            Ok(None)
        }
    }
}
