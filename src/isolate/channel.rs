//! The connection to a worker, and the patience with it.
//!
//! It is a socket, since a pipe whose other end is gone would send a signal to a program that has not
//! turned that signal off.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::watch::Cancel;

/// How long a worker may say nothing while it runs a guest. Each report counts as something, and there
/// is one every few milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether the run was cancelled.
const TICK: Duration = Duration::from_millis(20);

/// The connection to a worker.
#[derive(Debug)]
pub(super) struct Channel {
    stream: UnixStream,
    cancel: Cancel,
    patience: Duration,
    /// When the worker is past its deadline.
    deadline: Option<Instant>,
    /// What has arrived; what is before `taken` has been read.
    buffer: Vec<u8>,
    taken: usize,
}

/// Why there is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// The worker has closed its end.
    Closed,
    /// A message longer than any it may send.
    TooLong,
    /// The deadline passed.
    Late,
    /// The run was cancelled.
    Cancelled,
    /// The worker said nothing for so long.
    Silent(Duration),
}

impl Channel {
    /// A connection to a worker that may say nothing for so long.
    pub(super) fn new(stream: UnixStream, patience: Duration) -> io::Result<Channel> {
        stream.set_nonblocking(true)?;
        Ok(Channel { stream, cancel: Cancel::new(), patience, deadline: None, buffer: Vec::new(), taken: 0 })
    }

    pub(super) fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    pub(super) fn set_patience(&mut self, patience: Duration, deadline: Option<Instant>) {
        (self.patience, self.deadline) = (patience, deadline);
    }

    /// Sends bytes. What the worker does not take because it is gone is no failure yet: it may have
    /// said why.
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> Result<(), Gap> {
        let mut since = Instant::now();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(sent) => {
                    bytes = bytes.get(sent..).unwrap_or_default();
                    since = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::OUT, since)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Waits for a message of at most so many bytes.
    pub(super) fn receive(&mut self, max_bytes: usize) -> Result<&[u8], Gap> {
        self.check()?;
        let size = u32::from_le_bytes(self.take()?);
        let size = usize::try_from(size).ok().filter(|size| *size <= max_bytes).ok_or(Gap::TooLong)?;
        self.fill(size)?;
        let start = self.taken;
        self.taken += size;
        self.buffer.get(start..self.taken).ok_or(Gap::Closed)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Gap> {
        self.fill(N)?;
        let bytes = self.buffer.get(self.taken..).and_then(|rest| rest.first_chunk()).ok_or(Gap::Closed)?;
        self.taken += N;
        Ok(*bytes)
    }

    /// Reads until so many bytes are there that have not been taken.
    fn fill(&mut self, size: usize) -> Result<(), Gap> {
        const READ_BYTES: usize = 64 << 10;
        let mut since = Instant::now();
        while self.buffer.len() - self.taken < size {
            self.buffer.drain(..std::mem::take(&mut self.taken));
            let filled = self.buffer.len();
            // It grows with what comes, not with what was announced.
            self.buffer.resize(filled + READ_BYTES, 0);
            let read = self.stream.read(self.buffer.get_mut(filled..).unwrap_or_default());
            self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return Err(Gap::Closed),
                Ok(_) => since = Instant::now(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::IN, since)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Gap::Closed),
            }
        }
        Ok(())
    }

    /// Whether to go on: a worker that never stops to talk does not keep anybody from asking.
    fn check(&self) -> Result<(), Gap> {
        if self.cancel.is_cancelled() {
            return Err(Gap::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Gap::Late),
            _ => Ok(()),
        }
    }

    /// Waits until the stream is ready, or it is time to look again.
    fn wait(&self, flags: PollFlags, since: Instant) -> Result<(), Gap> {
        self.check()?;
        if since.elapsed() >= self.patience {
            return Err(Gap::Silent(self.patience));
        }
        let tick = Timespec { tv_sec: 0, tv_nsec: i64::from(TICK.subsec_nanos()) };
        match poll(&mut [PollFd::new(&self.stream, flags)], Some(&tick)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(_) => Err(Gap::Closed),
        }
    }
}
