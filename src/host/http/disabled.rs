//! Stub for builds without the feature `http`: no functions are provided.

use alloc::vec::Vec;

use super::function::HostFunction;
use crate::config::http::Http;

pub(crate) fn functions(_: &Http) -> Vec<HostFunction> {
    Vec::new()
}
