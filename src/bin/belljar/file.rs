//! Files: opened without waiting for the other end of a pipe, and written as a whole or not at all.

use std::{
    fs::{self, File, FileType, OpenOptions, Permissions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, io_message},
    show,
};

/// Links that are followed, one after the other.
const MAX_LINKS: usize = 40;

/// A place that is written to, by what it is.
pub enum Target {
    /// `-`
    Stdout,
    /// A plain file, or nothing yet: its path without links, and the permissions it has.
    Plain(PathBuf, Option<Permissions>),
    /// A pipe or a device, which has no other contents to be kept, or a file that only a descriptor names.
    Stream,
}

impl Target {
    /// Finds out what a path is; what cannot be written to is an error.
    pub fn of(path: &Path) -> Result<Target, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Target::Stdout);
        }
        target(path).map_err(|error| failed(path, &error))
    }
}

/// Makes sure that a file can be written, and leaves nothing behind.
pub fn check(path: &Path) -> Result<(), Failure> {
    match Target::of(path)? {
        Target::Plain(real, permissions) => Part::beside(path, &real, permissions).map(drop),
        Target::Stdout | Target::Stream => Ok(()),
    }
}

/// Writes a file as a whole, or not at all: beside the one that it replaces, whose name it then takes. What is no
/// plain file is written to as it is.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    match Target::of(path)? {
        Target::Stdout => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| Failure::stdout(&error))
        }
        Target::Stream => {
            let written = stream(path).and_then(|mut file| file.write_all(bytes));
            written.map_err(|error| streamed(path, &error))
        }
        Target::Plain(real, permissions) => {
            let part = Part::beside(path, &real, permissions)?;
            part.finish(&real, bytes).map_err(|error| failed(path, &error))
        }
    }
}

/// A plain file that has been written, but has not taken its name yet.
pub struct Ready {
    part: Part,
    path: PathBuf,
    real: PathBuf,
}

impl Ready {
    /// Writes a plain file beside the one that it is to replace, which stays for now.
    pub fn new(path: &Path, bytes: &[u8]) -> Result<Ready, Failure> {
        let Target::Plain(real, permissions) = Target::of(path)? else {
            return Err(failed(path, &io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
        };
        let mut part = Part::beside(path, &real, permissions)?;
        part.fill(bytes).map_err(|error| failed(path, &error))?;
        Ok(Ready { part, path: path.into(), real })
    }

    /// Has it take its name.
    pub fn take_name(self) -> Result<(), Failure> {
        self.part.take_name(&self.real).map_err(|error| failed(&self.path, &error))
    }
}

/// Opens a pipe or a device, to write only: so it is known when its reader leaves.
pub fn stream(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).open(path)?;
    // A descriptor's file is begun anew, as every other.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Says that a pipe or a device could not be written; nothing, where its reader has left.
pub fn streamed(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe { Failure::Closed } else { failed(path, error) }
}

/// Opens a plain file to read, and refuses all else without waiting for the other end of a pipe.
pub fn open_plain(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    without_waiting(options.read(true));
    // Some systems cannot even open one, and say something else.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(not_plain(metadata.file_type()));
    }
    let file = options.open(path)?;
    // It may have become another since.
    let opened = file.metadata()?;
    if opened.is_file() { Ok(file) } else { Err(not_plain(opened.file_type())) }
}

fn target(path: &Path) -> io::Result<Target> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(followed(path)?.map_or(Target::Stream, |real| Target::Plain(real, None)));
        }
        Err(error) => return Err(error),
    };
    if metadata.is_file() {
        let Some(real) = followed(path)? else { return Ok(Target::Stream) };
        // What may not be written is not replaced either.
        without_waiting(OpenOptions::new().write(true)).open(&real)?;
        return Ok(Target::Plain(real, Some(metadata.permissions())));
    }
    if takes_bytes(metadata.file_type()) { Ok(Target::Stream) } else { Err(not_plain(metadata.file_type())) }
}

/// Follows the links at the end of a path, to what is there or not; gives `None` if one of them is the system's word for
/// a descriptor, which is no path.
fn followed(path: &Path) -> io::Result<Option<PathBuf>> {
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
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many links lead from one to the other"))
}

/// A file on its way to its name.
struct Part {
    path: PathBuf,
    file: File,
    permissions: Option<Permissions>,
    done: bool,
}

impl Part {
    /// Makes it beside the file that it is to be, by a random name.
    fn beside(path: &Path, real: &Path, permissions: Option<Permissions>) -> Result<Part, Failure> {
        let made = || -> io::Result<(PathBuf, File)> {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(|_| io::ErrorKind::Other)?;
            let part = real.with_file_name(format!(".belljar-{:016x}", u64::from_ne_bytes(random)));
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            if permissions.is_some() {
                // Closed to other users until it has the permissions of the file that it replaces.
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            }
            let file = options.open(&part)?;
            Ok((part, file))
        };
        match made() {
            Ok((part, file)) => Ok(Part { path: part, file, permissions, done: false }),
            Err(error) => {
                let failure = failed(path, &error);
                let denied = error.kind() == io::ErrorKind::PermissionDenied;
                let hint = "a file is made beside it first: its directory has to be writable";
                Err(if denied { failure.with_hint(hint) } else { failure })
            }
        }
    }

    fn finish(mut self, real: &Path, bytes: &[u8]) -> io::Result<()> {
        self.fill(bytes)?;
        self.take_name(real)
    }

    fn fill(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if let Some(permissions) = self.permissions.take() {
            self.file.set_permissions(permissions)?;
        }
        // Some systems say only now that there is no room.
        self.file.sync_all()
    }

    fn take_name(mut self, real: &Path) -> io::Result<()> {
        fs::rename(&self.path, real)?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.done {
            // No other program knows its name.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::io(&show::path(path), io_message(error))
}

/// Makes opening a pipe return at once, whether its other end is open or not.
fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags);
    }
    options
}

#[cfg(unix)]
fn takes_bytes(ty: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    ty.is_fifo() || ty.is_char_device()
}

#[cfg(not(unix))]
fn takes_bytes(ty: FileType) -> bool {
    !ty.is_dir()
}

/// An error for something that is no plain file, which says what it is.
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
