//! The lines of the input, on their way to the runs.

use std::{
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
use sha2::{Digest, Sha256};

use crate::{
    failure::{Failure, io_words},
    map::journal::Mark,
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
    hash: Sha256,
    marks: Marks,
    /// Why the line after the last one could not be read.
    failed: Option<Failure>,
}

/// What the first lines are, for each power of two of them that there is.
pub type Marks = Arc<Mutex<Vec<Mark>>>;

impl Reader {
    /// Opens the input, whose lines have at most `limit` bytes.
    pub fn open(source: &Source, limit: u64) -> Result<Reader, Failure> {
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
        let marks = Marks::default();
        Ok(Reader { name, from, limit, size, lines: 0, bytes: 0, hash: Sha256::new(), marks, failed: None })
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

    /// What the first lines are, as far as they have been read by anybody.
    pub fn marks(&self) -> Marks {
        Arc::clone(&self.marks)
    }

    /// Reads past as many lines; whether there are so many.
    pub fn skip(&mut self, lines: u64) -> Result<bool, Failure> {
        while self.lines < lines {
            if self.line()?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut line = Vec::new();
        let most = self.limit.saturating_add(1);
        let read = (&mut self.from).take(most).read_until(b'\n', &mut line);
        let read = read.map_err(|error| Failure::io(&self.name, io_words(&error)))?;
        if read == 0 {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() as u64 > self.limit {
            let message = format!("line {}: longer than {}", self.lines + 1, show::bytes(self.limit));
            return Err(Failure::io(&self.name, message).with_hint("raise it with `--line-limit`"));
        }
        self.bytes += read as u64;
        self.lines += 1;
        self.hash.update(&line);
        self.hash.update(b"\n");
        if self.lines.is_power_of_two() {
            let mark = Mark::of(self.lines, &self.hash.clone().finalize());
            self.marks.lock().unwrap_or_else(PoisonError::into_inner).push(mark);
        }
        Ok(Some(line))
    }

    /// The next line, and those that have come with it.
    fn chunk(&mut self) -> Result<Vec<Vec<u8>>, Failure> {
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
    chunks: Receiver<Result<Vec<Vec<u8>>, Failure>>,
    chunk: vec::IntoIter<Vec<u8>>,
    cancel: Cancel,
    taken: Arc<AtomicU64>,
    trouble: Trouble,
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
    pub fn read(mut reader: Reader, cancel: Cancel, taken: Arc<AtomicU64>) -> (Lines, Trouble) {
        let (sender, chunks) = mpsc::sync_channel(AHEAD);
        let trouble = Trouble::default();
        thread::spawn(move || {
            loop {
                let chunk = reader.chunk();
                let last = chunk.as_ref().map_or(true, Vec::is_empty);
                if sender.send(chunk).is_err() || last {
                    break;
                }
            }
        });
        (Lines { chunks, chunk: Vec::new().into_iter(), cancel, taken, trouble: trouble.clone() }, trouble)
    }
}

impl Iterator for Lines {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(line) = self.chunk.next() {
                self.taken.fetch_add(line.len() as u64 + 1, Ordering::Relaxed);
                return Some(line);
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
