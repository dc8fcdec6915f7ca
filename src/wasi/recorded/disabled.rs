//! Stub for builds without the feature `receipt`: operations on host directories are not recorded.

use alloc::{boxed::Box, sync::Arc};

use super::volume::Volume;
use crate::recorder::Recorder;

/// Returns the volume unchanged.
pub(super) fn volume(_: &Arc<str>, volume: Option<Box<dyn Volume>>, _: &mut Recorder) -> Option<Box<dyn Volume>> {
    volume
}
