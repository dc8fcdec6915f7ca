//! Timers that AssemblyScript's `console.time` starts.

use alloc::{collections::BTreeMap, string::String};

/// Most timers that run at a time, and most characters of a label that tell them apart: with both, all timers take some
/// 100 KB, which the bound of a run has room for.
const MAX_TIMERS: usize = 64;
const LABEL_CHARS: usize = 256;

/// Running timers: the reading of the monotonic clock when each started, by label.
#[derive(Default)]
pub(crate) struct Timers(BTreeMap<String, u64>);

impl Timers {
    /// Most bytes of UTF-16 that a label is made of.
    pub(crate) const LABEL_BYTES: usize = 4 * LABEL_CHARS;

    /// Returns the part of a label that tells timers apart.
    pub(crate) fn label(text: impl Iterator<Item = char>) -> String {
        text.take(LABEL_CHARS).collect()
    }

    /// Starts a timer, unless it runs or too many others do.
    pub(crate) fn start(&mut self, label: String, now: u64) {
        if self.0.len() < MAX_TIMERS {
            self.0.entry(label).or_insert(now);
        }
    }

    /// Returns the start of a running timer, which `ends` with it.
    pub(crate) fn started(&mut self, label: &str, ends: bool) -> Option<u64> {
        if ends { self.0.remove(label) } else { self.0.get(label).copied() }
    }
}
