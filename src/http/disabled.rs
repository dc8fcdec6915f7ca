//! Stub for builds without the feature `http`: no functions are provided.

use alloc::vec::Vec;

use crate::{config::http::Http, host::function::HostFunction};

pub(crate) fn functions(_: &Http) -> Vec<HostFunction> {
    Vec::new()
}
