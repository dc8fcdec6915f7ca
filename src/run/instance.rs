//! Instances that keep their state between calls.

use alloc::{boxed::Box, string::String, sync::Arc};
use core::{any::Any, fmt};

use wasmi::TypedFunc;

use crate::{
    config::RunOptions,
    data::{
        input::Input,
        outcome::{Outcome, Usage},
        value::Value,
    },
    engine::scalar::Scalars,
    error::{CallError, Error, GuestFault, StopReason},
    host::pool::Purpose,
    load::{Module, Policy},
    run::{machine::Machine, signature::check_call},
    sync::watch::Cancel,
};

/// Instance whose memory, tables and globals persist between calls, until [`reset`](Instance::reset).
///
/// All calls share one meter: `limits.fuel` and every other limit bound their sum, and the usage in an outcome is the
/// sum so far. Output and log are separate for each call. A call that was stopped, other than by a status, may leave
/// inconsistent state: further calls are refused until `reset`.
pub struct Instance {
    machine: Machine,
    poison: Option<StopReason>,
    /// Typed function called last: most callers use one name.
    last: Option<(String, Box<dyn Any + Send + Sync>)>,
}

/// Typed handle to an exported function; see [`Instance::function`].
pub struct Function<'i, P, R> {
    instance: &'i mut Instance,
    typed: Option<TypedFunc<P, R>>,
    name: String,
}

impl Instance {
    pub(crate) fn new(module: &Module, policy: &Arc<Policy>, data: Box<dyn Any + Send + Sync>) -> Result<Self, Error> {
        let machine = Machine::new(module, policy, &RunOptions::new(), Purpose::Instance, data)?;
        let mut instance = Instance { machine, poison: None, last: None };
        instance.finish()?;
        Ok(instance)
    }

    /// Calls an exported function; see [`Sandbox::call`](crate::Sandbox::call).
    ///
    /// # Errors
    ///
    /// [`Error::Call`] if the export does not exist or has another type, or the instance was stopped before;
    /// [`Error::Stopped`] if the guest is stopped.
    pub fn call<P: Scalars, R: Scalars>(&mut self, name: &str, params: P) -> Result<R, Error> {
        let typed = match &self.last {
            Some((last, typed)) if last == name => typed.downcast_ref::<TypedFunc<P, R>>().copied(),
            _ => None,
        };
        if let Some(typed) = typed {
            return self.call_typed(&typed, name, params);
        }
        let mut function = self.function(name)?;
        let called = function.call(params);
        if let Some(typed) = function.typed {
            self.last = Some((name.into(), Box::new(typed)));
        }
        called
    }

    fn call_typed<P: Scalars, R: Scalars>(
        &mut self,
        typed: &TypedFunc<P, R>,
        name: &str,
        params: P,
    ) -> Result<R, Error> {
        self.check_alive()?;
        match self.machine.call_typed(typed, name, params) {
            Ok(results) => results.ok_or_else(|| CallError::Ended.into()),
            Err(reason) => Err(self.stopped(reason)),
        }
    }

