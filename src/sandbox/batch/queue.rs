//! Queue of a batch: results in the order of their inputs.

use alloc::{boxed::Box, collections::VecDeque, sync::Arc, task::Wake, vec::Vec};
use core::{
    any::Any,
    iter,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{
    sync::{Condvar, MutexGuard},
    thread,
};

use crate::{
    data::outcome::Outcome,
    error::Error,
    sync::{Mutex, wait_timeout_while, wait_while, watch::Cancel},
};

/// Time a reader sleeps before it asks to be woken. Waking it for each short run would cost the threads more than
/// the runs.
const NAP: Duration = Duration::from_micros(200);

/// Result of a run, or a panic's payload.
pub(super) type RunResult = thread::Result<Result<Outcome, Error>>;

/// Inputs in progress and results not yet taken.
pub(super) struct Queue {
    window: usize,
    state: Mutex<State>,
    /// Signals the next result, or the end of the results.
    next: Condvar,
    /// Signals room in the window, or that the batch has stopped.
    room: Condvar,
    stopped: AtomicBool,
    /// Cancel handle of the current run of each thread.
    runs: Vec<Mutex<Option<Cancel>>>,
}

#[derive(Default)]
struct State {
    /// Results not yet taken; `None` for a run in progress.
    ended: VecDeque<Option<RunResult>>,
    /// Number of the first of them.
    first: u64,
    /// Set once the inputs have ended.
    last_taken: bool,
    /// Set while the reader, or the thread that takes inputs, waits. A needless notification costs a system call.
    reader_waits: bool,
    taker_waits: bool,
}

impl State {
    /// Returns whether the next result is there, or is known not to come.
    fn has_next(&self, stopped: bool) -> bool {
        match self.ended.front() {
            Some(first) => first.is_some(),
            None => self.last_taken || stopped,
        }
    }
}

impl Queue {
    pub(super) fn new(window: usize, threads: usize) -> Self {
        Queue {
            window,
            state: Mutex::default(),
            next: Condvar::new(),
            room: Condvar::new(),
            stopped: AtomicBool::new(false),
            runs: iter::repeat_with(Mutex::default).take(threads).collect(),
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Waits for room in the window. Returns whether another input is to be taken.
    pub(super) fn wait_for_room(&self) -> bool {
        let mut state = self.state.lock();
        if state.ended.len() >= self.window && !self.is_stopped() {
            state.taker_waits = true;
            let is_full = |state: &mut State| state.ended.len() >= self.window && !self.is_stopped();
            state = wait_while(&self.room, state, is_full);
        }
        state.taker_waits = false;
        !state.last_taken && !self.is_stopped()
    }

    /// Returns the number of an input that was taken, or `None` if the batch has stopped.
    pub(super) fn number(&self) -> Option<u64> {
        let mut state = self.state.lock();
        // The reader may have seen the end already.
        if self.is_stopped() {
            return None;
        }
        state.ended.push_back(None);
        Some(state.first + state.ended.len() as u64 - 1)
    }

    /// Marks the end of the inputs, with the panic of their iterator if it panicked.
    pub(super) fn end(&self, panic: Option<Box<dyn Any + Send>>) {
        let mut state = self.state.lock();
        state.last_taken = true;
        state.ended.extend(panic.map(|payload| Some(Err(payload))));
        self.next.notify_one();
    }

    /// Stores the result of a run.
    pub(super) fn put(&self, number: u64, ended: RunResult) {
        let mut state = self.state.lock();
        let at = number.checked_sub(state.first).and_then(|at| usize::try_from(at).ok());
        if let Some(entry) = at.and_then(|at| state.ended.get_mut(at)) {
            *entry = Some(ended);
        }
        if at == Some(0) && state.reader_waits {
            self.next.notify_one();
        }
    }

    /// Waits for the next result and takes it. Returns `None` at the end of the results.
    pub(super) fn take(&self) -> Option<RunResult> {
        let mut state = self.wait_for_next(None);
        let ended = state.ended.pop_front().flatten()?;
        state.first += 1;
        if state.taker_waits {
            self.room.notify_one();
        }
        Some(ended)
    }

    /// Waits up to `at_most`, and returns whether the next result is there, or is known not to come.
    pub(super) fn has_next(&self, at_most: Duration) -> bool {
        self.wait_for_next(Some(at_most)).has_next(self.is_stopped())
    }

    fn wait_for_next(&self, at_most: Option<Duration>) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        let nap = at_most.map_or(NAP, |time| time.min(NAP));
        // With a full window, threads may be waiting for the reader: do not sleep.
        if !state.has_next(self.is_stopped()) && state.ended.len() < self.window {
            drop(state);
            thread::sleep(nap);
            state = self.state.lock();
        }
        let at_most = at_most.map(|time| time.saturating_sub(nap));
        if state.has_next(self.is_stopped()) {
            return state;
        }
        state.reader_waits = true;
        let waits = |state: &mut State| !state.has_next(self.is_stopped());
        let mut state = match at_most {
            None => wait_while(&self.next, state, waits),
            Some(time) => wait_timeout_while(&self.next, state, time, waits),
        };
        state.reader_waits = false;
        state
    }

    /// Records the current run of a thread, so that it can be cancelled.
    pub(super) fn set_running(&self, worker: usize, run: Cancel) {
        let Some(current) = self.runs.get(worker) else { return };
        let mut current = current.lock();
        if self.is_stopped() {
            run.cancel();
        }
        *current = Some(run);
    }

    /// Stops the batch: no more inputs are taken, and current runs are cancelled.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        for run in &self.runs {
            if let Some(run) = &*run.lock() {
                run.cancel();
            }
        }
        // A thread that saw the flag unset holds the lock until it waits.
        let _state = self.state.lock();
        self.room.notify_all();
        self.next.notify_all();
    }
}

impl Wake for Queue {
    fn wake(self: Arc<Self>) {
        self.stop();
    }
}

/// Guard that stops the queue when the reader is done.
pub(super) struct StopOnDrop<'a>(pub(super) &'a Queue);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
        // The cancel handle may keep the queue alive: drop the results now.
        let left = core::mem::take(&mut self.0.state.lock().ended);
        drop(left);
    }
}
