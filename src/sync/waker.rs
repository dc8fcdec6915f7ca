//! Blocking of a thread until a waker is called. The only file that blocks for a host function.

use alloc::{sync::Arc, task::Wake};
use core::{
    sync::atomic::{AtomicBool, Ordering},
    task::Waker,
    time::Duration,
};

/// Waker of the current thread, created when it waits for the first time: most runs need none.
#[derive(Debug, Default)]
pub(crate) struct LateWaker(Option<ThreadWaker>);

impl LateWaker {
    /// Returns the waker to pass on; before the first wait one that does nothing.
    pub(crate) fn waker(&self) -> &Waker {
        self.0.as_ref().map_or(Waker::noop(), |thread| &thread.waker)
    }

    /// Blocks as [`ThreadWaker::wait`] does. The first time it returns at once, since nothing has the waker yet.
    pub(crate) fn wait(&mut self, at_most: Option<Duration>) {
        match &self.0 {
            Some(thread) => thread.wait(at_most),
            None => self.0 = Some(ThreadWaker::new()),
        }
    }
}

/// Waker of a thread that runs without an executor.
#[derive(Debug)]
struct ThreadWaker {
    woken: Arc<Woken>,
    waker: Waker,
}

#[derive(Debug)]
struct Woken {
    flag: AtomicBool,
    #[cfg(feature = "std")]
    thread: std::thread::Thread,
}

impl ThreadWaker {
    /// Creates a waker for the current thread.
    fn new() -> Self {
        let woken = Arc::new(Woken {
            flag: AtomicBool::new(false),
            #[cfg(feature = "std")]
            thread: std::thread::current(),
        });
        ThreadWaker { waker: Waker::from(Arc::clone(&woken)), woken }
    }

    /// Blocks until the waker was called since the last wait, or `at_most` has passed. It may return early.
    fn wait(&self, at_most: Option<Duration>) {
        if self.woken.flag.swap(false, Ordering::Acquire) {
            return;
        }
        #[cfg(feature = "std")]
        match at_most {
            None => std::thread::park(),
            Some(time) => std::thread::park_timeout(time),
        }
        // Without `std` there is no clock.
        #[cfg(not(feature = "std"))]
        {
            let _ = at_most;
            core::hint::spin_loop();
        }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.flag.store(true, Ordering::Release);
        #[cfg(feature = "std")]
        self.thread.unpark();
    }
}
