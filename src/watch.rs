//! The only file that reads a clock: deadline, cancel and wall time of a run, and the clock of a guest that
//! is granted the host's.

use alloc::sync::Arc;
use core::{
    sync::atomic::{AtomicBool, Ordering},
    task::Waker,
};

use crate::{error::StopReason, sync::Mutex};

/// Stops a run from outside, from any thread. It acts between slices of at most 100,000 fuel and
/// pieces of 256 KiB, start functions included, and while an own host function waits.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    asked: AtomicBool,
    /// Who is to be told, if the run waits for something else just now.
    waker: Mutex<Option<Waker>>,
}

impl Cancel {
    /// A handle that is not cancelled.
    pub fn new() -> Self {
        Cancel::default()
    }

    /// Asks the run to stop with [`StopReason::Cancelled`]. It cannot be taken back.
    pub fn cancel(&self) {
        self.0.asked.store(true, Ordering::Release);
        let waker = self.0.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether it was asked to stop.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.0.asked.load(Ordering::Acquire)
    }

    /// Has this waker, and no other any more, woken when it is asked to stop.
    pub(crate) fn tell(&self, waker: &Waker) {
        *self.0.waker.lock() = Some(waker.clone());
    }
}

/// What is asked between slices.
#[derive(Debug)]
pub(crate) struct Watch {
    cancel: Cancel,
    deadline_ms: Option<u64>,
    /// Whether nobody can ask how long it took.
    untimed: bool,
    #[cfg(feature = "std")]
    clock: Clock,
}

impl Watch {
    pub(crate) fn new(deadline_ms: Option<u64>) -> Self {
        Watch {
            cancel: Cancel::new(),
            deadline_ms,
            untimed: false,
            #[cfg(feature = "std")]
            clock: Clock::default(),
        }
    }

    pub(crate) fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Starts the clock. If it runs already, asks whether the run is to stop now: when it starts there is nothing to
    /// be asked of it, and reading it takes a part of the shortest runs.
    #[inline]
    pub(crate) fn begin(&mut self) -> Result<(), StopReason> {
        #[cfg(feature = "std")]
        if (!self.untimed || self.deadline_ms.is_some()) && self.clock.start() {
            return self.ask_cancel();
        }
        self.ask()
    }

    /// Nobody will ask how long it took.
    pub(crate) fn leave_untimed(&mut self) {
        self.untimed = true;
    }

    pub(crate) fn stop(&mut self) {
        #[cfg(feature = "std")]
        self.clock.stop();
    }

    /// Has this waker woken when the run is cancelled.
    pub(crate) fn tell(&self, waker: &Waker) {
        self.cancel.tell(waker);
    }

    /// Returns what is asked between two pieces of one work of the host's.
    pub(crate) fn alarm(&self) -> Alarm {
        Alarm {
            cancel: self.cancel(),
            #[cfg(feature = "std")]
            deadline: self.deadline_ms.and_then(|limit_ms| {
                let end = self.clock.started?.checked_add(core::time::Duration::from_millis(limit_ms))?;
                Some((end, limit_ms))
            }),
        }
    }

    /// Whether the run is to stop now.
    #[inline]
    pub(crate) fn ask(&self) -> Result<(), StopReason> {
        self.ask_cancel()?;
        #[cfg(feature = "std")]
        if let Some(limit_ms) = self.deadline_ms
            && self.clock.elapsed() >= core::time::Duration::from_millis(limit_ms)
        {
            return Err(StopReason::Deadline { limit_ms });
        }
        // Without a clock, a configuration with a deadline was refused.
        let _ = self.deadline_ms;
        Ok(())
    }

    #[inline]
    fn ask_cancel(&self) -> Result<(), StopReason> {
        if self.cancel.is_cancelled() { Err(StopReason::Cancelled) } else { Ok(()) }
    }

    /// Time until the deadline.
    pub(crate) fn left(&self) -> Option<core::time::Duration> {
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

/// What stops work of the host's that has begun: the run's cancel and its deadline.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alarm {
    cancel: Cancel,
    #[cfg(feature = "std")]
    deadline: Option<(std::time::Instant, u64)>,
}

impl Alarm {
    /// Returns an error if the run is to stop now.
    pub(crate) fn ask(&self) -> Result<(), StopReason> {
        if self.cancel.is_cancelled() {
            return Err(StopReason::Cancelled);
        }
        #[cfg(feature = "std")]
        if let Some((end, limit_ms)) = self.deadline
            && std::time::Instant::now() >= end
        {
            return Err(StopReason::Deadline { limit_ms });
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
    /// Tells whether it has not run before.
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

/// The clocks of the host, for a guest that may see them.
#[cfg(feature = "wasi")]
#[derive(Debug, Default)]
pub(crate) struct HostClock {
    #[cfg(feature = "std")]
    started: std::sync::OnceLock<std::time::Instant>,
}

#[cfg(feature = "wasi")]
impl HostClock {
    /// In ns: the time since 1970, and the time since this was first asked.
    #[cfg(feature = "std")]
    pub(crate) fn read(&self) -> (u64, u64) {
        let ns = |time: core::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let monotonic = self.started.get_or_init(std::time::Instant::now).elapsed();
        (since_1970.map_or(0, ns), ns(monotonic))
    }

    /// Without a clock, a configuration that grants it was refused.
    #[cfg(not(feature = "std"))]
    pub(crate) fn read(&self) -> (u64, u64) {
        (0, 0)
    }
}
