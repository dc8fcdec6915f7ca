//! Input of a run: owned or shared bytes, copied at most once.

use alloc::{borrow::Cow, boxed::Box, string::String, sync::Arc, vec::Vec};
use core::fmt;

use crate::data::text::DebugBytes;

/// Bytes that a guest can read. Slices, arrays and `&str` are copied; a `Vec`, `String`, `Box` or `Arc`, and any other
/// holder of bytes ([`Input::shared`]), are not.
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
        DebugBytes(self.get()).fmt(f)
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
    /// Returns the bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.get()
    }

    /// Returns an input from a holder of bytes, such as a `Bytes` or a mapped file. The bytes are not copied; the
    /// holder is dropped with the run. It must return the same bytes on every call.
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

    /// Returns the size as the ABI reports it: 2^32 - 1 for an input of 4 GiB and more.
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

impl From<Box<[u8]>> for Input {
    fn from(bytes: Box<[u8]>) -> Self {
        bytes.into_vec().into()
    }
}

impl From<Cow<'_, [u8]>> for Input {
    fn from(bytes: Cow<'_, [u8]>) -> Self {
        bytes.into_owned().into()
    }
}

impl From<Cow<'_, str>> for Input {
    fn from(text: Cow<'_, str>) -> Self {
        text.into_owned().into()
    }
}

impl<const N: usize> From<[u8; N]> for Input {
    fn from(bytes: [u8; N]) -> Self {
        bytes.as_slice().into()
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

impl From<&String> for Input {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_that_holds_bytes_is_an_input() {
        let text = String::from("abc");
        let inputs = [
            Input::from(&text),
            Input::from(text.clone()),
            Input::from(*b"abc"),
            Input::from(b"abc"),
            Input::from(Cow::Borrowed(&b"abc"[..])),
            Input::from(Cow::<[u8]>::Owned(b"abc".to_vec())),
            Input::from(Cow::Borrowed("abc")),
            Input::from(Box::<[u8]>::from(&b"abc"[..])),
            Input::from(&b"abc".to_vec()),
            Input::from(Arc::<[u8]>::from(&b"abc"[..])),
            Input::shared("abc"),
        ];
        assert!(inputs.iter().all(|input| input.as_bytes() == b"abc"));
        assert_eq!(alloc::format!("{:?}", inputs[0]), "Input(b\"abc\")");
    }
}
