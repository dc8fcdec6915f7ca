//! A connection whose other end has so much time to take what it is sent, and can be seen to be gone.

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

use crate::length;

/// How long, and for how much, a connection is read that has been answered for the last time.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 << 20;

/// What all answers begin with.
const BEGINNING: &[u8] = b"HTTP/1.";
/// Between two looks at a connection whose other end may be gone, at first and at most.
const LOOK: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(64)];

/// A connection whose other end has so much time to take what it is sent.
#[derive(Debug)]
pub struct Stream(Arc<Mutex<Inner>>);

/// Sees whether the other end of a connection is still there.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Mutex<Inner>>);

/// Both are polled by one task, and so hold nothing up.
#[derive(Debug)]
struct Inner {
    tcp: TcpStream,
    patience: Duration,
    /// Since something could not be sent, until all has been.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Of the next answer, bytes that have been sent ahead of it.
    ahead: usize,
    /// Whether an answer is made: what is read otherwise is the head of a request.
    is_answering: bool,
}

impl Stream {
    /// A connection that was accepted.
    pub fn new(tcp: TcpStream, patience: Duration) -> Stream {
        // Answers are sent whole, so there is nothing to wait for; without it they only come later.
        let _ = tcp.set_nodelay(true);
        Stream(Arc::new(Mutex::new(Inner { tcp, patience, waiting: None, ahead: 0, is_answering: false })))
    }

    /// What sees whether its other end is still there.
    pub fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.0))
    }

    /// Closes it, but not before the other end has: what it still sends would be answered with a reset, which
    /// would take the last answer from it.
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
    /// Says that an answer is made from now on, until what is returned is dropped.
    pub fn answering(&self) -> impl Drop + Send + use<> {
        lock(&self.0).is_answering = true;
        Answering(Arc::clone(&self.0))
    }

    /// Waits until the other end is gone, while an answer is being made.
    ///
    /// That it sends nothing more does not say so: it may still wait for its answer. And whether it sends nothing more
    /// cannot be seen behind what it has sent and nothing reads. But a system answers with a reset to what is sent to a
    /// program that is gone: so the other end is sent the beginning of its answer, byte by byte, each after four times
    /// as long as the one before.
    pub async fn gone(&self) {
        let [mut pause, most] = LOOK;
        let mut due = Duration::ZERO;
        let mut waited = Duration::ZERO;
        let mut look = None;
        poll_fn(|cx| {
            loop {
                let mut inner = lock(&self.0);
                // Nothing is there to be read, which is how it is as a rule.
                if ready!(inner.tcp.poll_read_ready(cx)).is_err() || inner.has_failed() {
                    return Poll::Ready(());
                }
                if waited >= due && inner.sends_ahead() {
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

struct Answering(Arc<Mutex<Inner>>);

impl Drop for Answering {
    fn drop(&mut self) {
        lock(&self.0).is_answering = false;
    }
}

impl Inner {
    fn has_failed(&self) -> bool {
        !matches!(self.tcp.take_error(), Ok(None))
    }

    /// Sends a byte of the next answer, if there is one left and nothing is in the way.
    fn sends_ahead(&mut self) -> bool {
        // Not into another answer.
        let byte = BEGINNING.get(self.ahead..).and_then(|rest| rest.get(..1)).filter(|_| self.waiting.is_none());
        let sent = byte.and_then(|byte| self.tcp.try_write(byte).ok()).unwrap_or(0);
        self.ahead += sent;
        sent > 0
    }

    /// Whether what could not be sent has waited for too long.
    fn waited(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    fn sent<T>(&mut self, cx: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match sent {
            Poll::Pending => self.waited(cx).map(Err),
            sent => sent,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.lock();
        let before = buf.filled().len();
        ready!(Pin::new(&mut inner.tcp).poll_read(cx, buf))?;
        if !inner.is_answering {
            length::lower(buf.filled_mut().get_mut(before..).unwrap_or_default());
        }
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
        inner.sent(cx, sent)
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
        inner.sent(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.lock().tcp.is_write_vectored()
    }

    /// Asked for when an answer has been written as a whole.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.lock();
        inner.waiting = None;
        Pin::new(&mut inner.tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.lock().tcp).poll_shutdown(cx)
    }
}
