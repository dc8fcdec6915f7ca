//! The body of a request over HTTP, read when all that can be told from its head has been.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming};
use tokio::time::timeout;

/// A body that a future makes when it is asked for.
pub struct Later<F>(Option<Pin<Box<F>>>);

/// There is no body: why, has been told elsewhere.
#[derive(Debug)]
pub struct Refused;

impl<F: Future<Output = Result<Bytes, Refused>>> Later<F> {
    /// The body that a future makes.
    pub fn new(body: F) -> Later<F> {
        Later(Some(Box::pin(body)))
    }
}

impl<F: Future<Output = Result<Bytes, Refused>>> Body for Later<F> {
    type Data = Bytes;
    type Error = Refused;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refused>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let body = ready!(body.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(Some(body.map(Frame::data)))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is larger than it may be.
    TooLarge,
    /// It ended before its end.
    Cut,
    /// It took too long.
    Late,
}

/// Reads a body, in memory of its size; one that is too large is refused before it is read if it says so.
pub async fn read(body: &mut Incoming, limit: u64, time: Duration) -> Result<Bytes, Fault> {
    let size = body.size_hint();
    if size.lower() > limit {
        return Err(Fault::TooLarge);
    }
    let whole = async {
        // Of a size that is only announced nothing is set aside before it comes.
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Fault::Cut)?.into_data() else { continue };
            if (bytes.len() + data.len()) as u64 > limit {
                return Err(Fault::TooLarge);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.into())
    };
    timeout(time, whole).await.unwrap_or(Err(Fault::Late))
}
