//! An instance that is kept: state stays between calls.

use alloc::{boxed::Box, string::String};
use core::{any::Any, fmt};

use wasmi::TypedFunc;

use crate::{
    error::{CallError, Error, StopReason},
    input::Input,
    machine::Machine,
    module::Module,
    outcome::{Outcome, Usage},
    sandbox::check_call,
    types::Scalars,
    value::Value,
    watch::Cancel,
};

/// An instance whose memory, tables and globals stay between calls, until [`reset`](Instance::reset).
///
/// One meter serves all its calls: `limits.fuel` and every other limit bound their sum, and the usage
/// in an outcome is the sum so far. Output and log are each call's own. A call that
/// was stopped by anything but a status leaves state that may be half-written, so further calls
/// are refused until `reset`.
pub struct Instance {
    machine: Machine,
    poison: Option<StopReason>,
    /// The export that was called last by its Rust types: most instances are called by one name.
    last: Option<(String, Box<dyn Any + Send + Sync>)>,
}

/// An export of an [`Instance`], found once; see [`Instance::function`].
pub struct Function<'i, P, R> {
    instance: &'i mut Instance,
    typed: Option<TypedFunc<P, R>>,
    name: String,
}

impl Instance {
    pub(crate) fn new(module: &Module, data: Box<dyn Any + Send + Sync>) -> Result<Self, Error> {
        let mut instance = Instance { machine: Machine::new(module, data)?, poison: None, last: None };
        instance.finish()?;
        Ok(instance)
    }

    /// Calls an export; see [`Sandbox::call`](crate::Sandbox::call).
    ///
    /// # Errors
    ///
    /// [`Error::Call`] if the export has another type or the instance was stopped before;
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

    /// An export, to be called often: it is found and its type checked once, and a call allocates nothing.
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
    /// [`Error::Call`] if there is no such export or its type is another.
    pub fn function<P: Scalars, R: Scalars>(&mut self, name: &str) -> Result<Function<'_, P, R>, Error> {
        crate::sandbox::check_signature::<P, R>(self.machine.module(), name)?;
        Ok(Function { typed: self.machine.typed(name), name: name.into(), instance: self })
    }

    /// Calls an export by values; see [`Sandbox::call_values`](crate::Sandbox::call_values).
    ///
    /// # Errors
    ///
    /// As [`call`](Instance::call).
    pub fn call_values(&mut self, name: &str, arguments: &[Value]) -> Result<Outcome, Error> {
        self.call_with_input(name, arguments, Input::default())
    }

    /// Calls an export by values, with an input it can read.
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

    /// Runs the module's entry with an input; state stays.
    ///
    /// # Errors
    ///
    /// As [`call`](Instance::call), and as [`Sandbox::run`](crate::Sandbox::run).
    pub fn run(&mut self, input: impl Into<Input>) -> Result<Outcome, Error> {
        self.check_alive()?;
        self.machine.push_entry(input.into())?;
        self.finish()
    }

    /// Gives the instance fresh state and a fresh meter; its data stays.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the module's start function is stopped.
    pub fn reset(&mut self) -> Result<(), Error> {
        let data = core::mem::replace(&mut self.machine.host_mut().data, Box::new(()));
        self.machine = Machine::new(self.machine.module(), data)?;
        self.poison = None;
        // It was one of the store that is gone.
        self.last = None;
        self.finish().map(drop)
    }

    /// The module it is an instance of.
    pub fn module(&self) -> &Module {
        self.machine.module()
    }

    /// The exported memory: `memory`, or the only one there is under another name. It is empty if
    /// the module exports none.
    pub fn memory(&self) -> &[u8] {
        self.machine.memory()
    }

    /// The exported memory, to be written to; see [`memory`](Instance::memory).
    pub fn memory_mut(&mut self) -> &mut [u8] {
        self.machine.memory_mut()
    }

    /// Grows the memory as the guest's own `memory.grow` would, at the same price and within the same
    /// limits: the size before in pages, or `None` where the guest would see -1.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the memory limit or the fuel does not reach; [`Error::Call`] if the
    /// instance was stopped before. The instance goes on: its state is whole.
    pub fn grow_memory(&mut self, pages: u64) -> Result<Option<u64>, Error> {
        self.check_alive()?;
        self.machine.grow_memory(pages).map_err(|reason| self.machine.stopped(reason).into())
    }

    /// The value of an exported global, such as `__heap_base`; `None` if no global of this name is
    /// exported, or it is a reference.
    pub fn global(&self, name: &str) -> Option<Value> {
        self.machine.global(name)
    }

    /// What all calls since the last reset have used together.
    pub fn usage(&mut self) -> Usage {
        self.machine.usage()
    }

    /// A handle that stops the call in flight, and all that come after it, until `reset`.
    pub fn cancel_handle(&self) -> Cancel {
        self.machine.watch.cancel()
    }

    /// The data the instance was made with, if it is a `T`.
    pub fn data<T: 'static>(&self) -> Option<&T> {
        self.machine.host().data.downcast_ref()
    }

    /// The data the instance was made with, if it is a `T`.
    pub fn data_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.machine.host_mut().data.downcast_mut()
    }

    #[inline]
    fn check_alive(&self) -> Result<(), Error> {
        match &self.poison {
            Some(reason) => Err(CallError::Poisoned(reason.clone()).into()),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<Outcome, Error> {
        self.machine.finish().map_err(|reason| self.stopped(reason))
    }

    fn stopped(&mut self, reason: StopReason) -> Error {
        if !matches!(reason, StopReason::Status { .. }) {
            self.poison = Some(reason.clone());
        }
        self.machine.stopped(reason).into()
    }
}

impl<P: Scalars, R: Scalars> Function<'_, P, R> {
    /// Calls it; what it writes and logs is dropped.
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
        crate::sandbox::typed(&outcome)
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
