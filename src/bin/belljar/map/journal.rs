//! What the outputs in a file are of, so that they can be gone on with.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{MutexGuard, PoisonError},
};

use belljar::{Config, receipt::Digest};
use serde::{Deserialize, Serialize};

use crate::{
    failure::{Failure, io_words},
    file::{self, Ready, Target},
    map::lines::{Mark, Notes, Passed, Reader, Shared, Unended},
    show,
    source::Source,
};

/// The largest one that is read, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// A file beside that of the outputs, with what they are of.
pub struct Journal {
    path: PathBuf,
    about: About,
    notes: Shared,
    /// There is none beside what is no file.
    kept: bool,
}

/// A description of the outputs: what made them, and of which inputs they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    belljar: String,
    module_sha256: String,
    /// Of the configuration as JSON.
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
        let failed = |error: io::Error| Failure::io(&name, io_words(&error));
        if let Source::File(input) = input
            && let (Ok(input), Ok(output)) = (input.canonicalize(), path.canonicalize())
            && input == output
        {
            return Err(Failure::usage(format!("{name}: inputs and outputs cannot be the same file")));
        }
        let (mut file, kept, is_new) = match Target::of(path)? {
            // A pipe that is also opened for reading never loses its last reader.
            Target::Stdout | Target::Stream => (file::stream(path).map_err(failed)?, false, false),
            Target::Plain(..) => {
                let (file, is_new) = opened(path).map_err(failed)?;
                (file, true, is_new)
            }
        };
        let metadata = file.metadata().map_err(failed)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".belljar");
        let mut journal = Journal { path: beside.into(), about, notes: reader.notes(), kept };
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
                    let ready = Ready::new(&journal.path, text.as_bytes()).inspect_err(|_| {
                        if is_new {
                            let _ = fs::remove_file(path);
                        }
                    })?;
                    // In this order: the journal never describes outputs that were there before, and these stay until
                    // the journal can be written.
                    file.set_len(0).map_err(failed)?;
                    ready.take_name()?;
                }
                (_, Existing::Resume) => journal.resume(&name, &mut file, reader)?,
                (size, Existing::Refuse) => {
                    let message = format!("there is something in it already: {}", show::bytes(size));
                    let hint = "`--resume` goes on with it, `--force` overwrites it";
                    return Err(Failure::io(&name, message).with_hint(hint));
                }
            }
        }
        Ok((file, journal))
    }

    /// Whether it is to be written when so many lines have been.
    pub fn is_due(&self, lines: u64) -> bool {
        self.kept && lines.is_power_of_two()
    }

    /// Tells whether it has to be written before this line is: a last line without an end may go on another time.
    pub fn is_due_before(&self, line: u64) -> bool {
        let is_last = |notes: &Notes| notes.unended.as_ref().is_some_and(|last| last.mark.lines == line);
        self.kept && self.about.unended.is_none() && is_last(&self.notes())
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is known when so many lines have been written.
    pub fn write(&mut self, lines: u64) -> Result<(), Failure> {
        let text = self.text(lines);
        file::write(&self.path, text.as_bytes())
    }

    fn text(&mut self, lines: u64) -> String {
        let notes = self.notes().clone();
        self.about.input = notes.marks.into_iter().filter(|mark| mark.lines <= lines).collect();
        self.about.unended = notes.unended;
        serde_json::to_string_pretty(&self.about).unwrap_or_default() + "\n"
    }

    /// Finds where it was ended, and goes there.
    fn resume(&mut self, name: &str, file: &mut File, reader: &mut Reader) -> Result<(), Failure> {
        let refused = |message: String| {
            Failure::io(name, format!("it cannot be gone on with: {message}")).with_hint("`--force` begins anew")
        };
        let beside = show::path(&self.path);
        let text = match Source::Found(self.path.clone()).text(MAX_BYTES) {
            Ok(text) => text,
            Err(_) if !self.path.exists() => return Err(refused(format!("there is no {beside}"))),
            Err(failure) => return Err(failure),
        };
        let before: About =
            serde_json::from_str(&text).map_err(|_| refused(format!("{beside} does not say what it is of")))?;
        let about = &self.about;
        let differs = [
            ("version of belljar", before.belljar != about.belljar),
            ("module", before.module_sha256 != about.module_sha256),
            ("configuration", before.config_sha256 != about.config_sha256),
            ("format", before.records != about.records),
        ];
        if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
            return Err(refused(format!("it is of another {what}")));
        }
        let whole = whole_lines(file).map_err(|error| Failure::io(name, io_words(&error)))?;
        let passed = match &before.unended {
            Some(last) if last.mark.lines == whole.lines => reader.skip_unended(last)?,
            _ if reader.skip(whole.lines)? => Passed::Same,
            _ => Passed::Other,
        };
        let (lines, bytes) = match passed {
            // Its answer is that of another line.
            Passed::Longer => (whole.lines - 1, whole.last),
            Passed::Same | Passed::Other => (whole.lines, whole.bytes),
        };
        let marks = self.notes().marks.clone();
        let same = |mark: &Mark| before.input.iter().all(|other| other.lines != mark.lines || other == mark);
        if matches!(passed, Passed::Other) || !marks.iter().all(same) {
            return Err(refused("it is of other inputs".into()));
        }
        let cut = file.set_len(bytes).and_then(|()| file.seek(SeekFrom::End(0)));
        cut.map_err(|error| Failure::io(name, io_words(&error)))?;
        self.write(lines)
    }
}

/// Opens a file to go on with it, and makes it if there is none: tells whether it did.
fn opened(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).truncate(false);
    match options.clone().create_new(true).open(path) {
        // What a link leads to may be made through it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok((options.create(true).open(path)?, false)),
        file => Ok((file?, true)),
    }
}

/// The lines of a file that have an end.
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
