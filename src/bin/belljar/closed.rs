//! Standard output that was closed when the program started.
//!
//! The runtime of Rust opens `/dev/null` for each closed standard stream before `main`, so that what is written there
//! would be lost without an error. It is looked at before that.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::failure::Failure;

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

#[cfg(unix)]
ctor::declarative::ctor! {
    // One system call and one store: nothing here depends on the runtime.
    #[ctor(unsafe)]
    fn look() {
        IS_CLOSED.store(rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err(), Relaxed);
    }
}

/// Fails if stdout was closed when the program started.
pub fn check_stdout() -> Result<(), Failure> {
    if !IS_CLOSED.load(Relaxed) {
        return Ok(());
    }
    Err(Failure::io("stdout", "it is closed").with_hint("`>/dev/null` discards what is written to it"))
}
