//! Stub for systems whose file permissions cannot be checked: there is no private key.

use std::path::Path;

use super::CacheError;

pub(super) fn of(folder: &Path) -> Result<[u8; 32], CacheError> {
    Err(CacheError::Unsafe { path: folder.into(), why: "file permissions cannot be checked on this system" })
}
