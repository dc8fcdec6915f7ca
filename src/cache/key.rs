//! The key that is kept in a folder.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    vec::Vec,
};

use super::{CacheError, folder};

const FILE: &str = "key";

/// The key in a folder; both are made if they are not there.
pub(super) fn of(folder: &Path) -> Result<[u8; 32], CacheError> {
    let io = |path: &Path, error: &io::Error| CacheError::Io { path: path.into(), kind: error.kind() };
    folder::make(folder).map_err(|error| io(folder, &error))?;
    let metadata = fs::metadata(folder).map_err(|error| io(folder, &error))?;
    check(folder, &metadata, 0o022, "others can write to it")?;
    let path = folder.join(FILE);
    // Of two processes that make it, both take that of the one that was first.
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

/// Makes the file whole under another name, and gives it its own if nobody has.
fn write(path: &Path) -> io::Result<()> {
    let key: [u8; 32] = folder::random()?;
    let new = folder::unused(path, "made")?;
    folder::write_new(&new, &key)?;
    // Unlike a rename, this leaves alone what is there.
    let linked = fs::hard_link(&new, path);
    let _ = fs::remove_file(&new);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Whether something is this user's, and without these rights for others.
fn check(path: &Path, metadata: &Metadata, rights: u32, why: &'static str) -> Result<(), CacheError> {
    let own = metadata.uid() == rustix::process::geteuid().as_raw();
    let why = match (own, metadata.permissions().mode() & rights) {
        (true, 0) => return Ok(()),
        (true, _) => why,
        (false, _) => "it belongs to another user",
    };
    Err(CacheError::Unsafe { path: path.into(), why })
}
