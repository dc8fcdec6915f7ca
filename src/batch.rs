//! Many runs of one module, over all cores, as if they had been one after the other.

use alloc::{sync::Arc, vec::Vec};
use core::{fmt, iter, task::Waker, time::Duration};
use std::{
    panic::{self, AssertUnwindSafe},
    sync::Mutex,
    thread,
};

use self::queue::{Abandon, Queue, lock};
use crate::{error::Error, input::Input, module::Module, outcome::Outcome, sandbox::Sandbox, watch::Cancel};

mod queue;

/// Inputs for each thread that may be under way at once, unless [`Batch::window`] says otherwise: enough that a
/// run a few dozen times as long as the others keeps nobody waiting.
const WINDOW_PER_THREAD: usize = 32;

/// Many runs of one module: see [`Sandbox::run_many`].
#[derive(Debug)]
#[must_use = "nothing is run before its results are asked for"]
pub struct Batch<'a, I> {
    sandbox: &'a Sandbox,
    module: &'a Module,
    inputs: I,
    threads: usize,
    window: Option<usize>,
    cancel: Cancel,
}

impl Sandbox {
    /// Runs a module once for each input, over all cores; the results come in the order of the inputs, and are
    /// those of a loop of [`run`](Sandbox::run), however many threads there are.
    ///
    /// Inputs are taken from the iterator when there is somebody to run them, by whichever thread that is, and
    /// at most a [`window`](Batch::window) of them is under way: a batch has no end that memory would set.
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
    /// Sets how many threads run the module, beside the one that takes the results: at least 1; by default as
    /// many as the system says the program can use at once.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Sets how many inputs at most have been taken while their results have not: those that run, and those
    /// that are done but wait for an earlier one, or for their reader. At least 1; by default 32 for each
    /// thread. So many inputs and outcomes are in memory at once.
    pub fn window(mut self, inputs: usize) -> Self {
        self.window = Some(inputs.max(1));
        self
    }

    /// Lets `cancel` end it, from any thread: no more inputs are taken, runs are stopped with
    /// [`StopReason::Cancelled`](crate::StopReason::Cancelled), and the results come to an end. One handle is
    /// for one batch at a time.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Runs, and collects all results.
    pub fn collect(self) -> Vec<Result<Outcome, Error>> {
        self.scope(|results| results.collect())
    }

    /// Runs, while `take` takes the results on this thread. When it returns, what still runs is stopped, and no
    /// thread is left.
    ///
    /// It waits for a thread that waits for the next input.
    ///
    /// # Panics
    ///
    /// Only where `take` does, or the iterator of the inputs: the latter when the results before that have been
    /// taken.
    pub fn scope<R>(self, take: impl FnOnce(Results<'_>) -> R) -> R {
        let window = self.window.unwrap_or(self.threads.saturating_mul(WINDOW_PER_THREAD));
        let queue = Arc::new(Queue::new(window, self.threads));
        self.cancel.tell(&Waker::from(Arc::clone(&queue)));
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
        // What is traced of a run is traced as if this thread ran it.
        let subscriber = &tracing::dispatcher::get_default(Clone::clone);
        thread::scope(|scope| {
            // Also where `take` panics: the scope waits for its threads.
            let _end = Abandon(queue);
            let started = (0..threads)
                .take_while(|worker| {
                    let worker = *worker;
                    let run = move || while work.one(worker) {};
                    let traced = move || tracing::dispatcher::with_default(subscriber, run);
                    thread::Builder::new().spawn_scoped(scope, traced).is_ok()
                })
                .count();
            let alone = || work.one(0);
            take(Results { queue, alone: (started == 0).then_some(&alone) })
        })
    }
}

/// The results of a [`Batch`], in the order of its inputs.
pub struct Results<'a> {
    queue: &'a Queue,
    /// Runs one; where the system gave no thread.
    alone: Option<&'a dyn Fn() -> bool>,
}

impl Results<'_> {
    /// Waits until [`next`](Iterator::next) would return at once, but at most for so long: whether it would.
    pub fn wait(&self, at_most: Duration) -> bool {
        self.queue.has_next(if self.alone.is_some() { Duration::ZERO } else { at_most })
    }
}

impl Iterator for Results<'_> {
    type Item = Result<Outcome, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(run_one) = self.alone {
            // Its result is the first there is, or there is none.
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

/// What the threads do.
struct Work<'a, I> {
    sandbox: &'a Sandbox,
    module: &'a Module,
    /// Locked while one is taken, so that they have their numbers in their order.
    inputs: Mutex<I>,
    cancel: Cancel,
    span: tracing::Span,
    queue: &'a Queue,
}

impl<I: Iterator<Item: Into<Input>>> Work<'_, I> {
    /// Runs the next input; whether there was one.
    fn one(&self, worker: usize) -> bool {
        let mut inputs = lock(&self.inputs);
        if !self.queue.wait_for_room() {
            return false;
        }
        let taken = panic::catch_unwind(AssertUnwindSafe(|| inputs.next()));
        // Its handle may have been given to others since, so that they were told and not this.
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
        self.queue.runs(worker, run.cancel_handle());
        run.finish()
    }
}
