//! Synchronization: the mutex, that of the standard library or a spin lock in builds without it; the parking of threads;
//! cancel and deadline.

pub(crate) mod waker;
pub(crate) mod watch;

#[cfg(not(feature = "std"))]
pub(crate) use spin::Mutex;

#[cfg(feature = "std")]
pub(crate) use self::with_std::{Mutex, wait_timeout_while, wait_while};

#[cfg(feature = "std")]
mod with_std {
    extern crate std;

    use core::time::Duration;
    use std::sync::{self, Condvar, MutexGuard, PoisonError};

    /// Mutex that ignores poisoning: no panic leaves the data behind a lock of this crate inconsistent.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T: ?Sized>(sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// Creates an unlocked mutex.
        pub(crate) const fn new(value: T) -> Self {
            Mutex(sync::Mutex::new(value))
        }
    }

    impl<T: ?Sized> Mutex<T> {
        /// Returns the value, which needs no lock: the borrow is exclusive.
        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
        }

        /// Locks the mutex, and blocks until that is possible.
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Releases a lock until `condvar` is notified and `condition` is false.
    pub(crate) fn wait_while<'a, T>(
        condvar: &Condvar,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        condvar.wait_while(guard, condition).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as [`wait_while`] does, but at most this long.
    pub(crate) fn wait_timeout_while<'a, T>(
        condvar: &Condvar,
        guard: MutexGuard<'a, T>,
        at_most: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        condvar.wait_timeout_while(guard, at_most, condition).unwrap_or_else(PoisonError::into_inner).0
    }

    #[test]
    fn a_panic_does_not_lock_out_others() {
        let mutex = Mutex::new(1);
        let panicked = std::panic::catch_unwind(|| {
            let mut guard = mutex.lock();
            *guard = 2;
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicked.is_err());
        assert_eq!(*mutex.lock(), 2);
    }
}
