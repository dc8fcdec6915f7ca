//! A pending call of an async host function, and the access to the guest from its future.

use alloc::{
    boxed::Box,
    string::String,
    sync::{Arc, Weak},
    vec::Vec,
};
use core::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use wasmi::{Caller, Store};

use super::{
    Host,
    context::{Context, HostError},
};
use crate::{
    abi::name::Name,
    data::{outcome::Level, value::Value},
    error::{HostStop, StopReason},
    observe,
    sync::Mutex,
};

/// The run that called an async host function.
///
/// The guest is suspended while the function waits. [`with`](Self::with), and the methods that use it, access its
/// memory and its meter. Await them in the future of the function only: anywhere else they never complete.
pub struct AsyncContext(Arc<Mailbox>);

/// The request of a future that is to be run with access to the guest.
#[derive(Default)]
struct Mailbox(Mutex<Option<Request>>);

type Request = Box<dyn FnOnce(&mut Context<'_>) + Send>;

impl AsyncContext {
    /// Runs a closure with the context of a synchronous host function; returns its result.
    pub async fn with<T: Send + 'static>(
        &mut self,
        act: impl for<'a> FnOnce(&mut Context<'a>) -> T + Send + 'static,
    ) -> T {
        let answer = Arc::new(Mutex::new(None));
        let slot = Arc::downgrade(&answer);
        let request: Request = Box::new(move |context| deliver(&slot, || act(context)));
        *self.0.0.lock() = Some(request);
        poll_fn(|_| answer.lock().take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Reads memory as [`Context::read`] does.
    ///
    /// # Errors
    ///
    /// As [`Context::read`].
    pub async fn read(&mut self, ptr: u32, len: u32) -> Result<Vec<u8>, HostError> {
        self.with(move |context| context.read(ptr, len)).await
    }

    /// Reads text as [`Context::read_text`] does.
    ///
    /// # Errors
    ///
    /// As [`Context::read_text`].
    pub async fn read_text(&mut self, ptr: u32, len: u32) -> Result<String, HostError> {
        self.with(move |context| context.read_text(ptr, len)).await
    }

    /// Writes memory as [`Context::write`] does.
    ///
    /// # Errors
    ///
    /// As [`Context::write`].
    pub async fn write(&mut self, ptr: u32, bytes: Vec<u8>) -> Result<(), HostError> {
        self.with(move |context| context.write(ptr, &bytes)).await
    }

    /// Charges fuel as [`Context::charge`] does.
    ///
    /// # Errors
    ///
    /// As [`Context::charge`].
    pub async fn charge(&mut self, fuel: u64) -> Result<(), HostError> {
        self.with(move |context| context.charge(fuel)).await
    }

    /// Appends output as [`Context::write_output`] does.
    ///
    /// # Errors
    ///
    /// As [`Context::write_output`].
    pub async fn write_output(&mut self, bytes: Vec<u8>) -> Result<(), HostError> {
        self.with(move |context| context.write_output(&bytes)).await
    }

    /// Logs a message as [`Context::log`] does.
    ///
    /// # Errors
    ///
    /// As [`Context::log`].
    pub async fn log(&mut self, level: Level, text: String) -> Result<(), HostError> {
        self.with(move |context| context.log(level, &text)).await
    }
}

impl fmt::Debug for AsyncContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncContext").finish_non_exhaustive()
    }
}

/// Runs a closure and stores its result, unless the future that waits for it has been dropped.
fn deliver<T>(slot: &Weak<Mutex<Option<T>>>, act: impl FnOnce() -> T) {
    if let Some(slot) = slot.upgrade() {
        let answer = act();
        *slot.lock() = Some(answer);
    }
}

/// The results of a call, or its error.
pub(super) type CallResult = Result<Vec<Value>, HostError>;

type CallFuture = Pin<Box<dyn Future<Output = CallResult> + Send>>;

/// A call that has not returned.
pub(crate) struct PendingCall {
    name: Name,
    mailbox: Arc<Mailbox>,
    // An execution is `Sync`, a future need not be; only the owner of the execution polls it.
    future: Mutex<CallFuture>,
}

impl PendingCall {
    /// Begins a call of the function of this name: `call` returns its future.
    pub(super) fn new<F>(name: &Name, call: impl FnOnce(AsyncContext) -> F) -> Self
    where
        F: Future<Output = CallResult> + Send + 'static,
    {
        let mailbox = Arc::new(Mailbox::default());
        let future = Box::pin(call(AsyncContext(Arc::clone(&mailbox))));
        PendingCall { name: name.clone(), mailbox, future: Mutex::new(future) }
    }

    /// Polls the future of the call, and runs its requests for access to the guest at once.
    pub(crate) fn poll(
        &mut self,
        store: &mut Store<Host>,
        task: &mut TaskContext<'_>,
    ) -> Poll<Result<Vec<Value>, StopReason>> {
        let PendingCall { name, mailbox, future } = self;
        let polled = observe::contain(|| {
            loop {
                if let Poll::Ready(answer) = future.get_mut().as_mut().poll(task) {
                    let answer = answer.map_err(|error| error.into_stop(name));
                    let recorded =
                        answer.and_then(|values| store.data().recorder.results(|| values.clone()).map(|()| values));
                    return Poll::Ready(recorded);
                }
                // A separate statement, so that the mailbox is not locked while the request runs.
                let request = mailbox.0.lock().take();
                let Some(request) = request else { return Poll::Pending };
                request(&mut Context { caller: Caller::from(&mut *store), name });
            }
        });
        polled.unwrap_or_else(|message| {
            let (module, function) = ((&*name.module).into(), (&*name.function).into());
            Poll::Ready(Err(StopReason::Host(HostStop::HostPanic { module, function, message })))
        })
    }
}
