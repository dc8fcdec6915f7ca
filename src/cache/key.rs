//! The key file of a cache folder.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    vec::Vec,
};

use super::{CacheError, folder};

const FILE: &str = "key";

/// Returns the key of a folder. Creates both if they are missing.
pub(super) fn of(folder: &Path) -> Result<[u8; 32], CacheError> {
    let io = |path: &Path, error: &io::Error| CacheError::Io { path: path.into(), kind: error.kind() };
    folder::make(folder).map_err(|error| io(folder, &error))?;
    let metadata = fs::metadata(folder).map_err(|error| io(folder, &error))?;
    check(folder, &metadata, 0o022, "others can write to it")?;
    let path = folder.join(FILE);
    // Of two processes that create it at once, both read the key of the first.
    for _ in 0..2 {
        match fs::symlink_metadata(&path) {
            Ok(metadata) => return read(&path, &metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => write(&path).map_err(|error| io(&path, &error))?,
            Err(error) => return Err(io(&path, &error)),
        }
    }
    Err(io(&path, &io::ErrorKind::NotFound.into()))
}

fn read(path: &Path, metadata: &Metadata) -> Result<[u8; 32], CacheError> {
    let unsafe_ = |why| Err(CacheError::Unsafe { path: path.into(), why });
    check(path, metadata, 0o077, "others can read it, or write to it")?;
    if !metadata.is_file() {
        return unsafe_("not a file");
    }
    let bytes = fs::read(path).map_err(|error| CacheError::Io { path: path.into(), kind: error.kind() })?;
    <[u8; 32]>::try_from(bytes).or_else(|_: Vec<u8>| unsafe_("not a key: expected 32 bytes"))
}

/// Writes the file under a temporary name, and links it to its own name if that is free.
fn write(path: &Path) -> io::Result<()> {
    let key: [u8; 32] = folder::random()?;
    let new = folder::unused(path, "made")?;
    folder::write_new(&new, &key)?;
    // Unlike a rename, a hard link does not replace an existing file.
    let linked = fs::hard_link(&new, path);
    let _ = fs::remove_file(&new);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Checks that a file or folder belongs to this user and grants others none of these rights.
fn check(path: &Path, metadata: &Metadata, rights: u32, why: &'static str) -> Result<(), CacheError> {
    let own = metadata.uid() == rustix::process::geteuid().as_raw();
    let why = match (own, metadata.permissions().mode() & rights) {
        (true, 0) => return Ok(()),
        (true, _) => why,
        (false, _) => "it belongs to another user",
    };
    Err(CacheError::Unsafe { path: path.into(), why })
}
