//! The connection to a worker, with its timeouts.
//!
//! It is a socket: writing to a pipe without a reader would raise SIGPIPE in a program that does not ignore it.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::sync::watch::Cancel;

/// Longest time without data from a worker that runs a guest. It sends a report every few milliseconds.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Interval at which a cancel is checked.
const TICK: Duration = Duration::from_millis(20);

/// The connection to a worker.
#[derive(Debug)]
pub(super) struct Channel {
    stream: UnixStream,
    cancel: Cancel,
    idle_timeout: Duration,
    /// Time at which the worker has missed its deadline.
    deadline: Option<Instant>,
    /// Received bytes; those before `consumed` have been returned.
    buffer: Vec<u8>,
    consumed: usize,
}

/// Error of the connection: no message can be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChannelError {
    /// The worker has closed its end.
    Closed,
    /// The worker sent an invalid message, or one longer than it may send.
    Invalid,
    /// The worker missed its deadline.
    Deadline,
    /// The run was cancelled.
    Cancelled,
    /// The worker sent nothing for this long.
    Idle(Duration),
}

impl Channel {
    /// Creates a connection to a worker, with its idle timeout.
    pub(super) fn new(stream: UnixStream, idle_timeout: Duration) -> io::Result<Channel> {
        stream.set_nonblocking(true)?;
        Ok(Channel { stream, cancel: Cancel::new(), idle_timeout, deadline: None, buffer: Vec::new(), consumed: 0 })
    }

    pub(super) fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    pub(super) fn set_timeouts(&mut self, idle_timeout: Duration, deadline: Option<Instant>) {
        (self.idle_timeout, self.deadline) = (idle_timeout, deadline);
    }

    /// Sends bytes. A closed connection is not an error here: the worker may have sent the reason before.
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> Result<(), ChannelError> {
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

    /// Waits for a message of at most `max_bytes` and returns it.
    pub(super) fn receive(&mut self, max_bytes: usize) -> Result<&[u8], ChannelError> {
        self.check()?;
        let size = u32::from_le_bytes(self.take()?);
        let size = usize::try_from(size).ok().filter(|size| *size <= max_bytes).ok_or(ChannelError::Invalid)?;
        self.fill(size)?;
        let start = self.consumed;
        self.consumed += size;
        self.buffer.get(start..self.consumed).ok_or(ChannelError::Closed)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ChannelError> {
        self.fill(N)?;
        let bytes = self.buffer.get(self.consumed..).and_then(|rest| rest.first_chunk()).ok_or(ChannelError::Closed)?;
        self.consumed += N;
        Ok(*bytes)
    }

    /// Reads until the buffer has `size` bytes that were not consumed.
    fn fill(&mut self, size: usize) -> Result<(), ChannelError> {
        const READ_BYTES: usize = 64 << 10;
        let mut since = Instant::now();
        while self.buffer.len() - self.consumed < size {
            self.buffer.drain(..std::mem::take(&mut self.consumed));
            let filled = self.buffer.len();
            // The buffer grows with the received bytes, not with the stated length.
            self.buffer.resize(filled + READ_BYTES, 0);
            let read = self.stream.read(self.buffer.get_mut(filled..).unwrap_or_default());
            self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return Err(ChannelError::Closed),
                Ok(_) => since = Instant::now(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::IN, since)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(ChannelError::Closed),
            }
        }
        Ok(())
    }

    /// Checks cancel and deadline, also while a worker sends without pause.
    fn check(&self) -> Result<(), ChannelError> {
        if self.cancel.is_cancelled() {
            return Err(ChannelError::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(ChannelError::Deadline),
            _ => Ok(()),
        }
    }

    /// Waits until the stream is ready, for one tick at most.
    fn wait(&self, flags: PollFlags, since: Instant) -> Result<(), ChannelError> {
        self.check()?;
        if since.elapsed() >= self.idle_timeout {
            return Err(ChannelError::Idle(self.idle_timeout));
        }
        let tick = Timespec { tv_sec: 0, tv_nsec: i64::from(TICK.subsec_nanos()) };
        match poll(&mut [PollFd::new(&self.stream, flags)], Some(&tick)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(_) => Err(ChannelError::Closed),
        }
    }
}