    /// Returns a handle to an exported function. Name and type are checked once, and calls do not allocate.
    ///
    /// ```
    /// # let sandbox = belljar::Sandbox::new(belljar::Config::default())?;
    /// let module = sandbox.load_text(
    ///     "(module (func (export \"double\") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1))))",
    /// )?;
    /// let mut instance = sandbox.instance(&module)?;
    /// let mut double = instance.function::<i32, i32>("double")?;
    /// assert_eq!((1..=3).map(|n| double.call(n)).collect::<Result<Vec<_>, _>>()?, [2, 4, 6]);
    /// # Ok::<(), belljar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Call`] if there is no such export or it has another type.
    pub fn function<P: Scalars, R: Scalars>(&mut self, name: &str) -> Result<Function<'_, P, R>, Error> {
        crate::run::signature::check_signature::<P, R>(self.machine.module(), name)?;
        Ok(Function { typed: self.machine.typed(name), name: name.into(), instance: self })
    }

    /// Calls an exported function with dynamic values; see [`Sandbox::call_values`](crate::Sandbox::call_values).
    ///
    /// # Errors
    ///
    /// As [`call`](Instance::call).
    pub fn call_values(&mut self, name: &str, arguments: &[Value]) -> Result<Outcome, Error> {
        self.call_with_input(name, arguments, Input::default())
    }

    /// Calls an exported function with dynamic values, and an input it can read.
    ///
    /// # Errors
    ///
    /// As [`call`](Instance::call).
    pub fn call_with_input(
        &mut self,
        name: &str,
        arguments: &[Value],
        input: impl Into<Input>,
    ) -> Result<Outcome, Error> {
        self.check_alive()?;
        check_call(self.machine.module(), name, arguments)?;
        self.machine.push_call(name, arguments, input.into());
        self.finish()
    }

    /// Runs the entry function with an input. State persists.
    ///
    /// # Errors
    ///
    /// As [`call`](Instance::call), and as [`Sandbox::run`](crate::Sandbox::run).
    pub fn run(&mut self, input: impl Into<Input>) -> Result<Outcome, Error> {
        self.check_alive()?;
        self.machine.push_entry(input.into())?;
        self.finish()
    }

    /// Resets state and meter. The host data stays.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the module's start function is stopped.
    pub fn reset(&mut self) -> Result<(), Error> {
        let data = core::mem::replace(&mut self.machine.host_mut().data, Box::new(()));
        let (module, policy) = (self.machine.module(), self.machine.policy());
        self.machine = Machine::new(module, policy, &RunOptions::new(), Purpose::Instance, data)?;
        self.poison = None;
        // The handle belongs to the old store.
        self.last = None;
        self.finish().map(drop)
    }

    /// Returns the module.
    pub fn module(&self) -> &Module {
        self.machine.module()
    }

    /// Returns the exported memory: `memory`, or the only exported one under another name. It is empty if the module
    /// exports none.
    pub fn memory(&self) -> &[u8] {
        self.machine.memory()
    }

    /// Returns the exported memory for writing; see [`memory`](Instance::memory).
    pub fn memory_mut(&mut self) -> &mut [u8] {
        self.machine.memory_mut()
    }

    /// Grows the exported memory as `memory.grow` does, at the same price and within the same limits. Returns the
    /// previous size in pages, or `None` where the guest would see -1.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if memory limit or fuel do not suffice; the instance stays usable. [`Error::Call`] if it
    /// was stopped before.
    pub fn grow_memory(&mut self, pages: u64) -> Result<Option<u64>, Error> {
        self.check_alive()?;
        self.machine.grow_memory(pages).map_err(|reason| self.machine.stopped(reason).into())
    }

    /// Returns the value of an exported global, such as `__heap_base`; `None` if there is no such export, or it holds
    /// a reference.
    pub fn global(&self, name: &str) -> Option<Value> {
        self.machine.global(name)
    }

    /// Returns the usage of all calls since the last reset.
    pub fn usage(&mut self) -> Usage {
        self.machine.usage()
    }

    /// Returns a handle that cancels the current call and all later ones until `reset`.
    pub fn cancel_handle(&self) -> Cancel {
        self.machine.watch.cancel()
    }

    /// Returns the data the instance was created with, if it is a `T`.
    pub fn data<T: 'static>(&self) -> Option<&T> {
        self.machine.host().data.downcast_ref()
    }

    /// Returns the data the instance was created with, if it is a `T`.
    pub fn data_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.machine.host_mut().data.downcast_mut()
    }

    #[inline]
    fn check_alive(&self) -> Result<(), Error> {
        match &self.poison {
            Some(reason) => Err(poisoned(reason)),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<Outcome, Error> {
        self.machine.finish().map_err(|reason| self.stopped(reason))
    }

    fn stopped(&mut self, reason: StopReason) -> Error {
        if !matches!(reason, StopReason::Guest(GuestFault::Status { .. })) {
            self.poison = Some(reason.clone());
        }
        self.machine.stopped(reason).into()
    }
}

/// Returns the error of a call after a stop. It is outlined, since the copy of a reason is too large to be inlined into
/// each call.
#[cold]
fn poisoned(reason: &StopReason) -> Error {
    CallError::Poisoned(reason.clone()).into()
}

impl<P: Scalars, R: Scalars> Function<'_, P, R> {
    /// Calls the function. Its output and log are discarded.
    ///
    /// # Errors
    ///
    /// As [`Instance::call`].
    pub fn call(&mut self, params: P) -> Result<R, Error> {
        match &self.typed {
            Some(typed) => self.instance.call_typed(typed, &self.name, params),
            None => self.call_by_values(params),
        }
    }

    #[cold]
    fn call_by_values(&mut self, params: P) -> Result<R, Error> {
        let outcome = self.instance.call_with_input(&self.name, &params.to_values(), Input::default())?;
        crate::run::signature::typed(&outcome)
    }
}

impl<P, R> fmt::Debug for Function<'_, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("poison", &self.poison).finish_non_exhaustive()
    }
}
