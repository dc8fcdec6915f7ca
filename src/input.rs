//! The input of a run: borrowed at the door, owned inside, copied at most once.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt;

/// The bytes a guest may read. Made from slices and strings (copied), from a `Vec`, `String` or `Arc`
/// (not copied), or from whatever else holds bytes ([`Input::shared`], not copied).
#[derive(Debug, Clone, Default)]
pub struct Input(Bytes);

#[derive(Clone)]
enum Bytes {
    Owned(Vec<u8>),
    Shared(Arc<[u8]>),
    Held(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.get()).finish()
    }
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Bytes::Owned(bytes) => bytes,
            Bytes::Shared(bytes) => bytes,
            Bytes::Held(holder) => (**holder).as_ref(),
        }
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Bytes::Owned(Vec::new())
    }
}

impl Input {
    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.get()
    }

    /// Bytes that something else holds, such as a `Bytes` or a mapped file: they are not copied, and dropped
    /// with the run. It has to give the same bytes whenever it is asked.
    ///
    /// ```
    /// # let wasm = std::fs::read("fixtures/guests/upper-c.wasm")?;
    /// let text: &'static str = "hello";
    /// let outcome = belljar::execute(&wasm, belljar::Input::shared(text), &belljar::Config::default())?;
    /// assert_eq!(outcome.output, b"HELLO");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shared(holder: impl AsRef<[u8]> + Send + Sync + 'static) -> Input {
        Input(Bytes::Held(Arc::new(holder)))
    }

    /// The size as the ABI tells it; an input of 4 GiB and more is told as 2^32 - 1.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.as_bytes().len()).unwrap_or(u32::MAX)
    }
}

impl From<Vec<u8>> for Input {
    fn from(bytes: Vec<u8>) -> Self {
        Input(Bytes::Owned(bytes))
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Arc<[u8]>> for Input {
    fn from(bytes: Arc<[u8]>) -> Self {
        Input(Bytes::Shared(bytes))
    }
}

impl From<&[u8]> for Input {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl<const N: usize> From<&[u8; N]> for Input {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<&Vec<u8>> for Input {
    fn from(bytes: &Vec<u8>) -> Self {
        bytes.as_slice().into()
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}
