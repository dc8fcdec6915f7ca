//! Files and stdin that modules and inputs are read from, with size limits.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use belljar::{Error, ModuleError, Sandbox, error::Position, error::Unit};

use crate::{
    failure::{Failure, io_message},
    file, show,
};

/// The largest input that is read. No memory of a guest can be larger.
const MAX_INPUT_BYTES: u64 = 1 << 30;

/// A file, or stdin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `-`
    Stdin,
    /// A path that was named on the command line, which may be a pipe.
    File(PathBuf),
    /// A plain file that was found and not named.
    Found(PathBuf),
}

impl Source {
    /// Returns the source for a path; `-` is stdin.
    pub fn of(path: &Path) -> Source {
        if path.as_os_str() == "-" { Source::Stdin } else { Source::File(path.into()) }
    }

    /// Returns the name for messages.
    pub fn name(&self) -> String {
        match self {
            Source::Stdin => "stdin".into(),
            Source::File(path) | Source::Found(path) => show::path(path),
        }
    }

    /// Returns the failure for an error of the library about this source.
    pub fn failure(&self, error: Error) -> Failure {
        Failure::of(error).in_file(self.name())
    }

    /// Reads a module within the limits of the sandbox. It is read as text if `text` is set or, from a file that was
    /// named, if its first bytes are those of text.
    pub fn module(&self, text: bool, sandbox: &Sandbox) -> Result<Vec<u8>, Failure> {
        self.module_of(text, !text && matches!(self, Source::File(_)), sandbox)
    }

    /// Reads a module within the limits of the sandbox, as text only if `text` is set: for servers.
    #[cfg(feature = "serve")]
    pub fn exact_module(&self, text: bool, sandbox: &Sandbox) -> Result<Vec<u8>, Failure> {
        self.module_of(text, false, sandbox)
    }

    fn module_of(&self, text: bool, is_detected: bool, sandbox: &Sandbox) -> Result<Vec<u8>, Failure> {
        let limits = &sandbox.config().module;
        let of_text = ("module.text_bytes", limits.text_bytes, Unit::TextBytes);
        let of_binary = ("module.size_bytes", limits.size_bytes, Unit::Bytes);
        let most = match text {
            true => limits.text_bytes,
            false if is_detected => limits.size_bytes.max(limits.text_bytes),
            false => limits.size_bytes,
        };
        let content = self.read(most)?;
        let is_text = text || (is_detected && matches!(&content, Content::Whole(bytes) if looks_like_text(bytes)));
        let (key, limit, unit) = if is_text { of_text } else { of_binary };
        let bytes = match content {
            Content::Whole(bytes) if bytes.len() as u64 <= limit => bytes,
            Content::Whole(_) | Content::TooLarge(_) => {
                let found = content.size();
                return Err(self.failure(Error::Module(Box::new(ModuleError::Limit { key, limit, found, unit }))));
            }
        };
        if !is_text {
            return Ok(bytes);
        }
        let text = String::from_utf8(bytes).map_err(|e| self.failure(Error::Module(Box::new(not_text(&e)))))?;
        sandbox.assemble(&text).map_err(|error| self.failure(error))
    }

    /// Returns the first byte of a file that is no pipe and not empty.
    #[cfg(feature = "cli")]
    pub fn begins(&self) -> Result<Option<u8>, Failure> {
        let Source::File(path) = self else { return Ok(None) };
        let read = || {
            if !fs::metadata(path)?.is_file() {
                return Ok(None);
            }
            let mut byte = [0];
            Ok((open(path)?.read(&mut byte)? == 1).then_some(byte[0]))
        };
        read().map_err(|error| Failure::io(&self.name(), io_message(&error)))
    }

    /// Reads an input.
    pub fn input(&self) -> Result<Vec<u8>, Failure> {
        match self.read(MAX_INPUT_BYTES)? {
            Content::Whole(bytes) => Ok(bytes),
            Content::TooLarge(found) => {
                let [found, limit] = [found, MAX_INPUT_BYTES].map(show::grouped);
                Err(Failure::io(&self.name(), format!("the input has {found} bytes; at most {limit} are read")))
            }
        }
    }

    /// Reads a file for a guest, of at most `limit` bytes.
    pub fn file(&self, limit: u64) -> Result<Vec<u8>, Failure> {
        match self.read(limit)? {
            Content::Whole(bytes) => Ok(bytes),
            Content::TooLarge(found) => {
                let [found, limit] = [found, limit].map(show::grouped);
                let message = format!("the file has {found} bytes; `limits.file_bytes` allows {limit}");
                Err(Failure::io(&self.name(), message))
            }
        }
    }

    /// Reads UTF-8 text of at most `limit` bytes.
    pub fn text(&self, limit: u64) -> Result<String, Failure> {
        let name = self.name();
        match self.read(limit)? {
            Content::Whole(bytes) => String::from_utf8(bytes).map_err(|e| {
                let at = e.utf8_error().valid_up_to();
                Failure::config(format!("not UTF-8 after byte {at}")).in_file(name)
            }),
            Content::TooLarge(found) => {
                let [found, limit] = [found, limit].map(show::grouped);
                Err(Failure::config(format!("{found} bytes of text; at most {limit} are read")).in_file(name))
            }
        }
    }

    fn read(&self, limit: u64) -> Result<Content, Failure> {
        let read = match self {
            Source::Stdin => read_at_most(io::stdin().lock(), 0, limit),
            Source::File(path) => open(path).and_then(|file| read_file(file, limit)),
            Source::Found(path) => file::open_plain(path).and_then(|file| read_file(file, limit)),
        };
        read.map_err(|error| Failure::io(&self.name(), io_message(&error)))
    }
}

enum Content {
    Whole(Vec<u8>),
    /// The size, or the number of bytes that were read.
    TooLarge(u64),
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Content::Whole(bytes) => bytes.len() as u64,
            Content::TooLarge(size) => *size,
        }
    }
}

/// Checks whether bytes begin as the text format does: with a parenthesis, or a comment.
fn looks_like_text(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.starts_with(b"(") || text.starts_with(b";;")
}

/// Opens a file that was named. For a pipe it waits for the writer.
pub fn open(path: &Path) -> io::Result<File> {
    // Some systems cannot open a directory, and report another error.
    if fs::metadata(path)?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    File::open(path)
}

/// Reads a file, unless its metadata says that it is too large.
fn read_file(file: File, limit: u64) -> io::Result<Content> {
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() > limit {
        return Ok(Content::TooLarge(metadata.len()));
    }
    read_at_most(file, metadata.len(), limit)
}

fn read_at_most(source: impl Read, expected: u64, limit: u64) -> io::Result<Content> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(expected).unwrap_or(0))?;
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    let size = bytes.len() as u64;
    Ok(if size > limit { Content::TooLarge(size) } else { Content::Whole(bytes) })
}

fn not_text(error: &std::string::FromUtf8Error) -> ModuleError {
    let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let text = String::from_utf8_lossy(valid);
    let line = text.rsplit('\n').next().unwrap_or_default();
    let at = Position { line: text.matches('\n').count() as u64 + 1, column: line.chars().count() as u64 + 1 };
    ModuleError::Text { at, message: "it is not UTF-8".into() }
}
