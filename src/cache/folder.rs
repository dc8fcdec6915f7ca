//! A folder of files that are written atomically and removed, oldest first, beyond a total size.

use std::{
    ffi::OsStr,
    format,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::SystemTime,
    vec::Vec,
};

/// Extensions of a finished file, and of one being written.
const ENDS: [&str; 2] = ["facts", "new"];

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    pub(super) max_bytes: u64,
}

pub(super) enum Found {
    Bytes(Vec<u8>),
    Nothing,
    Unreadable,
}

pub(super) struct Written {
    pub(super) bytes: u64,
    /// Bytes of all files after removals.
    pub(super) all_bytes: u64,
    pub(super) removed: u64,
}

impl Folder {
    pub(super) fn new(path: PathBuf, max_bytes: u64) -> Self {
        Folder { path, max_bytes }
    }

    pub(super) fn read(&self, name: &str) -> Found {
        match read(&self.path.join(name).with_extension(ENDS[0])) {
            Ok(bytes) => Found::Bytes(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
            Err(_) => Found::Unreadable,
        }
    }

    /// Writes a file under a temporary name and renames it, so that readers never see a part of it.
    pub(super) fn write(&self, name: &str, contents: &[u8]) -> io::Result<Written> {
        let bytes = contents.len() as u64;
        if bytes > self.max_bytes.min(MAX_FILE_BYTES) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        make(&self.path)?;
        let path = self.path.join(name).with_extension(ENDS[0]);
        let new = unused(&path, ENDS[1])?;
        let written = write_new(&new, contents).and_then(|()| fs::rename(&new, path));
        if let Err(error) = written {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        let (all_bytes, removed) = self.trim()?;
        Ok(Written { bytes, all_bytes, removed })
    }

    /// Removes the oldest files until the rest fits. Other processes may be doing the same.
    fn trim(&self) -> io::Result<(u64, u64)> {
        let mut files: Vec<(SystemTime, PathBuf, u64)> = fs::read_dir(&self.path)?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let path = entry.path();
                let ours = path.extension().and_then(OsStr::to_str).is_some_and(|end| ENDS.contains(&end));
                // The metadata of an entry is that of a link itself, not of its target.
                let metadata = entry.metadata().ok().filter(|metadata| ours && !metadata.is_dir())?;
                Some((metadata.modified().ok()?, path, metadata.len()))
            })
            .collect();
        files.sort_unstable();
        let mut all = files.iter().map(|(_, _, bytes)| bytes).sum::<u64>();
        let mut removed = 0;
        for (_, path, bytes) in files {
            if all <= self.max_bytes {
                break;
            }
            removed += u64::from(fs::remove_file(path).is_ok());
            all -= bytes;
        }
        Ok((all, removed))
    }
}

/// Creates a folder with access for this user only, if it is missing.
pub(super) fn make(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Returns a random path beside this one, unused by other threads, processes and machines that share the folder.
pub(super) fn unused(path: &Path, end: &str) -> io::Result<PathBuf> {
    Ok(path.with_extension(format!("{:016x}.{end}", u64::from_ne_bytes(random()?))))
}

/// Returns random bytes of the operating system.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| io::ErrorKind::Other)?;
    Ok(bytes)
}

/// Writes a new file with access for this user only. Fails if the file exists; no part of it stays if it fails.
pub(super) fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(contents).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// Reads a regular file: a device or pipe could be endless.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}
