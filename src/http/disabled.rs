//! Stub for builds without the feature `http`: no requests are sent.

/// State of HTTP requests, of which there are none.
#[derive(Default)]
pub(crate) struct State;
