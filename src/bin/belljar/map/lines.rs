//! The lines of the input, on their way to the runs.

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
    failure::{Failure, io_words},
    show,
    source::{self, Source},
};

/// Read at once, and handed over at once; beside it, what is handed over is one line at least.
const CHUNK: usize = 64 << 10;

/// Chunks that wait.
const AHEAD: usize = 2;

/// Whether it was cancelled is asked so often while no line comes.
const INTERVAL: Duration = Duration::from_millis(50);

/// Reads lines.
pub struct Reader {
    name: String,
    from: BufReader<Box<dyn Read + Send>>,
    limit: u64,
    size: Option<u64>,
    lines: u64,
    bytes: u64,
    /// Of the lines read so far, each with an end.
    hash: Sha256,
    notes: Shared,
    /// Lines that are too long are passed over.
    passes_long: bool,
    /// A line without an end was read: what is added to the file since then would not be a line.
    is_over: bool,
    /// A line that has been read and is to be read again.
    again: Option<Raw>,
    /// Why the line after the last one could not be read.
    failed: Option<Failure>,
}

/// Facts about the lines read so far.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// Digests of the first lines, for each power of two of them that there is.
    pub marks: Vec<Mark>,
    /// The last line, if it has no end.
    pub unended: Option<Unended>,
}

/// What the first lines of the input are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// The number of them.
    pub lines: u64,
    sha256: String,
}

/// A last line of the input without an end, which may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unended {
    /// Digest of the lines up to it, as if it had an end.
    pub mark: Mark,
    /// Its size.
    pub bytes: u64,
}

impl Mark {
    /// That so many lines have this digest.
    pub fn of(lines: u64, digest: &[u8]) -> Mark {
        let mut sha256 = String::with_capacity(2 * digest.len());
        for byte in digest {
            let _ = write!(sha256, "{byte:02x}");
        }
        Mark { lines, sha256 }
    }
}

/// Notes that are shared.
pub type Shared = Arc<Mutex<Notes>>;

/// A line as it was read.
struct Raw {
    /// Without its end; of a line that is too long, its beginning.
    line: Vec<u8>,
    is_long: bool,
    has_end: bool,
    size: u64,
    /// Of all lines, with this one.
    hash: Sha256,
}

/// A line for the runs.
enum Line {
    Whole(Vec<u8>),
    /// Its number and its size in bytes.
    Long(u64, u64),
}

/// The last line that has been answered, compared with the input as it is now.
pub enum Passed {
    /// It is what it was.
    Same,
    /// It had no end then, and now goes on: it is the next line.
    Longer,
    /// These are other lines.
    Other,
}

impl Reader {
    /// Opens the input, whose lines have at most `limit` bytes; those that are longer are an error, or passed over.
    pub fn open(source: &Source, limit: u64, passes_long: bool) -> Result<Reader, Failure> {
        let name = source.name();
        let failed = |error: io::Error| Failure::io(&name, io_words(&error));
        let (from, size): (Box<dyn Read + Send>, _) = match source {
            Source::Stdin => (Box::new(io::stdin()), size_of_stdin()),
            Source::File(path) | Source::Found(path) => {
                let file = source::open(path).map_err(failed)?;
                let size = size(&file);
                (Box::new(file), size)
            }
        };
        let from = BufReader::with_capacity(CHUNK, from);
        let (hash, notes) = (Sha256::new(), Shared::default());
        Ok(Reader {
            name,
            from,
            limit,
            size,
            lines: 0,
            bytes: 0,
            hash,
            notes,
            passes_long,
            is_over: false,
            again: None,
            failed: None,
        })
    }

    /// How large the input is, if that is known.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Lines read so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Facts about the lines, as far as they have been read by anybody.
    pub fn notes(&self) -> Shared {
        Arc::clone(&self.notes)
    }

    /// Reads past as many lines; whether there are so many.
    pub fn skip(&mut self, lines: u64) -> Result<bool, Failure> {
        while self.lines < lines {
            let Some(raw) = self.raw(true)? else { return Ok(false) };
            self.count(&raw);
        }
        Ok(true)
    }

    /// Reads past all lines up to one that had no end, unless that goes on by now.
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

