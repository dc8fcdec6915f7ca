//! The only file that lets a thread wait: for an own host function that does.

use alloc::{sync::Arc, task::Wake};
use core::{
    sync::atomic::{AtomicBool, Ordering},
    task::Waker,
    time::Duration,
};

/// What a thread without an executor waits for.
#[derive(Debug)]
pub(crate) struct Bell {
    rung: Arc<Rung>,
    waker: Waker,
}

#[derive(Debug)]
struct Rung {
    flag: AtomicBool,
    #[cfg(feature = "std")]
    thread: std::thread::Thread,
}

impl Bell {
    /// For the thread that asks.
    pub(crate) fn new() -> Self {
        let rung = Arc::new(Rung {
            flag: AtomicBool::new(false),
            #[cfg(feature = "std")]
            thread: std::thread::current(),
        });
        Bell { waker: Waker::from(Arc::clone(&rung)), rung }
    }

    /// What rings it.
    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Waits until it has rung since the last time, or this time is over. It may return early.
    pub(crate) fn wait(&self, at_most: Option<Duration>) {
        if self.rung.flag.swap(false, Ordering::Acquire) {
            return;
        }
        #[cfg(feature = "std")]
        match at_most {
            None => std::thread::park(),
            Some(time) => std::thread::park_timeout(time),
        }
        // Without threads there is no clock either.
        #[cfg(not(feature = "std"))]
        {
            let _ = at_most;
            core::hint::spin_loop();
        }
    }
}

impl Wake for Rung {
    fn wake(self: Arc<Self>) {
        self.flag.store(true, Ordering::Release);
        #[cfg(feature = "std")]
        self.thread.unpark();
    }
}
