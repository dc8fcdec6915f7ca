//! Files: opened without waiting for the other end of a pipe, and replaced atomically.

use std::{
    fs::{self, File, FileType, OpenOptions, Permissions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, io_message},
    show,
};

/// The longest chain of links that is followed.
const MAX_LINKS: usize = 40;

/// The kind of an output path.
pub enum Target {
    /// `-`
    Stdout,
    /// A plain file, or none yet: its path with links resolved, and its permissions.
    Plain(PathBuf, Option<Permissions>),
    /// A pipe, a device, or a file that only a descriptor names. It is written in place.
    Stream,
}

impl Target {
    /// Determines the kind of a path; returns an error if it cannot be written.
    pub fn of(path: &Path) -> Result<Target, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Target::Stdout);
        }
        target(path).map_err(|error| failed(path, &error))
    }
}

/// Checks that a file can be written, without changing it.
pub fn check(path: &Path) -> Result<(), Failure> {
    match Target::of(path)? {
        Target::Plain(real, permissions) => TempFile::beside(path, &real, permissions).map(drop),
        Target::Stdout | Target::Stream => Ok(()),
    }
}

/// Replaces a plain file atomically, by renaming a temporary file beside it. Anything else is written in place.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    match Target::of(path)? {
        Target::Stdout => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| Failure::stdout(&error))
        }
        Target::Stream => {
            let written = open_stream(path).and_then(|mut file| file.write_all(bytes));
            written.map_err(|error| stream_failure(path, &error))
        }
        Target::Plain(real, permissions) => {
            let part = TempFile::beside(path, &real, permissions)?;
            part.finish(&real, bytes).map_err(|error| failed(path, &error))
        }
    }
}

/// A new version of a plain file, written and not yet renamed.
pub struct PendingFile {
    part: TempFile,
    path: PathBuf,
    real: PathBuf,
}

impl PendingFile {
    /// Writes a temporary file beside the plain file that it is to replace.
    pub fn new(path: &Path, bytes: &[u8]) -> Result<PendingFile, Failure> {
        let Target::Plain(real, permissions) = Target::of(path)? else {
            return Err(failed(path, &io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
        };
        let mut part = TempFile::beside(path, &real, permissions)?;
        part.fill(bytes).map_err(|error| failed(path, &error))?;
        Ok(PendingFile { part, path: path.into(), real })
    }

    /// Renames the file, and so replaces the old version.
    pub fn commit(self) -> Result<(), Failure> {
        self.part.commit(&self.real).map_err(|error| failed(&self.path, &error))
    }
}

/// Opens a pipe or a device for writing only, so that the end of its reader is detected.
pub fn open_stream(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).open(path)?;
    // A file that a descriptor names is truncated like any other.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Converts an error in writing to a pipe or a device. If the reader has closed it, there is no message.
pub fn stream_failure(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe { Failure::Closed } else { failed(path, error) }
}

/// Opens a plain file for reading. Anything else is an error, without waiting for the other end of a pipe.
pub fn open_plain(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    nonblocking(options.read(true));
    // On some systems opening a directory or socket fails with a less precise error.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(not_plain(metadata.file_type()));
    }
    let file = options.open(path)?;
    // The path may have been replaced in between.
    let opened = file.metadata()?;
    if opened.is_file() { Ok(file) } else { Err(not_plain(opened.file_type())) }
}

fn target(path: &Path) -> io::Result<Target> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(resolve_links(path)?.map_or(Target::Stream, |real| Target::Plain(real, None)));
        }
        Err(error) => return Err(error),
    };
    if metadata.is_file() {
        let Some(real) = resolve_links(path)? else { return Ok(Target::Stream) };
        // A file that is not writable must not be replaced either.
        nonblocking(OpenOptions::new().write(true)).open(&real)?;
        return Ok(Target::Plain(real, Some(metadata.permissions())));
    }
    if is_stream(metadata.file_type()) { Ok(Target::Stream) } else { Err(not_plain(metadata.file_type())) }
}

/// Resolves the links at the end of a path; the target need not exist. Returns `None` for a link that stands for a file
/// descriptor, as in `/proc`.
fn resolve_links(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {}
            _ => return Ok(Some(path)),
        }
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let folder_path = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        if folder_path.canonicalize()?.starts_with("/proc") {
            return Ok(None);
        }
        path = folder.join(fs::read_link(&path)?);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many levels of symbolic links"))
}

/// A temporary file, removed on drop unless it was renamed.
struct TempFile {
    path: PathBuf,
    file: File,
    permissions: Option<Permissions>,
    done: bool,
}

impl TempFile {
    /// Creates a temporary file with a random name beside the file that it is to replace.
    fn beside(path: &Path, real: &Path, permissions: Option<Permissions>) -> Result<TempFile, Failure> {
        let create = || -> io::Result<(PathBuf, File)> {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(|_| io::ErrorKind::Other)?;
            let part = real.with_file_name(format!(".belljar-{:016x}", u64::from_ne_bytes(random)));
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            if permissions.is_some() {
                // Inaccessible to other users until it gets the permissions of the old file.
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            }
            let file = options.open(&part)?;
            Ok((part, file))
        };
        match create() {
            Ok((part, file)) => Ok(TempFile { path: part, file, permissions, done: false }),
            Err(error) => {
                let failure = failed(path, &error);
                let denied = error.kind() == io::ErrorKind::PermissionDenied;
                let hint = "a temporary file is created beside it, so its directory must be writable";
                Err(if denied { failure.with_hint(hint) } else { failure })
            }
        }
    }

    fn finish(mut self, real: &Path, bytes: &[u8]) -> io::Result<()> {
        self.fill(bytes)?;
        self.commit(real)
    }

    fn fill(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if let Some(permissions) = self.permissions.take() {
            self.file.set_permissions(permissions)?;
        }
        // Some systems report only now that the disk is full.
        self.file.sync_all()
    }

    fn commit(mut self, real: &Path) -> io::Result<()> {
        fs::rename(&self.path, real)?;
        self.done = true;
        Ok(())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.done {
            // The random name belongs to this process.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Converts an error in writing to a path; says which directory is missing.
pub fn failed(path: &Path, error: &io::Error) -> Failure {
    let missing = (error.kind() == io::ErrorKind::NotFound).then(|| missing_directory(path)).flatten();
    let message = missing.map(|missing| format!("the directory {} does not exist", show::path(missing)));
    Failure::io(&show::path(path), message.unwrap_or_else(|| io_message(error)))
}

/// Returns the first directory of a path that does not exist.
fn missing_directory(path: &Path) -> Option<&Path> {
    let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    above.take_while(|above| fs::symlink_metadata(above).is_err()).last()
}

/// Sets the option that opening a pipe does not wait for its other end.
fn nonblocking(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags);
    }
    options
}

#[cfg(unix)]
fn is_stream(ty: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    ty.is_fifo() || ty.is_char_device()
}

#[cfg(not(unix))]
fn is_stream(ty: FileType) -> bool {
    !ty.is_dir()
}

/// Returns the error for a path that is not a plain file, with the kind of file it is.
fn not_plain(ty: FileType) -> io::Error {
    if ty.is_dir() {
        return io::ErrorKind::IsADirectory.into();
    }
    #[cfg(unix)]
    let name = {
        use std::os::unix::fs::FileTypeExt;
        match () {
            () if ty.is_fifo() => "a pipe",
            () if ty.is_socket() => "a socket",
            () => "a device",
        }
    };
    #[cfg(not(unix))]
    let name = "a device";
    io::Error::new(io::ErrorKind::InvalidInput, format!("it is {name}, not a file"))
}
