//! The lines of the input, read ahead of the runs.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
    vec,
};

use belljar::Cancel;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    failure::{Failure, io_message},
    show,
    source::{self, Source},
};

/// Bytes that are read at once and handed over at once; a longer line is handed over whole.
const CHUNK: usize = 64 << 10;

/// Chunks that are read ahead.
const AHEAD: usize = 2;

/// Time between two checks for cancellation while no line comes.
const INTERVAL: Duration = Duration::from_millis(50);

/// A reader of lines.
pub struct Reader {
    name: String,
    from: BufReader<Box<dyn Read + Send>>,
    limit: u64,
    size: Option<u64>,
    lines: u64,
    bytes: u64,
    /// The digest of the lines read so far, each with a line feed.
    hash: Sha256,
    digests: SharedDigests,
    /// Whether lines that are too long are skipped.
    skips_long: bool,
    /// Set after a line without a line feed: bytes that are appended to the file later belong to that line.
    is_over: bool,
    /// A line that was read and is returned again.
    again: Option<Raw>,
    /// The error in reading the line after the last one.
    failed: Option<Failure>,
}

/// Digests of the lines read so far.
#[derive(Debug, Clone, Default)]
pub struct InputDigests {
    /// Digests of the first 1, 2, 4, 8, … lines.
    pub marks: Vec<Mark>,
    /// The last line, if it has no line feed.
    pub unended: Option<Unended>,
}

/// The digest of the first lines of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// The number of lines.
    pub lines: u64,
    sha256: String,
}

/// A last line of the input without a line feed, which may become longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unended {
    /// The digest of the lines up to it, as if it had a line feed.
    pub mark: Mark,
    /// The size of the line.
    pub bytes: u64,
}

impl Mark {
    /// Returns the mark for the digest of the first `lines` lines.
    pub fn of(lines: u64, digest: &[u8]) -> Mark {
        let mut sha256 = String::with_capacity(2 * digest.len());
        for byte in digest {
            let _ = write!(sha256, "{byte:02x}");
        }
        Mark { lines, sha256 }
    }
}

/// Digests that the reader and the journal share.
pub type SharedDigests = Arc<Mutex<InputDigests>>;

/// A line as it was read.
struct Raw {
    /// Without its line feed; the beginning of a line that is too long.
    line: Vec<u8>,
    is_long: bool,
    has_end: bool,
    size: u64,
    /// The digest of all lines up to this one.
    hash: Sha256,
}

/// A line for the runs.
enum Line {
    Whole(Vec<u8>),
    /// The number and the size in bytes of a line that is too long.
    Long(u64, u64),
}

/// The last line with an output, compared with the current input.
pub enum Passed {
    /// It is the same.
    Same,
    /// It had no line feed and has become longer, so it is the next line.
    Longer,
    /// The lines are different.
    Other,
}

impl Reader {
    /// Opens the input. A line of more than `limit` bytes is an error, or skipped if `skips_long`.
    pub fn open(source: &Source, limit: u64, skips_long: bool) -> Result<Reader, Failure> {
        let name = source.name();
        let failed = |error: io::Error| Failure::io(&name, io_message(&error));
        let (from, size): (Box<dyn Read + Send>, _) = match source {
            Source::Stdin => (Box::new(io::stdin()), size_of_stdin()),
            Source::File(path) | Source::Found(path) => {
                let file = source::open(path).map_err(failed)?;
                let size = size(&file);
                (Box::new(file), size)
            }
        };
        let from = BufReader::with_capacity(CHUNK, from);
        let (hash, digests) = (Sha256::new(), SharedDigests::default());
        Ok(Reader {
            name,
            from,
            limit,
            size,
            lines: 0,
            bytes: 0,
            hash,
            digests,
            skips_long,
            is_over: false,
            again: None,
            failed: None,
        })
    }

    /// Returns the size of the input, if it is known.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Returns the number of lines read so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns the number of bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the digests of the lines, which are updated as lines are read.
    pub fn digests(&self) -> SharedDigests {
        Arc::clone(&self.digests)
    }

    /// Skips up to `lines` lines in total, and returns whether there are as many.
    pub fn skip(&mut self, lines: u64) -> Result<bool, Failure> {
        while self.lines < lines {
            let Some(raw) = self.raw(true)? else { return Ok(false) };
            self.count(&raw);
        }
        Ok(true)
    }

    /// Skips all lines up to one that had no line feed, unless it has become longer.
    pub fn skip_unended(&mut self, then: &Unended) -> Result<Passed, Failure> {
        let found = if self.skip(then.mark.lines.saturating_sub(1))? { self.raw(true)? } else { None };
        let Some(raw) = found else { return Ok(Passed::Other) };
        if Mark::of(then.mark.lines, &raw.hash.clone().finalize()) == then.mark {
            self.count(&raw);
            return Ok(Passed::Same);
        }
        let beginning = usize::try_from(then.bytes).ok().and_then(|bytes| raw.line.get(..bytes));
        let is_same = beginning.is_some_and(|beginning| {
            let hash = self.hash.clone().chain_update(beginning).chain_update(b"\n");
            Mark::of(then.mark.lines, &hash.finalize()) == then.mark
        });
        self.again = Some(raw);
        Ok(if is_same { Passed::Longer } else { Passed::Other })
    }