    /// The next line. Of one that is too long, its rest is read only if it is passed over.
    fn raw(&mut self, passes_long: bool) -> Result<Option<Raw>, Failure> {
        if let Some(raw) = self.again.take() {
            return Ok(Some(raw));
        }
        if self.is_over {
            return Ok(None);
        }
        let failed = |name: &str, error: io::Error| Failure::io(name, io_words(&error));
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
        while is_long && passes_long && !has_end {
            let more = self.from.fill_buf().map_err(|error| failed(&self.name, error))?;
            let end = more.iter().position(|byte| *byte == b'\n');
            let (rest, used) = (&more[..end.unwrap_or(more.len())], end.map_or(more.len(), |end| end + 1));
            hash.update(rest);
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

    /// Takes note of a line.
    fn count(&mut self, raw: &Raw) {
        self.bytes += raw.size;
        self.lines += 1;
        self.hash.clone_from(&raw.hash);
        let mark = || Mark::of(self.lines, &raw.hash.clone().finalize());
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        // What has no end may become another line, and what is too long stays it.
        if !raw.has_end && !raw.is_long {
            notes.unended = Some(Unended { mark: mark(), bytes: raw.line.len() as u64 });
        } else if raw.has_end && self.lines.is_power_of_two() {
            notes.marks.push(mark());
        }
    }

    /// The next line, for the runs.
    fn line(&mut self) -> Result<Option<Line>, Failure> {
        let Some(raw) = self.raw(self.passes_long)? else { return Ok(None) };
        if raw.is_long && !self.passes_long {
            let message = format!("line {}: longer than {}", self.lines + 1, show::bytes(self.limit));
            return Err(Failure::io(&self.name, message).with_hint("raise it with `--line-limit`"));
        }
        self.count(&raw);
        Ok(Some(if raw.is_long { Line::Long(self.lines, raw.size) } else { Line::Whole(raw.line) }))
    }

    /// The next line, and those that have come with it.
    fn chunk(&mut self) -> Result<Vec<Line>, Failure> {
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        let mut lines = Vec::from_iter(self.line()?);
        while !lines.is_empty() && self.from.buffer().contains(&b'\n') {
            match self.line() {
                Ok(line) => lines.extend(line),
                // The lines before it are to be answered.
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

/// The lines, read ahead by a thread that nobody waits for: a line that never comes keeps no result back.
pub struct Lines {
    chunks: Receiver<Result<Vec<Line>, Failure>>,
    chunk: vec::IntoIter<Line>,
    cancel: Cancel,
    taken: Arc<AtomicU64>,
    long: Long,
    trouble: Trouble,
}

/// The numbers of lines that were too long to be run, and have not been told yet.
#[derive(Clone, Default)]
pub struct Long(Arc<Mutex<BTreeSet<u64>>>);

impl Long {
    /// Takes a line out, and tells whether it was one of them.
    pub fn take(&self, line: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&line)
    }
}

/// Why there are no more lines, if that is not that there are none.
#[derive(Clone, Default)]
pub struct Trouble(Arc<Mutex<Option<Failure>>>);

impl Trouble {
    /// Why, once.
    pub fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Lines {
    /// The lines that are still to be read, until it is cancelled; `taken` counts their bytes.
    pub fn read(mut reader: Reader, cancel: Cancel, taken: Arc<AtomicU64>) -> (Lines, Long, Trouble) {
        let (sender, chunks) = mpsc::sync_channel(AHEAD);
        let (long, trouble) = (Long::default(), Trouble::default());
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
        let lines = Lines { chunks, chunk, cancel, taken, long: long.clone(), trouble: trouble.clone() };
        (lines, long, trouble)
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
                    // Before the line after it is taken: so it is known when that is answered.
                    self.long.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
                    continue;
                }
                None => {}
            }
            match self.chunks.recv_timeout(INTERVAL) {
                Ok(Ok(chunk)) if chunk.is_empty() => return None,
                Ok(Ok(chunk)) => self.chunk = chunk.into_iter(),
                Ok(Err(failure)) => {
                    *self.trouble.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                    return None;
                }
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if self.cancel.is_cancelled() => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
