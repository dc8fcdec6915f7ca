//! Bodies of HTTP requests, read only after the head has been checked.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming};
use tokio::time::timeout;

/// A body that a future returns when it is first polled.
pub struct LazyBody<F>(Option<Pin<Box<F>>>);

/// The error of a body that was refused. The response with the reason is sent separately.
#[derive(Debug)]
pub struct Refused;

impl<F: Future<Output = Result<Bytes, Refused>>> LazyBody<F> {
    /// Returns a body from a future.
    pub fn new(body: F) -> LazyBody<F> {
        LazyBody(Some(Box::pin(body)))
    }
}

impl<F: Future<Output = Result<Bytes, Refused>>> Body for LazyBody<F> {
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

/// The reason why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It exceeds the size limit.
    TooLarge,
    /// It ended early or is malformed.
    Incomplete,
    /// It was not received in time.
    TimedOut,
}

/// Reads a body into memory of its size. If its content length exceeds the limit, it is refused unread.
pub async fn read(body: &mut Incoming, limit: u64, time: Duration) -> Result<Bytes, BodyError> {
    let size = body.size_hint();
    if size.lower() > limit {
        return Err(BodyError::TooLarge);
    }
    let whole = async {
        // No memory is reserved for a size that is only announced.
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else { continue };
            if (bytes.len() + data.len()) as u64 > limit {
                return Err(BodyError::TooLarge);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.into())
    };
    timeout(time, whole).await.unwrap_or(Err(BodyError::TimedOut))
}
