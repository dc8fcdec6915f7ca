//! What a batch has under way: results in the order of their inputs, and who waits for what.

use alloc::{boxed::Box, collections::VecDeque, sync::Arc, task::Wake, vec::Vec};
use core::{
    any::Any,
    iter,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::{error::Error, outcome::Outcome, watch::Cancel};

/// A reader sleeps for so long before it asks to be woken. To be woken for each of many short runs would cost
/// their threads more than they do.
const NAP: Duration = Duration::from_micros(200);

/// What came of an input, or the panic that it met.
pub(super) type Ended = thread::Result<Result<Outcome, Error>>;

/// What is under way.
pub(super) struct Queue {
    window: usize,
    state: Mutex<State>,
    /// There is a next result, or there will be none.
    next: Condvar,
    /// There is room for an input, or nobody wants one.
    room: Condvar,
    stopped: AtomicBool,
    /// What each thread runs.
    runs: Vec<Mutex<Option<Cancel>>>,
}

#[derive(Default)]
struct State {
    /// From the first whose result has not been taken; `None` is one that runs.
    ended: VecDeque<Option<Ended>>,
    /// The number of that first one.
    first: u64,
    /// There are no more inputs.
    last_taken: bool,
    /// Whether the reader waits, or whoever takes the inputs. To wake nobody costs a call of the system, too.
    reader_waits: bool,
    taker_waits: bool,
}

impl State {
    /// Whether the next result is there, or known to be none.
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

    /// Whether another input is to be taken, as soon as there is room for it.
    pub(super) fn wait_for_room(&self) -> bool {
        let mut state = lock(&self.state);
        while state.ended.len() >= self.window && !self.is_stopped() {
            state.taker_waits = true;
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.taker_waits = false;
        !state.last_taken && !self.is_stopped()
    }

    /// The number of an input that was taken; `None` if it comes too late.
    pub(super) fn number(&self) -> Option<u64> {
        let mut state = lock(&self.state);
        // The reader may have been told that nothing comes.
        if self.is_stopped() {
            return None;
        }
        state.ended.push_back(None);
        Some(state.first + state.ended.len() as u64 - 1)
    }

    /// There are no more inputs; perhaps because there was a panic in place of the next one.
    pub(super) fn end(&self, panic: Option<Box<dyn Any + Send>>) {
        let mut state = lock(&self.state);
        state.last_taken = true;
        state.ended.extend(panic.map(|payload| Some(Err(payload))));
        self.next.notify_one();
    }

    /// What came of an input.
    pub(super) fn put(&self, number: u64, ended: Ended) {
        let mut state = lock(&self.state);
        let at = number.checked_sub(state.first).and_then(|at| usize::try_from(at).ok());
        if let Some(place) = at.and_then(|at| state.ended.get_mut(at)) {
            *place = Some(ended);
        }
        if at == Some(0) && state.reader_waits {
            self.next.notify_one();
        }
    }

    /// The next result; `None` if there will be none.
    pub(super) fn take(&self) -> Option<Ended> {
        let mut state = self.wait_for_next(None);
        let ended = state.ended.pop_front().flatten()?;
        state.first += 1;
        if state.taker_waits {
            self.room.notify_one();
        }
        Some(ended)
    }

    /// Whether the next result is there, or known to be none: now, or within this time.
    pub(super) fn has_next(&self, at_most: Duration) -> bool {
        self.wait_for_next(Some(at_most)).has_next(self.is_stopped())
    }

    fn wait_for_next(&self, at_most: Option<Duration>) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        let nap = at_most.map_or(NAP, |time| time.min(NAP));
        // Where there is no room, threads may wait for what is read next.
        if !state.has_next(self.is_stopped()) && state.ended.len() < self.window {
            drop(state);
            thread::sleep(nap);
            state = lock(&self.state);
        }
        let at_most = at_most.map(|time| time.saturating_sub(nap));
        if state.has_next(self.is_stopped()) {
            return state;
        }
        state.reader_waits = true;
        let waits = |state: &mut State| !state.has_next(self.is_stopped());
        let mut state = match at_most {
            None => self.next.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner),
            Some(time) => self.next.wait_timeout_while(state, time, waits).unwrap_or_else(PoisonError::into_inner).0,
        };
        state.reader_waits = false;
        state
    }

    /// Notes what a thread runs, so that it can be stopped.
    pub(super) fn runs(&self, worker: usize, run: Cancel) {
        let Some(place) = self.runs.get(worker) else { return };
        let mut place = lock(place);
        if self.is_stopped() {
            run.cancel();
        }
        *place = Some(run);
    }

    /// Takes no more inputs, and stops what runs.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        for run in &self.runs {
            if let Some(run) = &*lock(run) {
                run.cancel();
            }
        }
        // Whoever has just looked whether it is stopped waits by now.
        let _state = lock(&self.state);
        self.room.notify_all();
        self.next.notify_all();
    }
}

impl Wake for Queue {
    fn wake(self: Arc<Self>) {
        self.stop();
    }
}

/// Nobody takes results any more.
pub(super) struct Abandon<'a>(pub(super) &'a Queue);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.0.stop();
        // The handle that could stop it may be kept for long.
        let left = core::mem::take(&mut lock(&self.0.state).ended);
        drop(left);
    }
}

/// Nothing is left half done by a panic under these locks.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
