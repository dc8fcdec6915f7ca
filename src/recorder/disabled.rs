//! The recorder of a build without the feature `receipt`: it records and replays nothing.
#![expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the same methods as those of the recorder")]

use alloc::vec::Vec;

use crate::{data::value::Value, error::StopReason};

pub(crate) mod access;

use self::access::Access;

#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(());

impl Recorder {
    pub(crate) fn is_in_use(&self) -> bool {
        false
    }

    pub(crate) fn access(&self, _: &Access<'_>) -> Result<(), StopReason> {
        Ok(())
    }

    pub(crate) fn results(&self, _: impl FnOnce() -> Vec<Value>) -> Result<(), StopReason> {
        Ok(())
    }

    pub(crate) fn stopped(&self, _: &StopReason) {}

    #[cfg(feature = "wasi")]
    pub(crate) fn clock(&self, read: impl FnOnce() -> (u64, u64)) -> Result<(u64, u64), StopReason> {
        Ok(read())
    }

    #[cfg(feature = "wasi")]
    pub(crate) fn random(
        &self,
        to: &mut [u8],
        fill: impl FnOnce(&mut [u8]) -> Result<(), StopReason>,
    ) -> Result<(), StopReason> {
        fill(to)
    }

    pub(crate) fn finish(&self) -> Result<(), StopReason> {
        Ok(())
    }
}
