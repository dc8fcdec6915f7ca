//! `tracing` events of the module caches.

use super::{TARGET, emit};
use crate::error::StopReason;

pub(crate) fn hit(cache: &'static str, bytes: u64) -> Result<(), StopReason> {
    emit(|| tracing::debug!(target: TARGET, cache, bytes, "cache_hit"))
}

pub(crate) fn miss(cache: &'static str, bytes: u64, why: &'static str) -> Result<(), StopReason> {
    emit(|| tracing::debug!(target: TARGET, cache, bytes, why, "cache_miss"))
}

/// Emits the event of a new entry; `all_bytes` includes `bytes`.
pub(crate) fn kept(cache: &'static str, bytes: u64, all_bytes: u64) -> Result<(), StopReason> {
    emit(|| tracing::debug!(target: TARGET, cache, bytes, all_bytes, "cache_kept"))
}

#[cfg(feature = "cache")]
pub(crate) fn pin_of_other_rules(bytes: u64) -> Result<(), StopReason> {
    emit(|| tracing::info!(target: TARGET, bytes, "pin_of_other_rules"))
}

/// Emits the event of an entry that could not be written.
#[cfg(feature = "cache")]
pub(crate) fn unusable(cache: &'static str, why: impl core::fmt::Display) -> Result<(), StopReason> {
    emit(|| tracing::warn!(target: TARGET, cache, %why, "cache_unusable"))
}

pub(crate) fn evicted(cache: &'static str, modules: u64) -> Result<(), StopReason> {
    emit(|| tracing::debug!(target: TARGET, cache, modules, "cache_evicted"))
}
