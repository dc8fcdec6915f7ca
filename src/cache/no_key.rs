//! Where nobody can be asked who else could have the key.

use std::path::Path;

use super::CacheError;

pub(super) fn of(folder: &Path) -> Result<[u8; 32], CacheError> {
    Err(CacheError::Unsafe { path: folder.into(), why: "this system does not tell who can read it" })
}
