//! TCP stream with a write timeout, and detection of a peer that is gone.

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep, timeout},
};

use super::length::Clamp;

/// Time and bytes for which a connection is read after its last response.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 << 20;

/// The prefix of every response.
const RESPONSE_PREFIX: &[u8] = b"HTTP/1.";
/// The first and the longest interval between two checks of the peer.
const CHECK_INTERVAL: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(64)];

/// A connection with a write timeout.
#[derive(Debug)]
pub struct Stream(Arc<Mutex<Inner>>);

/// Detects that the peer of a connection is gone.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Mutex<Inner>>);

/// The shared state. One task polls both, so the lock is never contended.
#[derive(Debug)]
struct Inner {
    tcp: TcpStream,
    write_timeout: Duration,
    /// The write timeout, while a write is blocked.
    blocked: Option<Pin<Box<Sleep>>>,
    /// The number of bytes of the next response that are already sent.
    ahead: usize,
    /// The clamp of content lengths.
    length: Clamp,
}

impl Stream {
    /// Wraps an accepted connection.
    pub fn new(tcp: TcpStream, write_timeout: Duration) -> Stream {
        // Responses are written whole, so Nagle's algorithm would only delay them. Failure is harmless.
        let _ = tcp.set_nodelay(true);
        Stream(Arc::new(Mutex::new(Inner { tcp, write_timeout, blocked: None, ahead: 0, length: Clamp::default() })))
    }

    /// Returns a watch on the peer.
    pub fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.0))
    }

    /// Closes the sending side, and reads until the peer closes its own. Data received after a full close would cause
    /// a reset, by which the peer may lose the last response.
    pub async fn linger(mut self) {
        let rest = async {
            self.shutdown().await?;
            let mut bytes = vec![0; 8 << 10];
            let mut left = LINGER_BYTES;
            while left > 0 {
                match self.read(&mut bytes).await? {
                    0 => break,
                    count => left = left.saturating_sub(count),
                }
            }
            io::Result::Ok(())
        };
        let _ = timeout(LINGER, rest).await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    /// Waits until the peer is gone, while its request is answered.
    ///
    /// A closed sending side is no sign of it: the peer may still wait for the response. And it is hidden behind unread
    /// data. But a system answers data for a closed socket with a reset. So the prefix of the response is sent byte by
    /// byte, at intervals that grow by a factor of four.
    pub async fn gone(&self) {
        let [mut pause, most] = CHECK_INTERVAL;
        let mut due = Duration::ZERO;
        let mut waited = Duration::ZERO;
        let mut look = None;
        poll_fn(|cx| {
            loop {
                let mut inner = lock(&self.0);
                // Usually pending: there is nothing to read.
                if ready!(inner.tcp.poll_read_ready(cx)).is_err() || inner.has_failed() {
                    return Poll::Ready(());
                }
                if waited >= due && inner.send_ahead() {
                    due = waited.max(most) * 4;
                }
                drop(inner);
                ready!(look.get_or_insert_with(|| Box::pin(sleep(pause))).as_mut().poll(cx));
                look = None;
                waited += pause;
                pause = most.min(pause * 2);
            }
        })
        .await
    }
}

impl Inner {
    fn has_failed(&self) -> bool {
        !matches!(self.tcp.take_error(), Ok(None))
    }

    /// Sends the next byte of the prefix, if one is left and no write is blocked. Returns whether it was sent.
    fn send_ahead(&mut self) -> bool {
        // A blocked write belongs to another response.
        let byte = RESPONSE_PREFIX.get(self.ahead..).and_then(|rest| rest.get(..1)).filter(|_| self.blocked.is_none());
        let sent = byte.and_then(|byte| self.tcp.try_write(byte).ok()).unwrap_or(0);
        self.ahead += sent;
        sent > 0
    }

    /// Polls the write timeout, which starts with the first blocked write.
    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let write_timeout = self.write_timeout;
        let blocked = self.blocked.get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        ready!(blocked.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    fn with_timeout<T>(&mut self, cx: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match sent {
            Poll::Pending => self.poll_timeout(cx).map(Err),
            sent => sent,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.lock();
        let before = buf.filled().len();
        ready!(Pin::new(&mut inner.tcp).poll_read(cx, buf))?;
        inner.length.clamp(buf.filled_mut().get_mut(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        if inner.ahead > 0 {
            let sent = inner.ahead.min(bytes.len());
            inner.ahead -= sent;
            return Poll::Ready(Ok(sent));
        }
        let sent = Pin::new(&mut inner.tcp).poll_write(cx, bytes);
        inner.with_timeout(cx, sent)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        if inner.ahead > 0 {
            let first = bytes.iter().find(|bytes| !bytes.is_empty()).map_or(&[][..], |bytes| bytes);
            drop(inner);
            return self.poll_write(cx, first);
        }
        let sent = Pin::new(&mut inner.tcp).poll_write_vectored(cx, bytes);
        inner.with_timeout(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.lock().tcp.is_write_vectored()
    }

    /// Flushes after a whole response, and so ends the write timeout.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.lock();
        inner.blocked = None;
        Pin::new(&mut inner.tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.lock().tcp).poll_shutdown(cx)
    }
}
