//! Searches for steps of a run.

use alloc::{collections::BTreeSet, sync::Arc, vec::Vec};
use core::ops::Range;

use super::trace::{Event, Kind, Same, Trace};
use crate::{
    data::value::Value,
    host::Host,
    load::instrument::{
        CALLING, FIRST_OPERAND, FRAME, Instrument,
        steps::{BEGUN, END, LAST, Place},
    },
    sync::Mutex,
};

/// A search for steps at which something happens.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// The first and the last step that count.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The run ends before a segment at whose end more steps than that would have begun.
    pub(crate) limit: u64,
    /// The run ends at the operator of its plan when this number of steps has begun.
    pub(crate) end: u64,
    /// The number of hits before the one at which the run ends; without it the last hit is the result.
    pub(crate) passes: Option<u64>,
    /// The most functions that are being called.
    pub(crate) depth: u32,
    /// Operators that do not count where this number of functions is being called.
    pub(crate) left_out: (u32, BTreeSet<u32>),
    pub(crate) watched: Vec<Watched>,
    /// What has been found.
    pub(crate) hit: Option<Hit>,
    /// What happens in the run, if that is to be compared.
    pub(crate) trace: Option<Trace>,
}

impl Default for Search {
    fn default() -> Self {
        Search {
            from: 0,
            to: u64::MAX,
            limit: u64::MAX,
            end: u64::MAX,
            passes: None,
            depth: u32::MAX,
            left_out: (0, BTreeSet::new()),
            watched: Vec::new(),
            hit: None,
            trace: None,
        }
    }
}

/// Bytes of a memory whose changes are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) memory: u32,
    pub(crate) range: Range<u64>,
    /// What they were; fewer than the range has if the memory ends there.
    pub(crate) bytes: Vec<u8>,
}

/// A step at which something that was looked for happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) step: u64,
    pub(crate) what: What,
}

/// What happens at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// An operator, the function that begins, or the call that has returned.
    Reached { place: u32, what: u32 },
    /// An operator that has written, by its offset; the number of what is watched, and its bytes before and after.
    Written { at: u32, watched: usize, before: Vec<u8>, after: Vec<u8> },
}

/// What a probe knows about the run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now<'m> {
    /// The added memory, and the end of the stack of frames.
    pub(crate) records: &'m [u8],
    pub(crate) pointer: u32,
    /// The operator that was announced last.
    pub(crate) position: u32,
    pub(crate) instrument: &'m Instrument,
}

impl Now<'_> {
    /// Returns the number of steps whose code has begun.
    pub(crate) fn begun(&self) -> u64 {
        number(self.records, BEGUN)
    }

    /// Returns how many functions are being called.
    fn depth(&self) -> u32 {
        self.pointer.saturating_sub(self.instrument.kind.base()) / FRAME
    }

    /// Returns the step of an operator that is about to run or has just run, if it is one of those that count.
    pub(crate) fn step_of(&self, at: u32) -> Option<u64> {
        self.begun().checked_sub(self.instrument.tables.steps.left(at)?)
    }
}

