//! The machine of a run: a store with one instance, which runs tasks in slices of fuel.

use alloc::{boxed::Box, collections::VecDeque, string::String, sync::Arc, vec::Vec};
use core::{
    any::Any,
    task::{Context as TaskContext, Poll, Waker},
};

use wasmi::{Instance, ResumableCall, ResumableCallHostTrap, ResumableCallOutOfFuel, Val};

#[cfg(feature = "explain")]
use super::probe::{Records, search::Shared};
use crate::{
    abi::{self, wasi::Snapshot},
    config::RunOptions,
    data::{
        input::Input,
        inspect::PAGE,
        outcome::{Outcome, Usage},
        value::Value,
    },
    engine::meter,
    error::{AbiFault, Error, GuestFault, HostStop, StopReason, Stopped},
    host::{
        self, Host,
        pending_call::PendingCall,
        pool::{PooledStore, Purpose},
        wasi,
    },
    load::{Entry, Module, Policy},
    observe,
    sync::{waker::LateWaker, watch::Watch},
};

#[cfg(feature = "explain")]
mod explain;
mod instantiate;
mod reason;
mod slice;
mod typed;

#[cfg(feature = "explain")]
pub(crate) use self::explain::Called;

pub(crate) struct Machine {
    module: Module,
    policy: Arc<Policy>,
    store: PooledStore,
    instance: Option<Instance>,
    pub(crate) watch: Watch,
    tasks: VecDeque<Task>,
    /// The task of the current call.
    current: Option<Task>,
    /// The current call, if the engine has suspended it.
    pending: Option<Pending>,
    results: Vec<Val>,
    status: i32,
    #[cfg(feature = "explain")]
    records: Option<Box<Records>>,
    #[cfg(feature = "explain")]
    search: Option<Shared>,
}

/// A part of a run.
#[derive(Debug, Clone)]
enum Task {
    /// Create the instance: memories, tables, segments. The start function is a separate task.
    Instantiate,
    /// Call an export without parameters and results: the start function, `_initialize`, `_start`.
    Plain(String),
    /// Call `alloc` for the address of the input, and copy it there.
    Alloc,
    /// Call `execute` with pointer and length of the input.
    Execute { ptr: u32 },
    /// Call an export with values.
    Call { name: String, arguments: Vec<Value> },
}

/// A suspended call.
enum Pending {
    /// A call without enough fuel for the next operator.
    Fuel(ResumableCallOutOfFuel),
    /// A call in an async host function.
    Host(ResumableCallHostTrap, PendingCall),
}

/// The progress of the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Yielded,
    /// An async host function waits.
    Waiting,
    Done,
}

/// The reason that the engine returned before the end of a call.
enum Pause {
    /// The call needs at least this fuel to continue.
    Fuel(u64),
    Wait,
    Stop(StopReason),
}

impl From<StopReason> for Pause {
    fn from(reason: StopReason) -> Self {
        Pause::Stop(reason)
    }
}

