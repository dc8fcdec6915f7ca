//! The journal beside a file of outputs, for `--resume`.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{MutexGuard, PoisonError},
};

use belljar::{Config, record::Digest};
use serde::{Deserialize, Serialize};

use crate::{
    failure::{Failure, io_message},
    file::{self, PendingFile, Target},
    map::lines::{InputDigests, Mark, Passed, Reader, SharedDigests, Unended},
    show,
    source::Source,
};

/// The largest journal that is read, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// A file beside the outputs that says of which module, configuration and inputs they are.
pub struct Journal {
    path: PathBuf,
    about: About,
    digests: SharedDigests,
    /// False for pipes and devices, which have no journal.
    kept: bool,
}

/// A description of the outputs: what made them, and of which inputs they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    belljar: String,
    module_sha256: String,
    /// The digest of the configuration as JSON.
    config_sha256: String,
    records: bool,
    input: Vec<Mark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unended: Option<Unended>,
}

/// The treatment of outputs that are in the file already.
#[derive(Debug, Clone, Copy)]
pub enum Existing {
    /// Their presence is an error.
    Refuse,
    /// They stay, and the lines after them are run.
    Resume,
    /// They are deleted.
    Overwrite,
}

impl About {
    /// Describes the outputs of a module with a configuration.
    pub fn of(wasm: &[u8], config: &Config, records: bool) -> About {
        let config = serde_json::to_vec(config).unwrap_or_default();
        About {
            belljar: env!("CARGO_PKG_VERSION").into(),
            module_sha256: Digest::of(wasm).sha256,
            config_sha256: Digest::of(&config).sha256,
            records,
            input: Vec::new(),
            unended: None,
        }
    }
}

