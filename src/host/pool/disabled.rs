//! Stub for builds without `pooling`, and for systems that cannot report which pages were touched.

use wasmi::{Memory, MemoryType, Store};

use crate::host::Host;

/// There is none.
pub(super) enum Mapping {}

impl Mapping {
    pub(super) fn is_supported() -> bool {
        false
    }

    pub(super) fn new(_: usize) -> Option<Mapping> {
        None
    }

    pub(super) fn memory(&mut self, _: &mut Store<Host>, _: MemoryType) -> Result<Memory, wasmi::Error> {
        match *self {}
    }

    pub(super) fn zero(&mut self, _: &mut [u8]) -> bool {
        match *self {}
    }

    pub(super) fn detach(&mut self) -> Option<Mapping> {
        match *self {}
    }
}
