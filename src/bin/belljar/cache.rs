//! The module cache of the command line.

use std::{env, ffi::OsString, path::Path};

use belljar::cache::{CacheError, ModuleCache};

use crate::{console::Console, failure::Failure};

/// The environment variable with the directory of the cache, unless `--module-cache` names one.
const VARIABLE: &str = "BELLJAR_MODULE_CACHE";

/// Opens the cache in the directory that an option or the environment names. A cache that cannot be created is a
/// warning; one that other users can write to is an error.
pub fn of(asked: Option<&Path>, console: &Console) -> Result<Option<ModuleCache>, Failure> {
    let variable = || env::var_os(VARIABLE).filter(|path| !path.is_empty());
    let Some(folder) = asked.map(OsString::from).or_else(variable) else { return Ok(None) };
    match ModuleCache::open_private(folder) {
        Ok(cache) => Ok(Some(cache)),
        Err(error @ CacheError::Unsafe { .. }) => Err(Failure::usage(format!("the module cache is not safe: {error}"))
            .with_hint("use a separate directory that only you can write to")),
        Err(error) => {
            console.warn(format_args!("modules are not cached: {error}"));
            Ok(None)
        }
    }
}
