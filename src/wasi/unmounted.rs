//! In a build that mounts no directories of the host: there are none.

use crate::{config::wasi::Wasi, error::ConfigError};

#[derive(Debug)]
pub(crate) struct Roots;

impl Roots {
    /// The configuration has been checked, so that it names none.
    pub(crate) fn open(_: &Wasi) -> Result<Roots, ConfigError> {
        Ok(Roots)
    }

    #[cfg(feature = "wasi")]
    pub(super) fn volumes(
        &self,
        _: bool,
    ) -> impl Iterator<Item = (alloc::sync::Arc<str>, alloc::boxed::Box<dyn super::Volume>)> {
        core::iter::empty()
    }
}
