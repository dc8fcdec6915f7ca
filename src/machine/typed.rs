//! Calls of an export that was found before: nothing is looked up, and nothing allocated.

use alloc::{boxed::Box, string::ToString};

use wasmi::{TypedFunc, TypedResumableCall, WasmParams, WasmResults};

use super::Machine;
use crate::{error::StopReason, meter, observe, pool::PooledStore, watch::Watch};

/// Why a call gave no results. It is boxed, since most calls have it handed on for nothing.
enum End {
    Stop(StopReason),
    Engine(wasmi::Error),
}

impl From<StopReason> for Box<End> {
    fn from(reason: StopReason) -> Self {
        Box::new(End::Stop(reason))
    }
}

impl Machine {
    /// An export whose type has been checked; `None` where its calls take more than a call: where async host
    /// functions may wait, a program of WASI is to be finished, or what it does is recorded.
    pub(crate) fn typed<P: WasmParams, R: WasmResults>(&self, name: &str) -> Option<TypedFunc<P, R>> {
        if self.store.data().recorder.is_in_use() {
            return None;
        }
        if self.module.adapter().is_some() || self.module.snapshot().is_some() {
            return None;
        }
        self.instance?.get_typed_func(&*self.store, name).ok()
    }

    /// `None` if the guest ended the run itself.
    pub(crate) fn call_typed<P: WasmParams, R: WasmResults>(
        &mut self,
        function: &TypedFunc<P, R>,
        name: &str,
        params: P,
    ) -> Result<Option<R>, StopReason> {
        self.store.reusable = false;
        self.status = 0;
        self.store.data_mut().forget_input();
        let (store, watch) = (&mut self.store, &mut self.watch);
        let module = self.module.inspect().name.as_deref().unwrap_or_default();
        let called = observe::contain(|| {
            let called = observe::running(module, || run(store, watch, function, name, params));
            called.map_err(Box::<End>::from).flatten()
        });
        let results = match called {
            Ok(Ok(results)) => Some(results),
            Ok(Err(end)) => self.ended(*end)?,
            Err(message) => return Err(StopReason::Engine { message }),
        };
        observe::done_with(|| meter::used(&mut *self.store), self.status)?;
        self.store.reusable = true;
        self.store.data_mut().drop_words();
        Ok(results)
    }

    /// No results, or why it was stopped.
    #[cold]
    fn ended<R>(&mut self, end: End) -> Result<Option<R>, StopReason> {
        let reason = match end {
            End::Stop(reason) => reason,
            End::Engine(error) => self.reason(error.kind()),
        };
        match reason {
            StopReason::Status { code: 0 } => Ok(None),
            reason => Err(reason),
        }
    }
}

fn engine(error: &wasmi::Error) -> StopReason {
    StopReason::Engine { message: error.to_string() }
}

fn run<P: WasmParams, R: WasmResults>(
    store: &mut PooledStore,
    watch: &mut Watch,
    function: &TypedFunc<P, R>,
    name: &str,
    params: P,
) -> Result<R, Box<End>> {
    observe::start(name, 0)?;
    watch.begin()?;
    store.data_mut().heed(watch);
    if meter::slice_left(&**store) == 0 {
        meter::grant(&mut **store, meter::SLICE);
    }
    let mut call = function.call_resumable(&mut **store, params);
    loop {
        let paused = match call.map_err(|error| Box::new(End::Engine(error)))? {
            TypedResumableCall::Finished(results) => return Ok(results),
            TypedResumableCall::HostTrap(call) => {
                let noted = store.data_mut().stop.take();
                return Err(noted.unwrap_or_else(|| engine(call.host_error())).into());
            }
            TypedResumableCall::OutOfFuel(call) => call,
        };
        let required = paused.required_fuel();
        if meter::left(&mut **store) < required {
            return Err(store.data().meter.exhausted().into());
        }
        watch.ask()?;
        let lack = required.saturating_sub(meter::slice_left(&**store));
        meter::grant(&mut **store, meter::SLICE.max(lack));
        call = paused.resume(&mut **store);
    }
}
