//! A body that is read only after the SDK has checked the head.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::body::{Body, Bytes, Frame};

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
