//! In a build without the feature `http`: nothing is provided.

use alloc::vec::Vec;

use crate::{config::http::Http, host::function::HostFunction};

pub(crate) fn functions(_: &Http) -> Vec<HostFunction> {
    Vec::new()
}
