//! Deadline, cancel and elapsed time of a run, and the host's clock for a guest to which it is granted. No other file
//! reads a clock.

use alloc::sync::Arc;
use core::{
    sync::atomic::{AtomicBool, Ordering},
    task::Waker,
};

use crate::{
    error::{HostStop, StopReason},
    sync::Mutex,
};

/// A handle that stops a run from any thread. The run stops between slices of at most 100,000 fuel and pieces of
/// 256 KiB, in start functions too, and while an async host function waits.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<CancelState>);

#[derive(Debug, Default)]
struct CancelState {
    is_cancelled: AtomicBool,
    /// The waker of a run that waits for an async host function.
    waker: Mutex<Option<Waker>>,
}

impl Cancel {
    /// Returns a handle that is not cancelled.
    pub fn new() -> Self {
        Cancel::default()
    }

    /// Requests that the run stops with [`HostStop::Cancelled`]. This cannot be undone.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Release);
        let waker = self.0.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Checks whether [`cancel`](Self::cancel) was called.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Acquire)
    }

    /// Sets the waker that [`cancel`](Self::cancel) wakes, in place of an earlier one.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        *self.0.waker.lock() = Some(waker.clone());
    }
}

/// The state that is checked between slices.
#[derive(Debug)]
pub(crate) struct Watch {
    cancel: Cancel,
    deadline_ms: Option<u64>,
    /// Whether the elapsed time is not needed.
    is_untimed: bool,
    #[cfg(feature = "std")]
    clock: Clock,
}

impl Watch {
    pub(crate) fn new(deadline_ms: Option<u64>) -> Self {
        Watch {
            cancel: Cancel::new(),
            deadline_ms,
            is_untimed: false,
            #[cfg(feature = "std")]
            clock: Clock::default(),
        }
    }

    pub(crate) fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Starts the clock; if it runs already, returns an error if the run is to stop now. At the start only cancel is
    /// checked, since reading the clock again takes a notable part of the shortest runs.
    #[inline]
    pub(crate) fn begin(&mut self) -> Result<(), StopReason> {
        #[cfg(feature = "std")]
        if (!self.is_untimed || self.deadline_ms.is_some()) && self.clock.start() {
            return self.check_cancel();
        }
        self.check()
    }

    /// Disables the elapsed time, which the caller does not need.
    pub(crate) fn disable_timing(&mut self) {
        self.is_untimed = true;
    }

    pub(crate) fn stop(&mut self) {
        #[cfg(feature = "std")]
        self.clock.stop();
    }

    /// Sets the waker that is woken when the run is cancelled.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        self.cancel.set_waker(waker);
    }

    /// Returns the interrupt that is checked between two pieces of work of the host.
    pub(crate) fn interrupt(&self) -> Interrupt {
        Interrupt {
            cancel: self.cancel(),
            #[cfg(feature = "std")]
            deadline: self.deadline_ms.and_then(|limit_ms| {
                let end = self.clock.started?.checked_add(core::time::Duration::from_millis(limit_ms))?;
                Some((end, limit_ms))
            }),
        }
    }

    /// Returns an error if the run is to stop now.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), StopReason> {
        self.check_cancel()?;
        #[cfg(feature = "std")]
        if let Some(limit_ms) = self.deadline_ms
            && self.clock.elapsed() >= core::time::Duration::from_millis(limit_ms)
        {
            return Err(StopReason::Host(HostStop::Deadline { limit_ms }));
        }
        // Without a clock, a configuration with a deadline was refused.
        let _ = self.deadline_ms;
        Ok(())
    }

    #[inline]
    fn check_cancel(&self) -> Result<(), StopReason> {
        if self.cancel.is_cancelled() { Err(StopReason::Host(HostStop::Cancelled)) } else { Ok(()) }
    }

    /// Returns the time until the deadline.
    pub(crate) fn time_left(&self) -> Option<core::time::Duration> {
        #[cfg(feature = "std")]
        let elapsed = self.clock.elapsed();
        #[cfg(not(feature = "std"))]
        let elapsed = core::time::Duration::ZERO;
        self.deadline_ms.map(|limit_ms| core::time::Duration::from_millis(limit_ms).saturating_sub(elapsed))
    }

    #[cfg(feature = "std")]
    pub(crate) fn elapsed(&self) -> core::time::Duration {
        self.clock.elapsed()
    }
}

/// The cancel and the deadline of a run, which stop work of the host that has begun.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    cancel: Cancel,
    #[cfg(feature = "std")]
    deadline: Option<(std::time::Instant, u64)>,
}

impl Interrupt {
    /// Returns an error if the run is to stop now.
    pub(crate) fn check(&self) -> Result<(), StopReason> {
        if self.cancel.is_cancelled() {
            return Err(StopReason::Host(HostStop::Cancelled));
        }
        #[cfg(feature = "std")]
        if let Some((end, limit_ms)) = self.deadline
            && std::time::Instant::now() >= end
        {
            return Err(StopReason::Host(HostStop::Deadline { limit_ms }));
        }
        Ok(())
    }
}

#[cfg(feature = "std")]
#[derive(Debug, Default)]
struct Clock {
    started: Option<std::time::Instant>,
    took: Option<core::time::Duration>,
}

#[cfg(feature = "std")]
impl Clock {
    /// Starts the clock unless it runs; returns whether it did not run before.
    #[inline]
    fn start(&mut self) -> bool {
        let first = self.started.is_none();
        self.started.get_or_insert_with(std::time::Instant::now);
        first
    }

    fn stop(&mut self) {
        self.took.get_or_insert(self.started.map_or(core::time::Duration::ZERO, |s| s.elapsed()));
    }

    fn elapsed(&self) -> core::time::Duration {
        self.took.unwrap_or_else(|| self.started.map_or(core::time::Duration::ZERO, |s| s.elapsed()))
    }
}

/// The clocks of the host, for a guest with access to them.
#[cfg(feature = "wasi")]
#[derive(Debug, Default)]
pub(crate) struct HostClock {
    #[cfg(feature = "std")]
    started: std::sync::OnceLock<std::time::Instant>,
}

#[cfg(feature = "wasi")]
impl HostClock {
    /// Returns the time since 1970 and the time since the first call, both in ns.
    #[cfg(feature = "std")]
    pub(crate) fn read(&self) -> (u64, u64) {
        let ns = |time: core::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let monotonic = self.started.get_or_init(std::time::Instant::now).elapsed();
        (since_1970.map_or(0, ns), ns(monotonic))
    }

    /// Returns zeros. Without a clock, a configuration that grants it was refused.
    #[cfg(not(feature = "std"))]
    pub(crate) fn read(&self) -> (u64, u64) {
        (0, 0)
    }
}
