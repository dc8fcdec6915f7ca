//! Plain data: no engine and no input or output.

pub(crate) mod binary;
#[cfg(any(feature = "cache", all(feature = "isolate", unix)))]
pub(crate) mod codec;
#[cfg(feature = "receipt")]
pub(crate) mod digest;
pub(crate) mod distance;
pub(crate) mod extern_type;
pub mod files;
pub(crate) mod hex;
pub(crate) mod input;
pub(crate) mod inspect;
pub(crate) mod notation;
pub(crate) mod outcome;
pub mod text;
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "rules need only parts of it"))]
pub(crate) mod url;
pub(crate) mod value;
