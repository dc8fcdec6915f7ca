//! Traces of runs: what happens in them, in an order that two of them can be compared by.

use alloc::vec::Vec;
use core::{
    hash::{Hash, Hasher},
    ops::Range,
};
use std::hash::DefaultHasher;

use crate::{data::value::Value, host::Host};

/// What happens in a run, kind by kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    pub(crate) streams: [Stream; Kind::COUNT],
    /// What stands for each function, by its index; `None` for one that does not count.
    pub(crate) functions: Vec<Option<u64>>,
    /// Whether values count, and stores.
    pub(crate) has_values: bool,
    /// The function of the host that has been called and has not returned.
    pub(crate) calling: Option<Event>,
    /// How far the input and the output have been seen, and the log.
    pub(crate) seen: (usize, usize, usize),
}

/// A kind of what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A call of a function of the host, and its return.
    Host = 0,
    /// A call of a function of the guest.
    Function = 1,
    /// A store.
    Store = 2,
}

impl Kind {
    pub(crate) const COUNT: usize = 3;
    pub(crate) const ALL: [Kind; Kind::COUNT] = [Kind::Host, Kind::Function, Kind::Store];
}

/// Events of one kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stream {
    pub(crate) count: u64,
    hash: DefaultHasher,
    /// The hash of all events up to the end of each chunk.
    pub(crate) chunks: Vec<u64>,
    /// The numbers of the events that are kept.
    pub(crate) window: Range<u64>,
    pub(crate) kept: Vec<Event>,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) step: u64,
    /// The offset of the operator.
    pub(crate) at: u32,
    /// The function; 0 for a store.
    pub(crate) function: u32,
    /// What has to be equal.
    pub(crate) same: Same,
}

/// What is equal in two runs that are the same so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Same {
    /// What stands for the function, or the address of a store.
    pub(crate) id: u64,
    /// Whether a function of the host has returned.
    pub(crate) is_return: bool,
    /// Arguments or results.
    pub(crate) values: Vec<Value>,
    /// Bytes that were stored, or input that the host has handed over, output and messages that it has taken.
    pub(crate) bytes: Vec<u8>,
}

/// Events of a chunk.
pub(crate) const CHUNK: u64 = 1_024;

/// Most chunks: a billion events, whose hashes take 8 MiB.
const MAX_CHUNKS: usize = 1 << 20;

impl Trace {
    /// Adds an event.
    pub(crate) fn add(&mut self, kind: Kind, event: Event) {
        if let Some(stream) = self.streams.get_mut(kind as usize) {
            stream.add(event);
        }
    }

    /// Returns what the host has handed over and taken since it was asked last.
    pub(crate) fn exchanged(&mut self, host: &Host) -> Vec<u8> {
        let (input, output, log) = self.seen;
        self.seen = (host.cursor, host.output.len(), host.log.entries.len());
        let read = host.input.as_bytes().get(input..host.cursor).unwrap_or_default();
        let written = host.output.get(output..).unwrap_or_default();
        let logged = host.log.entries.iter().skip(log).flat_map(|entry| entry.text.as_bytes());
        read.iter().chain(written).chain(logged).copied().collect()
    }
}

impl Stream {
    fn add(&mut self, event: Event) {
        event.same.hash(&mut self.hash);
        if self.window.contains(&self.count) {
            self.kept.push(event);
        }
        self.count += 1;
        if self.count.is_multiple_of(CHUNK) && self.chunks.len() < MAX_CHUNKS {
            self.chunks.push(self.hash.finish());
        }
    }

    /// Returns the number of the first event of the first chunk that differs from that of another, or `None` if all
    /// events that were compared are equal.
    pub(crate) fn first_other(&self, other: &Stream) -> Option<u64> {
        let chunks = self.chunks.iter().zip(&other.chunks);
        if let Some(chunk) = chunks.clone().position(|(one, other)| one != other) {
            return Some(CHUNK * chunk as u64);
        }
        let is_same = self.count == other.count && self.hash.finish() == other.hash.finish();
        (!is_same).then(|| CHUNK * chunks.count() as u64)
    }
}

impl Hash for Same {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.id, self.is_return, &self.bytes).hash(hasher);
        for value in &self.values {
            let bits = match value {
                Value::I32(value) => u128::from(*value as u32),
                Value::I64(value) => u128::from(*value as u64),
                Value::F32(value) => value.to_bits().into(),
                Value::F64(value) => value.to_bits().into(),
                Value::V128(value) => *value,
            };
            (value.ty() as u8, bits).hash(hasher);
        }
    }
}