impl Machine {
    /// Creates the machine of a run of a module under a policy that accepts it. Of the options those of limits are taken
    /// into account.
    pub(crate) fn new(
        module: &Module,
        policy: &Arc<Policy>,
        options: &RunOptions,
        purpose: Purpose,
        data: Box<dyn Any + Send + Sync>,
    ) -> Result<Machine, Error> {
        let config = &policy.config;
        let mut tasks = VecDeque::with_capacity(4);
        tasks.push_back(Task::Instantiate);
        tasks.extend(module.start().map(|start| Task::Plain(start.into())));
        if module.has_initialize()? {
            tasks.push_back(Task::Plain(abi::INITIALIZE.into()));
        }
        let mut store = module.new_store(policy.new_host(options), purpose);
        let host = store.data_mut();
        host.data = data;
        host.growth.tables.host = module.host_slots();
        #[cfg(feature = "explain")]
        if let Some(instrument) = module.instrument() {
            host.growth.memory.host = instrument.bytes;
        }
        if let Some(snapshot) = module.snapshot() {
            wasi::start(host, &config.wasi, &policy.roots, snapshot == Snapshot::Unstable);
        }
        Ok(Machine {
            module: module.clone(),
            policy: Arc::clone(policy),
            store,
            instance: None,
            watch: Watch::new(options.deadline_ms.or(config.deadline_ms)),
            tasks,
            current: None,
            pending: None,
            results: Vec::new(),
            status: 0,
            #[cfg(feature = "explain")]
            records: None,
            #[cfg(feature = "explain")]
            search: None,
        })
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Adds a run of the module's entry.
    pub(crate) fn push_entry(&mut self, input: Input) -> Result<(), Error> {
        match self.module.entry()? {
            Entry::Start => self.tasks.push_back(Task::Plain(abi::START.into())),
            Entry::Execute { alloc: false } => self.tasks.push_back(Task::Execute { ptr: 0 }),
            // `execute` follows when the address is known.
            Entry::Execute { alloc: true } => self.tasks.push_back(Task::Alloc),
        }
        self.set_input(input);
        Ok(())
    }

    /// Adds a call of an export with checked arguments.
    pub(crate) fn push_call(&mut self, name: &str, arguments: &[Value], input: Input) {
        self.tasks.push_back(Task::Call { name: name.into(), arguments: arguments.into() });
        self.set_input(input);
    }

    fn set_input(&mut self, input: Input) {
        self.status = 0;
        let host = self.store.data_mut();
        host.input = input;
        host.cursor = 0;
    }

    /// Runs to the end; returns the outcome.
    pub(crate) fn run(mut self) -> Result<Outcome, Error> {
        self.watch.disable_timing();
        self.finish().map_err(|reason| self.stopped(reason).into())
    }

    /// Runs to the end; returns the outcome. The thread blocks while the guest waits for an async host function.
    pub(crate) fn finish(&mut self) -> Result<Outcome, StopReason> {
        let mut thread = LateWaker::default();
        loop {
            match self.advance(None, thread.waker())? {
                Progress::Yielded => {}
                Progress::Done => return self.outcome(),
                Progress::Waiting => thread.wait(self.watch.time_left()),
            }
        }
    }

    /// Runs until the tasks are done, `budget` fuel is granted, or an async host function waits, which then wakes
    /// `waker`.
    pub(crate) fn advance(&mut self, budget: Option<u64>, waker: &Waker) -> Result<Progress, StopReason> {
        self.store.reusable = false;
        let contained = observe::contain(|| match observe::is_enabled() {
            false => Ok(self.run_slices(budget, waker)),
            true => {
                let module = self.module.clone();
                observe::running(module.inspect().name.as_deref().unwrap_or_default(), || {
                    self.run_slices(budget, waker)
                })
            }
        });
        contained.unwrap_or_else(|message| Err(StopReason::Host(HostStop::Engine { message })))?
    }

    fn run_slices(&mut self, budget: Option<u64>, waker: &Waker) -> Result<Progress, StopReason> {
        let mut budget = budget.unwrap_or(u64::MAX);
        if matches!(self.pending, Some(Pending::Host(..))) {
            self.watch.set_waker(waker);
        }
        self.watch.begin()?;
        self.store.data_mut().set_interrupt(&self.watch);
        let is_granted = match &self.pending {
            Some(Pending::Fuel(call)) => slice::grant(&mut self.store, call.required_fuel(), &mut budget),
            _ => self.slice_left() > 0 || slice::grant(&mut self.store, 0, &mut budget),
        };
        if !is_granted {
            return Ok(Progress::Yielded);
        }
        loop {
            match self.run_tasks(waker) {
                Ok(()) => return Ok(Progress::Done),
                Err(Pause::Wait) => return Ok(Progress::Waiting),
                Err(Pause::Stop(reason)) => return Err(reason),
                Err(Pause::Fuel(required)) => {
                    if !slice::next(&mut self.store, &self.watch, required, &mut budget)? {
                        return Ok(Progress::Yielded);
                    }
                }
            }
        }
    }

    pub(crate) fn slice_left(&self) -> u64 {
        meter::slice_left(&self.store)
    }

    fn exhausted(&self) -> StopReason {
        self.store.data().meter.exhausted()
    }

    /// Runs tasks until none is left or the engine suspends a call.
    fn run_tasks(&mut self, waker: &Waker) -> Result<(), Pause> {
        loop {
            let call = match self.pending.take() {
                Some(Pending::Fuel(call)) => call.resume(&mut *self.store, &mut self.results),
                Some(Pending::Host(call, mut waiting)) => {
                    let Poll::Ready(answer) = waiting.poll(&mut self.store, &mut TaskContext::from_waker(waker)) else {
                        self.pending = Some(Pending::Host(call, waiting));
                        return Err(Pause::Wait);
                    };
                    let values: Vec<_> = answer?.into_iter().map(Value::to_engine).collect();
                    call.resume(&mut *self.store, &values, &mut self.results)
                }
                None => match self.tasks.pop_front() {
                    None => return Ok(()),
                    Some(Task::Instantiate) => {
                        self.instantiate()?;
                        continue;
                    }
                    Some(task) => {
                        let call = self.call(&task)?;
                        self.current = Some(task);
                        call
                    }
                },
            };
            match call {
                Ok(ResumableCall::Finished) => self.handle_results()?,
                Ok(ResumableCall::OutOfFuel(call)) => {
                    let required = call.required_fuel();
                    self.pending = Some(Pending::Fuel(call));
                    return Err(Pause::Fuel(required));
                }
                Ok(ResumableCall::HostTrap(call)) if self.is_waiting() => {
                    self.watch.set_waker(waker);
                    self.pending =
                        self.store.data_mut().pending_call.take().map(|waiting| Pending::Host(call, waiting));
                }
                Ok(ResumableCall::HostTrap(call)) => self.end_run(call.host_error().kind())?,
                Err(error) => self.end_run(error.kind())?,
            }
        }
    }

    /// Ends the run after an error of the engine: successfully if the guest exited with status 0.
    fn end_run(&mut self, kind: &wasmi::errors::ErrorKind) -> Result<(), StopReason> {
        match self.reason(kind) {
            StopReason::Guest(GuestFault::Status { code: 0 }) => {
                #[cfg(feature = "explain")]
                self.record_exit();
                self.tasks.clear();
                self.current = None;
                self.results.clear();
                Ok(())
            }
            reason => Err(reason),
        }
    }

    /// Checks whether a call was suspended because an async host function waits.
    fn is_waiting(&self) -> bool {
        let host = self.store.data();
        host.stop.is_none() && host.pending_call.is_some()
    }

    fn call(&mut self, task: &Task) -> Result<Result<ResumableCall, wasmi::Error>, StopReason> {
        let input = &self.store.data().input;
        let (bytes, len) = (input.as_bytes().len() as u64, Val::I32(input.len() as i32));
        match task {
            Task::Instantiate => Ok(Ok(ResumableCall::Finished)),
            Task::Plain(name) => self.enter(name, bytes, &[], Some(0)),
            Task::Alloc => self.enter(abi::ALLOC, bytes, &[len], Some(1)),
            Task::Execute { ptr } => self.enter(abi::EXECUTE, bytes, &[Val::I32(*ptr as i32), len], Some(1)),
            Task::Call { name, arguments } => {
                let arguments: Vec<_> = arguments.iter().map(|v| v.to_engine()).collect();
                self.enter(name, bytes, &arguments, None)
            }
        }
    }

    /// Calls an export with this number of results, or with that of its type.
    fn enter(
        &mut self,
        name: &str,
        input_bytes: u64,
        arguments: &[Val],
        results: Option<usize>,
    ) -> Result<Result<ResumableCall, wasmi::Error>, StopReason> {
        observe::start(name, input_bytes)?;
        #[cfg(feature = "explain")]
        self.begin_frames();
        let function = self.instance.and_then(|i| i.get_func(&*self.store, name));
        let Some(function) = function else {
            return Err(StopReason::Host(HostStop::Engine {
                message: "the instance lacks an export of the module".into(),
            }));
        };
        let results = results.unwrap_or_else(|| function.ty(&*self.store).results().len());
        self.results.clear();
        self.results.resize(results, Val::I32(0));
        Ok(function.call_resumable(&mut *self.store, arguments, &mut self.results))
    }

    /// Handles the results of a call.
    fn handle_results(&mut self) -> Result<(), StopReason> {
        let result = match self.results.first() {
            Some(Val::I32(result)) => *result,
            _ => 0,
        };
        match self.current.take() {
            Some(Task::Alloc) => {
                self.copy_input(result as u32)?;
                self.tasks.push_front(Task::Execute { ptr: result as u32 });
            }
            Some(Task::Execute { .. }) => {
                self.results.clear();
                self.status = result;
                if result != 0 {
                    return Err(StopReason::Guest(GuestFault::Status { code: result }));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Copies the input to the address that the guest's `alloc` returned.
    fn copy_input(&mut self, ptr: u32) -> Result<(), StopReason> {
        let host = self.store.data();
        let (len, memory) = (host.input.len(), host.memory);
        let size = memory.map_or(0, |memory| memory.data_size(&*self.store) as u64);
        if len > 0 && u64::from(ptr) + u64::from(len) > size {
            return Err(StopReason::Guest(GuestFault::Abi(AbiFault::Range {
                function: abi::ALLOC.into(),
                ptr,
                len,
                memory: size,
            })));
        }
        meter::charge(&mut *self.store, meter::host_call(len.into()))?;
        if let Some(memory) = memory.filter(|_| len > 0) {
            let (bytes, host) = memory.data_and_store_mut(&mut *self.store);
            let input = host.next_input(len);
            host::checked(bytes, ptr as usize..ptr as usize + input.len()).copy_from_slice(input);
            host.count_input(u64::from(len));
        }
        Ok(())
    }

    pub(crate) fn usage(&mut self) -> Usage {
        let fuel = meter::used(&mut *self.store);
        self.store.data().usage(fuel)
    }

    pub(crate) fn host(&self) -> &Host {
        self.store.data()
    }

    pub(crate) fn host_mut(&mut self) -> &mut Host {
        self.store.data_mut()
    }

    /// Returns the exported memory; it is empty before the instantiation.
    pub(crate) fn memory(&self) -> &[u8] {
        self.store.data().memory.map_or(&[], |memory| memory.data(&*self.store))
    }

    pub(crate) fn memory_mut(&mut self) -> &mut [u8] {
        match self.store.data().memory {
            Some(memory) => memory.data_mut(&mut *self.store),
            None => &mut [],
        }
    }

    /// Grows the memory for the host, as the engine does for the guest; returns the size before in pages.
    pub(crate) fn grow_memory(&mut self, pages: u64) -> Result<Option<u64>, StopReason> {
        meter::charge(&mut *self.store, meter::GROWTH.into())?;
        let Some(memory) = self.store.data().memory else { return Ok(None) };
        // A limit that stops the run has set the reason; the error does not contain it.
        let Ok(before) = memory.grow(&mut *self.store, pages) else {
            return self.store.data_mut().stop.take().map_or(Ok(None), Err);
        };
        meter::charge(&mut *self.store, pages.saturating_mul(PAGE) / meter::BYTES_PER_FUEL)?;
        Ok(Some(before))
    }

    /// Returns the value of an exported global.
    pub(crate) fn global(&self, name: &str) -> Option<Value> {
        Value::from_engine(&self.instance?.get_global(&*self.store, name)?.get(&*self.store))
    }

    /// Takes the outcome of the run.
    pub(crate) fn outcome(&mut self) -> Result<Outcome, StopReason> {
        self.store.data().recorder.finish()?;
        let usage = self.usage();
        observe::done(usage.fuel, self.status)?;
        let files = wasi::finish(self.store.data_mut())?;
        // `wasi::finish` may have logged the last line.
        let usage = self.usage();
        self.store.reusable = true;
        let host = self.store.data_mut();
        Ok(Outcome {
            output: core::mem::take(&mut host.output),
            log: core::mem::take(&mut host.log),
            status: self.status,
            results: self.results.drain(..).filter_map(|value| Value::from_engine(&value)).collect(),
            files,
            usage,
        })
    }

    /// Takes what the run had produced when it was stopped.
    pub(crate) fn stopped(&mut self, reason: StopReason) -> Stopped {
        let usage = self.usage();
        // A panic of a subscriber does not replace the reason.
        let _ = observe::stop(&reason, usage.fuel);
        let files = wasi::finish(self.store.data_mut()).unwrap_or_default();
        let usage = self.usage();
        let host = self.store.data_mut();
        host.recorder.stopped(&reason);
        let (output, log) = (core::mem::take(&mut host.output), core::mem::take(&mut host.log));
        Stopped { reason, output, log, files, usage }
    }
}
