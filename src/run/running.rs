//! Future of a run.

use core::{
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    data::outcome::Outcome,
    engine::meter,
    error::Error,
    run::execution::{Execution, Step},
};

/// Future of a run that yields to its executor after each slice of fuel. It needs no particular executor, thread
/// or timer: after yielding it is ready at once. While an async host function is pending, so is the run; it checks
/// its deadline when it is woken.
///
/// ```
/// # fn block_on<F: core::future::Future>(future: F) -> F::Output {
/// #     let mut future = core::pin::pin!(future);
/// #     let mut context = core::task::Context::from_waker(core::task::Waker::noop());
/// #     loop {
/// #         if let core::task::Poll::Ready(done) = future.as_mut().poll(&mut context) { break done }
/// #     }
/// # }
/// # let sandbox = belljar::Sandbox::new(belljar::Config::default())?;
/// # let module = sandbox.load_text("(module (func (export \"_start\")))")?;
/// # block_on(async {
/// let outcome = sandbox.start(&module, b"")?.await?;
/// let outcome = sandbox.start(&module, b"")?.yielding(10_000).await?;
/// # drop(outcome);
/// # Ok::<(), belljar::Error>(())
/// # })?;
/// # Ok::<(), belljar::Error>(())
/// ```
///
/// The outcome is the same as with any other way to drive the run. Polled after its end it is ready with
/// [`CallError::Ended`](crate::CallError::Ended).
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Running {
    execution: Execution,
    every: u64,
}

impl Execution {
    /// Returns a future that yields after each `fuel` (at least 1).
    pub fn yielding(self, fuel: u64) -> Running {
        Running { execution: self, every: fuel.max(1) }
    }
}

/// Yields after each 100,000 fuel, a fraction of a millisecond in a release build.
impl IntoFuture for Execution {
    type Output = Result<Outcome, Error>;
    type IntoFuture = Running;

    fn into_future(self) -> Running {
        self.yielding(meter::SLICE)
    }
}

impl Running {
    /// Returns the execution: its usage and output so far, and its cancel handle.
    pub fn execution(&mut self) -> &mut Execution {
        &mut self.execution
    }
}

impl Future for Running {
    type Output = Result<Outcome, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let running = self.get_mut();
        match running.execution.step_with(running.every, context.waker()) {
            Ok(Step::Yielded) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Ok(Step::Waiting) => Poll::Pending,
            Ok(Step::Done(outcome)) => Poll::Ready(Ok(outcome)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}
