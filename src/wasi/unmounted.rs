//! Directories of the host in a build that mounts none: only their names, for replays.

use alloc::{sync::Arc, vec::Vec};

use crate::{config::wasi::Wasi, error::ConfigError};

/// Where the guest finds them.
#[cfg_attr(not(feature = "wasi"), allow(dead_code, reason = "nobody asks"))]
#[derive(Debug)]
pub(crate) struct Roots(Vec<Arc<str>>);

impl Roots {
    /// The configuration has been checked, so that it names none.
    pub(crate) fn open(_: &Wasi) -> Result<Roots, ConfigError> {
        Ok(Roots(Vec::new()))
    }

    #[cfg(feature = "receipt")]
    pub(crate) fn absent(config: &Wasi) -> Roots {
        Roots(config.dirs.iter().map(|dir| dir.guest.as_str().into()).collect())
    }

    #[cfg(feature = "wasi")]
    pub(super) fn volumes(
        &self,
        _: bool,
    ) -> impl Iterator<Item = (Arc<str>, Option<alloc::boxed::Box<dyn super::Volume>>)> {
        self.0.iter().map(|name| (Arc::clone(name), None))
    }
}
