//! The arguments of a call, which only the tool that is called reads.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Bytes;
use rmcp::model::Extensions;

/// The arguments of a call as a JSON text, beside the message that they came in. Whoever takes them has them alone, and
/// can free them.
#[derive(Debug, Clone, Default)]
pub struct Arguments(Arc<Mutex<Option<Bytes>>>);

impl Arguments {
    /// Returns those that accompany a request: of themselves, or with the request of HTTP that it came in.
    pub fn of(extensions: &Extensions) -> Option<Bytes> {
        let with_http = || extensions.get::<hyper::http::request::Parts>()?.extensions.get::<Arguments>();
        extensions.get::<Arguments>().or_else(with_http)?.lock().take()
    }

    /// The arguments of this text.
    pub fn new(text: Bytes) -> Arguments {
        Arguments(Arc::new(Mutex::new(Some(text))))
    }

    /// Sets the text, once it has been read.
    pub fn set(&self, text: Option<Bytes>) {
        *self.lock() = text;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
