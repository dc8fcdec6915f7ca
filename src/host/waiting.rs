//! A call of an own host function that waits for something, and the way to the guest from within it.

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
    Host, Name,
    context::{Context, HostError},
};
use crate::{error::StopReason, observe, outcome::Level, sync::Mutex, value::Value};

/// The run that called an async host function.
///
/// The guest is suspended while the function waits; what is to be done with it, its memory or its meter is
/// done in between, by [`with`](Self::with) or by one of the methods that are made of it. Each is for the
/// function's own future: awaited anywhere else it never ends.
pub struct AsyncContext(Arc<Door>);

/// Through which a future hands out what it wants to do with the guest.
#[derive(Default)]
struct Door(Mutex<Option<Request>>);

type Request = Box<dyn FnOnce(&mut Context<'_>) + Send>;

impl AsyncContext {
    /// Does something with the run, as a host function that does not wait does; returns what that returns.
    pub async fn with<T: Send + 'static>(
        &mut self,
        act: impl for<'a> FnOnce(&mut Context<'a>) -> T + Send + 'static,
    ) -> T {
        let answer = Arc::new(Mutex::new(None));
        let place = Arc::downgrade(&answer);
        let request: Request = Box::new(move |context| answer_in(&place, || act(context)));
        *self.0.0.lock() = Some(request);
        poll_fn(|_| answer.lock().take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// As [`Context::read`].
    ///
    /// # Errors
    ///
    /// As [`Context::read`].
    pub async fn read(&mut self, ptr: u32, len: u32) -> Result<Vec<u8>, HostError> {
        self.with(move |context| context.read(ptr, len)).await
    }

    /// As [`Context::read_text`].
    ///
    /// # Errors
    ///
    /// As [`Context::read_text`].
    pub async fn read_text(&mut self, ptr: u32, len: u32) -> Result<String, HostError> {
        self.with(move |context| context.read_text(ptr, len)).await
    }

    /// As [`Context::write`].
    ///
    /// # Errors
    ///
    /// As [`Context::write`].
    pub async fn write(&mut self, ptr: u32, bytes: Vec<u8>) -> Result<(), HostError> {
        self.with(move |context| context.write(ptr, &bytes)).await
    }

    /// As [`Context::charge`].
    ///
    /// # Errors
    ///
    /// As [`Context::charge`].
    pub async fn charge(&mut self, fuel: u64) -> Result<(), HostError> {
        self.with(move |context| context.charge(fuel)).await
    }

    /// As [`Context::write_output`].
    ///
    /// # Errors
    ///
    /// As [`Context::write_output`].
    pub async fn write_output(&mut self, bytes: Vec<u8>) -> Result<(), HostError> {
        self.with(move |context| context.write_output(&bytes)).await
    }

    /// As [`Context::log`].
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

/// Acts if the answer is still waited for.
fn answer_in<T>(place: &Weak<Mutex<Option<T>>>, act: impl FnOnce() -> T) {
    if let Some(place) = place.upgrade() {
        let answer = act();
        *place.lock() = Some(answer);
    }
}

/// What a call comes to.
pub(super) type Answer = Result<Vec<Value>, HostError>;

type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A call that has not been answered.
pub(crate) struct Waiting {
    name: Name,
    door: Arc<Door>,
    // An execution can be shared between threads, a future need not be: nobody but its owner asks.
    future: Mutex<Answering>,
}

impl Waiting {
    /// A call of the function of this name, begun by `call`.
    pub(super) fn new<F>(name: &Name, call: impl FnOnce(AsyncContext) -> F) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let door = Arc::new(Door::default());
        let future = Box::pin(call(AsyncContext(Arc::clone(&door))));
        Waiting { name: name.clone(), door, future: Mutex::new(future) }
    }

    /// Goes on with it. What it asks of the guest is done at once.
    pub(crate) fn poll(
        &mut self,
        store: &mut Store<Host>,
        task: &mut TaskContext<'_>,
    ) -> Poll<Result<Vec<Value>, StopReason>> {
        let Waiting { name, door, future } = self;
        let polled = observe::contain(|| {
            loop {
                if let Poll::Ready(answer) = future.get_mut().as_mut().poll(task) {
                    let answer = answer.map_err(|error| error.into_stop(name));
                    let recorded =
                        answer.and_then(|values| store.data().recorder.results(|| values.clone()).map(|()| values));
                    return Poll::Ready(recorded);
                }
                // Taken in a statement of its own: the door is not held while the request is at work.
                let request = door.0.lock().take();
                let Some(request) = request else { return Poll::Pending };
                request(&mut Context { caller: Caller::from(&mut *store), name });
            }
        });
        polled.unwrap_or_else(|message| {
            let (module, function) = ((&*name.module).into(), (&*name.function).into());
            Poll::Ready(Err(StopReason::HostPanic { module, function, message }))
        })
    }
}
