//! Typed calls of an export that was looked up before: they allocate nothing.

use alloc::{boxed::Box, string::ToString};

use wasmi::{TypedFunc, TypedResumableCall, WasmParams, WasmResults};

use super::{Machine, slice};
use crate::{
    engine::meter,
    error::{GuestFault, HostStop, StopReason},
    host::pool::PooledStore,
    observe,
    sync::watch::Watch,
};

/// The reason that a call has no results. It is boxed to keep the results of successful calls small.
enum CallEnd {
    Stop(StopReason),
    Engine(wasmi::Error),
}

impl From<StopReason> for Box<CallEnd> {
    fn from(reason: StopReason) -> Self {
        Box::new(CallEnd::Stop(reason))
    }
}

impl Machine {
    /// Returns an export with a checked type. Returns `None` if typed calls do not support the module: it imports
    /// async host functions, is a WASI program, which has to be finished, or its effects are recorded.
    pub(crate) fn typed<P: WasmParams, R: WasmResults>(&self, name: &str) -> Option<TypedFunc<P, R>> {
        if self.store.data().recorder.is_in_use() {
            return None;
        }
        if self.module.adapter().is_some() || self.module.snapshot().is_some() {
            return None;
        }
        self.instance?.get_typed_func(&*self.store, name).ok()
    }

    /// Calls an export; returns `None` if the guest exited with status 0.
    pub(crate) fn call_typed<P: WasmParams, R: WasmResults>(
        &mut self,
        function: &TypedFunc<P, R>,
        name: &str,
        params: P,
    ) -> Result<Option<R>, StopReason> {
        self.store.reusable = false;
        self.status = 0;
        self.store.data_mut().clear_input();
        let (store, watch) = (&mut self.store, &mut self.watch);
        let module = self.module.inspect().name.as_deref().unwrap_or_default();
        let called = observe::contain(|| {
            let called = observe::running(module, || call(store, watch, function, name, params));
            called.map_err(Box::<CallEnd>::from)?
        });
        let results = match called {
            Ok(Ok(results)) => Some(results),
            Ok(Err(end)) => self.map_end(*end)?,
            Err(message) => return Err(StopReason::Host(HostStop::Engine { message })),
        };
        observe::done_with(|| meter::used(&mut *self.store), self.status)?;
        self.store.reusable = true;
        self.store.data_mut().clear_output();
        Ok(results)
    }

    /// Maps the end of a call without results: `None` if the guest exited with status 0, or else the reason of the
    /// stop.
    #[cold]
    fn map_end<R>(&mut self, end: CallEnd) -> Result<Option<R>, StopReason> {
        let reason = match end {
            CallEnd::Stop(reason) => reason,
            CallEnd::Engine(error) => self.reason(error.kind()),
        };
        match reason {
            StopReason::Guest(GuestFault::Status { code: 0 }) => Ok(None),
            reason => Err(reason),
        }
    }
}

fn engine_error(error: &wasmi::Error) -> StopReason {
    StopReason::Host(HostStop::Engine { message: error.to_string() })
}

fn call<P: WasmParams, R: WasmResults>(
    store: &mut PooledStore,
    watch: &mut Watch,
    function: &TypedFunc<P, R>,
    name: &str,
    params: P,
) -> Result<R, Box<CallEnd>> {
    observe::start(name, 0)?;
    watch.begin()?;
    store.data_mut().set_interrupt(watch);
    let mut budget = u64::MAX;
    if meter::slice_left(&**store) == 0 {
        slice::grant(store, 0, &mut budget);
    }
    let mut call = function.call_resumable(&mut **store, params);
    loop {
        let paused = match call.map_err(|error| Box::new(CallEnd::Engine(error)))? {
            TypedResumableCall::Finished(results) => return Ok(results),
            TypedResumableCall::HostTrap(call) => {
                let reason = store.data_mut().stop.take();
                return Err(reason.unwrap_or_else(|| engine_error(call.host_error())).into());
            }
            TypedResumableCall::OutOfFuel(call) => call,
        };
        // The budget is never used up.
        slice::next(store, watch, paused.required_fuel(), &mut budget)?;
        call = paused.resume(&mut **store);
    }
}
