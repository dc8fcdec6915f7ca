//! Parallel runs of one module with results in the order of their inputs.

use alloc::{sync::Arc, vec::Vec};
use core::{fmt, iter, task::Waker, time::Duration};
use std::{
    panic::{self, AssertUnwindSafe},
    thread,
};

use self::queue::{Queue, StopOnDrop};
use crate::{
    data::{input::Input, outcome::Outcome},
    error::Error,
    load::Module,
    sandbox::Sandbox,
    sync::{Mutex, watch::Cancel},
};

mod queue;

/// Default of [`Batch::window`] for each thread: enough that a run a few dozen times as long as the others leaves no
/// thread idle.
const WINDOW_PER_THREAD: usize = 32;

/// Builder of parallel runs of one module: see [`Sandbox::run_many`].
#[derive(Debug)]
#[must_use = "a batch does nothing until `collect` or `scope` is called"]
pub struct Batch<'a, I> {
    sandbox: &'a Sandbox,
    module: &'a Module,
    inputs: I,
    threads: usize,
    window: Option<usize>,
    cancel: Cancel,
}

impl Sandbox {
    /// Runs a module once for each input, on all cores. The results come in the order of the inputs, and equal
    /// those of a loop of [`run`](Sandbox::run) for any number of threads.
    ///
    /// A free thread takes the next input from the iterator, and at most a [`window`](Batch::window) of them is in
    /// progress: memory does not limit the length of a batch.
    ///
    /// ```
    /// # use belljar::{Config, Sandbox};
    /// let sandbox = Sandbox::new(Config::default())?;
    /// let module = sandbox.load(&std::fs::read("fixtures/guests/calc.wasm")?)?;
    /// let inputs = (0..100).map(|n| format!("{{\"expr\":\"{n} * {n}\"}}"));
    ///
    /// let squares = sandbox.run_many(&module, inputs).scope(|results| {
    ///     results.map(|result| Ok(result?.output)).collect::<Result<Vec<_>, belljar::Error>>()
    /// })?;
    /// assert_eq!(squares[12], b"{\"value\":144}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_many<'a, I>(&'a self, module: &'a Module, inputs: I) -> Batch<'a, I::IntoIter>
    where
        I: IntoIterator<Item: Into<Input>, IntoIter: Send>,
    {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let inputs = inputs.into_iter();
        Batch { sandbox: self, module, inputs, threads, window: None, cancel: Cancel::new() }
    }
}

impl<I: Iterator<Item: Into<Input>> + Send> Batch<'_, I> {
    /// Sets the number of threads that run the module, beside the one that takes the results: at least 1, by
    /// default [`available_parallelism`](thread::available_parallelism).
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Sets the most inputs that have been taken while their results have not: those that run, and those that
    /// wait for an earlier result or for the reader. At least 1, by default 32 for each thread. It bounds the
    /// inputs and outcomes in memory.
    pub fn window(mut self, inputs: usize) -> Self {
        self.window = Some(inputs.max(1));
        self
    }

    /// Sets a handle that ends the batch from any thread: no more inputs are taken, runs are stopped with
    /// [`HostStop::Cancelled`](crate::HostStop::Cancelled), and the results end. Use one handle for one batch
    /// at a time.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Runs the batch, and collects all results.
    pub fn collect(self) -> Vec<Result<Outcome, Error>> {
        self.scope(|results| results.collect())
    }

    /// Runs the batch while `take` consumes the results on this thread. When `take` returns, remaining runs are
    /// stopped and all threads are joined.
    ///
    /// It also waits for a thread that is blocked in the iterator of the inputs.
    ///
    /// # Panics
    ///
    /// Only where `take` or the iterator of the inputs panics; the latter once the results before it were taken.
    pub fn scope<R>(self, take: impl FnOnce(Results<'_>) -> R) -> R {
        let window = self.window.unwrap_or(self.threads.saturating_mul(WINDOW_PER_THREAD));
        let queue = Arc::new(Queue::new(window, self.threads));
        self.cancel.set_waker(&Waker::from(Arc::clone(&queue)));
        if self.cancel.is_cancelled() {
            queue.stop();
        }
        let (queue, threads) = (&*queue, self.threads);
        let work = Work {
            sandbox: self.sandbox,
            module: self.module,
            inputs: Mutex::new(self.inputs),
            cancel: self.cancel,
            span: tracing::Span::current(),
            queue,
        };
        let work = &work;
        // Threads use the subscriber and span of this thread.
        let subscriber = &tracing::dispatcher::get_default(Clone::clone);
        thread::scope(|scope| {
            // Stops the threads also where `take` panics, since the scope joins them.
            let _end = StopOnDrop(queue);
            let started = (0..threads)
                .take_while(|worker| {
                    let worker = *worker;
                    let run = move || while work.run_next(worker) {};
                    let traced = move || tracing::dispatcher::with_default(subscriber, run);
                    thread::Builder::new().spawn_scoped(scope, traced).is_ok()
                })
                .count();
            let inline = || work.run_next(0);
            take(Results { queue, inline: (started == 0).then_some(&inline) })
        })
    }
}

/// The results of a [`Batch`], in the order of its inputs.
pub struct Results<'a> {
    queue: &'a Queue,
    /// Runs the next input on this thread; set if no thread could be started.
    inline: Option<&'a dyn Fn() -> bool>,
}

impl Results<'_> {
    /// Waits until [`next`](Iterator::next) would return at once, but at most this long. Returns whether it would.
    pub fn wait(&self, at_most: Duration) -> bool {
        self.queue.has_next(if self.inline.is_some() { Duration::ZERO } else { at_most })
    }
}

impl Iterator for Results<'_> {
    type Item = Result<Outcome, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(run_one) = self.inline {
            // Its result is the next one, or there are no more inputs.
            run_one();
        }
        match self.queue.take()? {
            Ok(result) => Some(result),
            Err(payload) => panic::resume_unwind(payload),
        }
    }
}

impl iter::FusedIterator for Results<'_> {}

impl fmt::Debug for Results<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").finish_non_exhaustive()
    }
}

/// Data that the threads share.
struct Work<'a, I> {
    sandbox: &'a Sandbox,
    module: &'a Module,
    /// Locked until an input has its number, so that numbers follow the order of the inputs.
    inputs: Mutex<I>,
    cancel: Cancel,
    span: tracing::Span,
    queue: &'a Queue,
}

impl<I: Iterator<Item: Into<Input>>> Work<'_, I> {
    /// Runs the next input. Returns whether there was one.
    fn run_next(&self, worker: usize) -> bool {
        let mut inputs = self.inputs.lock();
        if !self.queue.wait_for_room() {
            return false;
        }
        let taken = panic::catch_unwind(AssertUnwindSafe(|| inputs.next()));
        // The waker of the handle may have been replaced since, so that the queue was not notified.
        if self.cancel.is_cancelled() {
            self.queue.stop();
        }
        let (input, number) = match taken {
            Ok(Some(input)) => match self.queue.number() {
                Some(number) => (input, number),
                None => return false,
            },
            Ok(None) => {
                self.queue.end(None);
                return false;
            }
            Err(payload) => {
                self.queue.end(Some(payload));
                return false;
            }
        };
        drop(inputs);
        let run = || self.span.in_scope(|| self.run(worker, input.into()));
        self.queue.put(number, panic::catch_unwind(AssertUnwindSafe(run)));
        true
    }

    fn run(&self, worker: usize, input: Input) -> Result<Outcome, Error> {
        let mut run = self.sandbox.start(self.module, input)?;
        self.queue.set_running(worker, run.cancel_handle());
        run.finish()
    }
}