fn number(records: &[u8], at: u32) -> u64 {
    let bytes = records.get(at as usize..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

impl Search {
    /// Sets in the added memory where the run ends.
    pub(crate) fn set_ends(&self, records: &mut [u8]) {
        for (at, number) in [(LAST, self.limit), (END, self.end)] {
            if let Some(bytes) = records.get_mut(at as usize..).and_then(|bytes| bytes.first_chunk_mut()) {
                *bytes = number.to_le_bytes();
            }
        }
    }

    /// Handles a place; returns whether the run ends there.
    pub(crate) fn reach(&mut self, now: Now<'_>, place: u32, what: u32) -> bool {
        let is_operator = place == Place::Operator as u32;
        let step = if is_operator { now.step_of(what) } else { Some(now.begun()) };
        let depth = now.depth();
        let is_left_out = is_operator && depth == self.left_out.0 && self.left_out.1.contains(&what);
        match step {
            Some(step) if depth <= self.depth && !is_left_out => self.count(step, What::Reached { place, what }),
            _ => false,
        }
    }

    /// Handles an operator that may have written, to an address if it is a store; returns whether the run ends there.
    pub(crate) fn wrote<'m>(
        &mut self,
        now: Now<'_>,
        address: u32,
        store: u32,
        memory: impl Fn(u32) -> &'m [u8],
    ) -> bool {
        let Some(store) = now.instrument.tables.steps.stores.get(store as usize) else { return false };
        if let Some(trace) = self.trace.as_mut().filter(|trace| trace.has_values) {
            let Some(access) = store.access else { return false };
            let start = u64::from(address) + access.offset;
            let bytes = part(memory(access.memory), &(start..start + access.bytes)).into();
            let same = Same { id: start, bytes, ..Same::default() };
            let step = now.step_of(store.at).unwrap_or_default();
            trace.add(Kind::Store, Event { step, at: store.at, function: 0, same });
            return false;
        }
        let mut found = None;
        for (watched, watch) in self.watched.iter_mut().enumerate() {
            let is_touched = match store.access {
                Some(access) => {
                    let start = u64::from(address) + access.offset;
                    access.memory == watch.memory && start < watch.range.end && watch.range.start < start + access.bytes
                }
                None => true,
            };
            if !is_touched {
                continue;
            }
            let after = part(memory(watch.memory), &watch.range);
            if store.access.is_some() || after != watch.bytes {
                let before = core::mem::replace(&mut watch.bytes, after.into());
                found = Some(What::Written { at: store.at, watched, before, after: after.into() });
            }
        }
        // Forwards a run stops behind the operator that wrote, backwards before it.
        // What a call has run is begun, too.
        let step = if store.is_call { now.begun().checked_sub(1) } else { now.step_of(store.at) };
        let step = step.map(|step| step + u64::from(self.passes.is_some()));
        step.zip(found).is_some_and(|(step, what)| self.count(step, what))
    }

    /// Handles a call or the return from a function of the host, whose values are given.
    pub(crate) fn call(&mut self, now: Now<'_>, place: u32, function: u32, values: &[(u32, Value)], host: &Host) {
        let Some(trace) = &mut self.trace else { return };
        let mut bytes = trace.exchanged(host);
        let Some(Some(id)) = trace.functions.get(function as usize).copied() else { return };
        let is_return = place == Place::HostReturn as u32;
        let is_host = is_return || place == Place::HostCall as u32;
        let step = if is_host { now.step_of(now.position) } else { None };
        let step = step.unwrap_or_else(|| now.begun());
        let is_value = |number: u32| is_host == (number >= FIRST_OPERAND);
        let values = values.iter().filter(|(number, _)| trace.has_values && is_value(*number));
        let values = values.map(|(_, value)| *value).collect();
        let tail_call = trace.calling.take().filter(|_| !is_return && !bytes.is_empty());
        if let Some(mut event) = tail_call {
            // Nothing is recorded when it returns.
            event.same.bytes = core::mem::take(&mut bytes);
            event.same.is_return = true;
            event.same.values.clear();
            trace.add(Kind::Host, event);
        }
        if !is_return {
            // That belongs to a function which is not compared.
            bytes.clear();
        }
        let kind = if is_host { Kind::Host } else { Kind::Function };
        let event = Event { step, at: now.position & !CALLING, function, same: Same { id, is_return, values, bytes } };
        trace.calling = (kind == Kind::Host && !is_return).then(|| event.clone());
        trace.add(kind, event);
    }

    /// Counts a hit; returns whether the run ends there.
    fn count(&mut self, step: u64, what: What) -> bool {
        if step < self.from || step > self.to {
            return false;
        }
        match &mut self.passes {
            Some(passes @ 1..) => {
                *passes -= 1;
                false
            }
            passes => {
                self.hit = Some(Hit { step, what });
                passes.is_some()
            }
        }
    }

    /// Sets what the watched bytes are at the beginning.
    pub(crate) fn begin<'m>(&mut self, memory: impl Fn(u32) -> &'m [u8]) {
        for watch in &mut self.watched {
            watch.bytes = part(memory(watch.memory), &watch.range).into();
        }
    }
}

/// A search that is shared with the probes of its run.
pub(crate) type Shared = Arc<Mutex<Search>>;

/// Returns the part of a memory that is in a range.
pub(crate) fn part<'m>(memory: &'m [u8], range: &Range<u64>) -> &'m [u8] {
    let size = memory.len() as u64;
    memory.get(range.start.min(size) as usize..range.end.min(size) as usize).unwrap_or_default()
}
