//! Arguments of a call, as unparsed JSON.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Bytes;
use rmcp::model::Extensions;

/// The arguments of a call as JSON text, passed beside their message. They can be taken once, so that the receiver can
/// free them.
#[derive(Debug, Clone, Default)]
pub struct Arguments(Arc<Mutex<Option<Bytes>>>);

impl Arguments {
    /// Takes the arguments from the extensions of a request, or of the HTTP request that carried it.
    pub fn take_from(extensions: &Extensions) -> Option<Bytes> {
        let with_http = || extensions.get::<hyper::http::request::Parts>()?.extensions.get::<Arguments>();
        extensions.get::<Arguments>().or_else(with_http)?.lock().take()
    }

    /// Returns arguments with this text.
    pub fn new(text: Bytes) -> Arguments {
        Arguments(Arc::new(Mutex::new(Some(text))))
    }

    /// Sets the text after the body was read.
    pub fn set(&self, text: Option<Bytes>) {
        *self.lock() = text;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
