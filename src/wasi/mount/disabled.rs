//! Stub for builds that cannot mount host directories: only replayed runs have any.

#[cfg(feature = "wasi")]
use alloc::boxed::Box;
use alloc::{sync::Arc, vec::Vec};

use crate::{config::wasi::Wasi, error::ConfigError};

/// Guest paths of the directories.
#[cfg_attr(not(feature = "wasi"), allow(dead_code, reason = "used only with WASI"))]
#[derive(Debug)]
pub(crate) struct Roots(Vec<Arc<str>>);

impl Roots {
    /// Returns no directories: the check of the configuration refuses them in this build.
    pub(crate) fn open(_: &Wasi) -> Result<Roots, ConfigError> {
        Ok(Roots(Vec::new()))
    }

    /// Returns the directories of a replayed run.
    #[cfg(feature = "receipt")]
    pub(crate) fn for_replay(config: &Wasi) -> Roots {
        Roots(config.dirs.iter().map(|dir| dir.guest.as_str().into()).collect())
    }

    /// Returns the guest path of each directory, without a volume.
    #[cfg(feature = "wasi")]
    pub(super) fn volumes(&self, _: bool) -> impl Iterator<Item = (Arc<str>, Option<Box<dyn super::Volume>>)> {
        self.0.iter().map(|name| (Arc::clone(name), None))
    }
}