    /// Reads the next line. The rest of a line that is too long is read only if `skips_long`.
    fn raw(&mut self, skips_long: bool) -> Result<Option<Raw>, Failure> {
        if let Some(raw) = self.again.take() {
            return Ok(Some(raw));
        }
        if self.is_over {
            return Ok(None);
        }
        let failed = |name: &str, error: io::Error| Failure::io(name, io_message(&error));
        let mut line = Vec::new();
        let most = self.limit.saturating_add(1);
        let read = (&mut self.from).take(most).read_until(b'\n', &mut line);
        let mut size = read.map_err(|error| failed(&self.name, error))? as u64;
        if size == 0 {
            return Ok(None);
        }
        let mut has_end = line.pop_if(|last| *last == b'\n').is_some();
        let is_long = line.len() as u64 > self.limit;
        let mut hash = self.hash.clone().chain_update(&line);
        while is_long && skips_long && !has_end {
            let more = self.from.fill_buf().map_err(|error| failed(&self.name, error))?;
            let end = more.iter().position(|byte| *byte == b'\n');
            hash.update(end.and_then(|end| more.get(..end)).unwrap_or(more));
            let used = end.map_or(more.len(), |end| end + 1);
            if used == 0 {
                break;
            }
            has_end = end.is_some();
            size += used as u64;
            self.from.consume(used);
        }
        self.is_over = !has_end;
        hash.update(b"\n");
        Ok(Some(Raw { line, is_long, has_end, size, hash }))
    }

    /// Counts a line and updates the digests.
    fn count(&mut self, raw: &Raw) {
        self.bytes += raw.size;
        self.lines += 1;
        self.hash.clone_from(&raw.hash);
        let mark = || Mark::of(self.lines, &raw.hash.clone().finalize());
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        // A line without a line feed may become another line; one that is too long stays too long.
        if !raw.has_end && !raw.is_long {
            digests.unended = Some(Unended { mark: mark(), bytes: raw.line.len() as u64 });
        } else if raw.has_end && self.lines.is_power_of_two() {
            digests.marks.push(mark());
        }
    }

    /// Reads the next line for the runs.
    fn line(&mut self) -> Result<Option<Line>, Failure> {
        let Some(raw) = self.raw(self.skips_long)? else { return Ok(None) };
        if raw.is_long && !self.skips_long {
            let message = format!("line {}: longer than {}", self.lines + 1, show::bytes(self.limit));
            return Err(Failure::io(&self.name, message).with_hint("raise it with `--line-limit`"));
        }
        self.count(&raw);
        Ok(Some(if raw.is_long { Line::Long(self.lines, raw.size) } else { Line::Whole(raw.line) }))
    }

    /// Reads the next line, and those that are buffered behind it.
    fn chunk(&mut self) -> Result<Vec<Line>, Failure> {
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        let mut lines = Vec::from_iter(self.line()?);
        while !lines.is_empty() && self.from.buffer().contains(&b'\n') {
            match self.line() {
                Ok(line) => lines.extend(line),
                // The lines before it are run first.
                Err(failure) => {
                    self.failed = Some(failure);
                    break;
                }
            }
        }
        Ok(lines)
    }
}

fn size(file: &File) -> Option<u64> {
    file.metadata().ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
}

#[cfg(unix)]
fn size_of_stdin() -> Option<u64> {
    use std::os::fd::AsFd;
    size(&io::stdin().as_fd().try_clone_to_owned().ok()?.into())
}

#[cfg(not(unix))]
fn size_of_stdin() -> Option<u64> {
    None
}

/// The lines, read ahead by a detached thread: waiting for the next line does not delay results.
pub struct Lines {
    chunks: Receiver<Result<Vec<Line>, Failure>>,
    chunk: vec::IntoIter<Line>,
    cancel: Cancel,
    taken: Arc<AtomicU64>,
    long: LongLines,
    read_error: ReadError,
}

/// The numbers of lines that are too long to be run and have no output yet.
#[derive(Clone, Default)]
pub struct LongLines(Arc<Mutex<BTreeSet<u64>>>);

impl LongLines {
    /// Removes a line, and returns whether it is too long.
    pub fn take(&self, line: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&line)
    }
}

/// The error that ended the lines, if they did not end with the input.
#[derive(Clone, Default)]
pub struct ReadError(Arc<Mutex<Option<Failure>>>);

impl ReadError {
    /// Takes the error.
    pub fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Lines {
    /// Starts the reading thread for the rest of the lines. `taken` counts the bytes of the lines that are taken.
    pub fn read(mut reader: Reader, cancel: Cancel, taken: Arc<AtomicU64>) -> (Lines, LongLines, ReadError) {
        let (sender, chunks) = mpsc::sync_channel(AHEAD);
        let (long, read_error) = (LongLines::default(), ReadError::default());
        thread::spawn(move || {
            loop {
                let chunk = reader.chunk();
                let last = chunk.as_ref().map_or(true, Vec::is_empty);
                if sender.send(chunk).is_err() || last {
                    break;
                }
            }
        });
        let chunk = Vec::new().into_iter();
        let lines = Lines { chunks, chunk, cancel, taken, long: long.clone(), read_error: read_error.clone() };
        (lines, long, read_error)
    }
}

impl Iterator for Lines {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.chunk.next() {
                Some(Line::Whole(line)) => {
                    self.taken.fetch_add(line.len() as u64 + 1, Ordering::Relaxed);
                    return Some(line);
                }
                Some(Line::Long(number, size)) => {
                    self.taken.fetch_add(size, Ordering::Relaxed);
                    // Before the line after it is taken, so it is known when that line has its result.
                    self.long.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
                    continue;
                }
                None => {}
            }
            match self.chunks.recv_timeout(INTERVAL) {
                Ok(Ok(chunk)) if chunk.is_empty() => return None,
                Ok(Ok(chunk)) => self.chunk = chunk.into_iter(),
                Ok(Err(failure)) => {
                    *self.read_error.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                    return None;
                }
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if self.cancel.is_cancelled() => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