impl Journal {
    /// Opens the file of the outputs at the end of those that stay, and skips the lines that they answer.
    pub fn open(
        path: &Path,
        input: &Source,
        existing: Existing,
        about: About,
        reader: &mut Reader,
    ) -> Result<(File, Journal), Failure> {
        let name = show::path(path);
        let failed = |error: io::Error| file::failed(path, &error);
        if let Source::File(input) = input
            && let (Ok(input), Ok(output)) = (input.canonicalize(), path.canonicalize())
            && input == output
        {
            return Err(Failure::usage(format!("{name}: inputs and outputs cannot be the same file")));
        }
        let (mut file, kept, is_new) = match Target::of(path)? {
            // A pipe that is also opened for reading never loses its last reader.
            Target::Stdout | Target::Stream => (file::open_stream(path).map_err(failed)?, false, false),
            Target::Plain(..) => {
                let (file, is_new) = opened(path).map_err(failed)?;
                (file, true, is_new)
            }
        };
        let metadata = file.metadata().map_err(failed)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".belljar");
        let mut journal = Journal { path: beside.into(), about, digests: reader.digests(), kept };
        if journal.kept {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    return Err(Failure::io(&name, "another process is writing it"));
                }
                // Some file systems have no locks.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            match (metadata.len(), existing) {
                (0, _) | (_, Existing::Overwrite) => {
                    let text = journal.text(0);
                    let ready = PendingFile::new(&journal.path, text.as_bytes()).inspect_err(|_| {
                        if is_new {
                            let _ = fs::remove_file(path);
                        }
                    })?;
                    // In this order: the journal never describes outputs that were there before, and these stay until
                    // the journal can be written.
                    file.set_len(0).map_err(failed)?;
                    ready.commit()?;
                }
                (_, Existing::Resume) => journal.resume(&name, &mut file, reader)?,
                (size, Existing::Refuse) => {
                    let message = format!("the file is not empty: {}", show::bytes(size));
                    let hint = "`--resume` continues it, `--force` overwrites it";
                    return Err(Failure::io(&name, message).with_hint(hint));
                }
            }
        }
        Ok((file, journal))
    }

    /// Returns whether the journal is due after `lines` lines of output.
    pub fn is_due(&self, lines: u64) -> bool {
        self.kept && lines.is_power_of_two()
    }

    /// Returns whether the journal is due before the output of `line`: a last line without a line feed may be longer
    /// the next time.
    pub fn is_due_before(&self, line: u64) -> bool {
        let is_last = |digests: &InputDigests| digests.unended.as_ref().is_some_and(|last| last.mark.lines == line);
        self.kept && self.about.unended.is_none() && is_last(&self.digests())
    }

    fn digests(&self) -> MutexGuard<'_, InputDigests> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the journal for `lines` lines of output.
    pub fn write(&mut self, lines: u64) -> Result<(), Failure> {
        let text = self.text(lines);
        file::write(&self.path, text.as_bytes())
    }

    /// Returns the text of the journal for `lines` lines of output.
    fn text(&mut self, lines: u64) -> String {
        let digests = self.digests().clone();
        self.about.input = digests.marks.into_iter().filter(|mark| mark.lines <= lines).collect();
        self.about.unended = digests.unended;
        serde_json::to_string_pretty(&self.about).unwrap_or_default() + "\n"
    }

    /// Finds the end of the outputs that stay, and skips the input up to there.
    fn resume(&mut self, name: &str, file: &mut File, reader: &mut Reader) -> Result<(), Failure> {
        let refused = |message: String| {
            Failure::io(name, format!("the outputs cannot be resumed: {message}"))
                .with_hint("`--force` overwrites them")
        };
        let beside = show::path(&self.path);
        let text = match Source::Found(self.path.clone()).text(MAX_BYTES) {
            Ok(text) => text,
            Err(_) if !self.path.exists() => return Err(refused(format!("{beside} does not exist"))),
            Err(failure) => return Err(failure),
        };
        let before: About =
            serde_json::from_str(&text).map_err(|_| refused(format!("{beside} is not a valid journal")))?;
        let about = &self.about;
        let differs = [
            ("version of belljar", before.belljar != about.belljar),
            ("module", before.module_sha256 != about.module_sha256),
            ("configuration", before.config_sha256 != about.config_sha256),
            ("format", before.records != about.records),
        ];
        if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
            return Err(refused(format!("they were made with another {what}")));
        }
        let whole = whole_lines(file).map_err(|error| Failure::io(name, io_message(&error)))?;
        let passed = match &before.unended {
            Some(last) if last.mark.lines == whole.lines => reader.skip_unended(last)?,
            _ if reader.skip(whole.lines)? => Passed::Same,
            _ => Passed::Other,
        };
        let (lines, bytes) = match passed {
            // The last output is that of another line.
            Passed::Longer => (whole.lines - 1, whole.last),
            Passed::Same | Passed::Other => (whole.lines, whole.bytes),
        };
        let marks = self.digests().marks.clone();
        let same = |mark: &Mark| before.input.iter().all(|other| other.lines != mark.lines || other == mark);
        if matches!(passed, Passed::Other) || !marks.iter().all(same) {
            return Err(refused("they were made from other inputs".into()));
        }
        let cut = file.set_len(bytes).and_then(|()| file.seek(SeekFrom::End(0)));
        cut.map_err(|error| Failure::io(name, io_message(&error)))?;
        self.write(lines)
    }
}

/// Opens a file of outputs, and creates it if it does not exist. Returns whether it was created.
fn opened(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).truncate(false);
    match options.clone().create_new(true).open(path) {
        // The target of a link can be created through the link.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok((options.create(true).open(path)?, false)),
        file => Ok((file?, true)),
    }
}

/// The complete lines of a file.
#[derive(Default)]
struct Whole {
    lines: u64,
    bytes: u64,
    /// The offset of the last of them.
    last: u64,
}

fn whole_lines(file: &File) -> io::Result<Whole> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let (mut whole, mut bytes) = (Whole::default(), 0);
    loop {
        let read = reader.fill_buf()?;
        if read.is_empty() {
            return Ok(whole);
        }
        let mut ends = read.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
        let mut end = || ends.next().map(|(at, _)| bytes + at as u64 + 1);
        if let Some(last) = end() {
            whole.last = end().unwrap_or(whole.bytes);
            whole.bytes = last;
            whole.lines += read.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        let size = read.len();
        bytes += size as u64;
        reader.consume(size);
    }
}
