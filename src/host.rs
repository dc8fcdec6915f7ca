//! The host's state of one run: input, output, log, limits, and the reason of a stop.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::any::Any;

use wasmi::{AsContextMut, Caller, Func, Store};

use self::grant::Denied;
use crate::{
    abi::name::Name,
    config::{Config, Faults, Limits, OnGrowthLimit, Profile, log::LogLevel},
    data::{
        input::Input,
        outcome::{Level, Log, LogEntry, Usage},
    },
    engine::meter::{self, Meter, Metered},
    error::{AbiFault, GuestFault, HostMemoryUse, HostStop, InjectedFault, LimitExceeded, StopReason},
    observe,
    recorder::Recorder,
    sync::watch::{Interrupt, Watch},
};

pub(crate) mod async_function;
pub(crate) mod context;
mod dynamic;
pub(crate) mod env;
pub(crate) mod function;
pub(crate) mod grant;
pub(crate) mod growth;
#[cfg_attr(not(feature = "http"), path = "host/http/disabled.rs")]
pub(crate) mod http;
pub(crate) mod import;
pub(crate) mod pending_call;
pub(crate) mod pieces;
pub(crate) mod pool;
#[cfg_attr(not(feature = "receipt"), path = "host/replay/disabled.rs")]
pub(crate) mod replay;
#[cfg(feature = "receipt")]
pub(crate) mod replayed;
mod utf16;
#[cfg_attr(not(feature = "wasi"), path = "host/wasi/disabled.rs")]
pub(crate) mod wasi;

/// The data of a store: the whole state of one run on the host. It is dropped with the run.
pub(crate) struct Host {
    pub(crate) meter: Meter,
    pub(crate) input: Input,
    /// The number of bytes of the input that have been read.
    pub(crate) cursor: usize,
    pub(crate) output: Vec<u8>,
    pub(crate) log: Log,
    pub(crate) growth: growth::Growth,
    /// The exported memory, set by the instantiation.
    pub(crate) memory: Option<wasmi::Memory>,
    /// The progress of the current bulk operator or growth.
    pub(crate) part: Option<pieces::Part>,
    /// The check that may stop the work of a host function, set at the start of the run.
    pub(crate) interrupt: Option<Interrupt>,
    /// The reason of the stop, set before an error makes the engine return.
    pub(crate) stop: Option<StopReason>,
    pub(crate) recorder: Recorder,
    /// The call of an async host function that suspended the guest, until the machine takes it.
    pub(crate) pending_call: Option<pending_call::PendingCall>,
    /// The data of the embedding program for its host functions.
    pub(crate) data: Box<dyn Any + Send + Sync>,
    /// The state of a WASI program.
    #[cfg_attr(not(feature = "wasi"), allow(dead_code, reason = "no function uses it"))]
    pub(crate) wasi: Option<Box<crate::wasi::State>>,
    /// The HTTP requests so far, and the last response.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "no function uses it"))]
    pub(crate) http: crate::http::State,
    limits: Limits,
    log_level: LogLevel,
    faults: Faults,
    denied: Option<Arc<Denied>>,
    host_calls: u64,
    // Output and log of a kept instance are taken after each call; these sums stay.
    input_bytes: u64,
    output_bytes: u64,
    log_bytes: u64,
    log_lines: u64,
    log_full: bool,
}

impl Metered for Host {
    fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }
}

impl Host {
    pub(crate) fn new(config: &Config, limits: Limits, denied: Option<Arc<Denied>>) -> Self {
        let host = Host::with(limits, config.on_growth_limit, config.log, config.faults);
        Host { denied, ..host }
    }

    /// Returns the data of a store that runs nothing.
    pub(crate) fn empty() -> Self {
        Host::with(Limits::of(Profile::Plugin), OnGrowthLimit::Stop, LogLevel::default(), Faults::default())
    }

    fn with(limits: Limits, on_growth_limit: OnGrowthLimit, log_level: LogLevel, faults: Faults) -> Self {
        Host {
            meter: Meter::new(limits.fuel, faults.stop_at_fuel),
            input: Input::default(),
            cursor: 0,
            output: Vec::new(),
            log: Log::default(),
            growth: growth::Growth::new(&limits, on_growth_limit, faults.deny_growth),
            memory: None,
            part: None,
            interrupt: None,
            stop: None,
            recorder: Recorder::default(),
            pending_call: None,
            data: Box::new(()),
            wasi: None,
            http: Default::default(),
            limits,
            log_level,
            faults,
            denied: None,
            host_calls: 0,
            input_bytes: 0,
            output_bytes: 0,
            log_bytes: 0,
            log_lines: 0,
            log_full: false,
        }
    }

    /// Sets the interrupt that stops work of the host when the run is to stop.
    #[inline]
    pub(crate) fn set_interrupt(&mut self, watch: &Watch) {
        if self.interrupt.is_none() {
            self.interrupt = Some(watch.interrupt());
        }
    }

    /// Returns an error if the run is to stop now.
    pub(crate) fn check_interrupt(&self) -> Result<(), StopReason> {
        self.interrupt.as_ref().map_or(Ok(()), Interrupt::check)
    }

    /// Returns the interrupt that a host function checks between two pieces of its work.
    pub(crate) fn interrupt(&self) -> Interrupt {
        self.interrupt.clone().unwrap_or_default()
    }

    /// Drops an input, for a call that has none.
    #[inline]
    pub(crate) fn clear_input(&mut self) {
        self.cursor = 0;
        if !self.input.as_bytes().is_empty() {
            self.input = Input::default();
        }
    }

    /// Drops output and log, which a typed call does not return.
    #[inline]
    pub(crate) fn clear_output(&mut self) {
        if !self.output.is_empty() {
            self.output = Vec::new();
        }
        if !self.log.entries.is_empty() || self.log.dropped > 0 {
            self.log = Log::default();
        }
    }

    /// Frees the state of a run that has ended.
    pub(crate) fn clear(&mut self) {
        *self = Host::empty();
    }

    /// Returns the usage so far; `fuel` is the fuel used.
    pub(crate) fn usage(&self, fuel: u64) -> Usage {
        Usage {
            fuel,
            memory_peak_bytes: self.growth.memory.peak,
            table_peak_elements: self.growth.tables.peak,
            host_calls: self.host_calls,
            input_bytes: self.input_bytes,
            output_bytes: self.output_bytes,
            log_bytes: self.log_bytes,
        }
    }

    /// Returns the next bytes of the input, at most `len`.
    pub(crate) fn next_input(&self, len: u32) -> &[u8] {
        // An input that is shared may have become shorter.
        let rest = self.input.as_bytes().get(self.cursor..).unwrap_or_default();
        rest.get(..len as usize).unwrap_or(rest)
    }

    /// Copies the next bytes of the input into `to`, which must not be longer than the rest of the input.
    pub(crate) fn copy_input(&mut self, to: &mut [u8]) -> Result<(), StopReason> {
        for to in self.interrupt().chunks_mut(to) {
            let to = to?;
            to.copy_from_slice(self.next_input(to.len() as u32));
            self.cursor += to.len();
            self.count_input(to.len() as u64);
        }
        Ok(())
    }

    /// Checks that the output may grow by `len` bytes.
    pub(crate) fn check_output(&self, len: u32) -> Result<(), StopReason> {
        let (limit, asked) = (self.limits.output_bytes, self.output_bytes + u64::from(len));
        if asked > limit { Err(StopReason::Limit(LimitExceeded::Output { limit, asked })) } else { Ok(()) }
    }

    pub(crate) fn append_output(&mut self, bytes: &[u8], interrupt: &Interrupt) -> Result<(), StopReason> {
        let free = self.output.capacity() - self.output.len();
        if bytes.len() > free {
            // Doubling, but never past the limit, as the documented memory bound assumes.
            let limit = usize::try_from(self.limits.output_bytes).unwrap_or(usize::MAX);
            let wanted = (self.output.len() + bytes.len()).max((2 * self.output.capacity()).min(limit)).max(64);
            let more = wanted - self.output.len();
            self.output
                .try_reserve_exact(more)
                .map_err(|_| StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::Output }))?;
        }
        for piece in interrupt.chunks(bytes) {
            let piece = piece?;
            self.output.extend_from_slice(piece);
            self.output_bytes += piece.len() as u64;
        }
        Ok(())
    }

    /// Checks whether messages of a level are logged.
    pub(crate) fn logs(&self, level: Level) -> bool {
        self.log_level.takes(level)
    }

    /// Returns the number of bytes of a message that still fit into the log; `None` if the log is full.
    pub(crate) fn log_space(&self, len: usize) -> Option<usize> {
        let full = self.log_full || self.log_lines >= self.limits.log_lines;
        let room = usize::try_from(self.limits.log_bytes - self.log_bytes).unwrap_or(usize::MAX);
        if full || (room == 0 && len > 0) { None } else { Some(len.min(room)) }
    }

    /// Adds a message, cut to what fits into the log, if any of it fits; `whole` is whether nothing was cut.
    pub(crate) fn keep_log(&mut self, entry: Option<LogEntry>, whole: bool) -> Result<(), StopReason> {
        if !whole {
            self.log.dropped += 1;
            self.log_full = true;
        }
        if let Some(entry) = entry {
            self.log_bytes += entry.text.len() as u64;
            self.log_lines += 1;
            self.log
                .entries
                .try_reserve(1)
                .map_err(|_| StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::Log }))?;
            self.log.entries.push(entry);
        }
        Ok(())
    }

    /// Counts input bytes that were copied to the guest.
    pub(crate) fn count_input(&mut self, bytes: u64) {
        self.input_bytes += bytes;
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            output: (self.output.len(), self.output_bytes),
            input: (self.cursor, self.input_bytes),
            log: (self.log.entries.len(), self.log.dropped, self.log_full),
            logged: (self.log_bytes, self.log_lines),
        }
    }

    /// Reverts the effects of a call that was stopped before its end.
    fn revert(&mut self, checkpoint: &Checkpoint) {
        self.output.truncate(checkpoint.output.0);
        self.output_bytes = checkpoint.output.1;
        (self.cursor, self.input_bytes) = checkpoint.input;
        self.log.entries.truncate(checkpoint.log.0);
        (_, self.log.dropped, self.log_full) = checkpoint.log;
        (self.log_bytes, self.log_lines) = checkpoint.logged;
    }

    fn count_call(&mut self) -> Result<(), StopReason> {
        if self.host_calls >= self.limits.host_calls {
            return Err(StopReason::Limit(LimitExceeded::HostCalls { limit: self.limits.host_calls }));
        }
        self.host_calls += 1;
        match self.faults.fail_host_call {
            Some(number) if number == self.host_calls => {
                Err(StopReason::Host(HostStop::Injected { fault: InjectedFault::HostCall, number }))
            }
            _ => Ok(()),
        }
    }
}

/// The state before a call, to which a stopped call is reverted.
struct Checkpoint {
    output: (usize, u64),
    input: (usize, u64),
    log: (usize, u64, bool),
    logged: (u64, u64),
}

/// Copies a message for the log.
fn copy_message(message: &str) -> Result<String, StopReason> {
    let mut copy = String::new();
    copy.try_reserve_exact(message.len())
        .map_err(|_| StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::Log }))?;
    copy.push_str(message);
    Ok(copy)
}

/// A closure that makes one host function in a store.
pub(crate) type Bind = dyn Fn(&mut Store<Host>) -> Func + Send + Sync;

/// Runs the body of a host function: counts and traces the call, and catches a panic.
///
/// A panic could not unwind through a handler of the engine and would end the process, so it is caught here and becomes
/// a stop that names the function.
pub(crate) fn enter<R>(
    mut caller: Caller<'_, Host>,
    name: &Name,
    body: impl FnOnce(&mut Caller<'_, Host>) -> Result<R, StopReason>,
) -> Result<R, wasmi::Error> {
    let (left, checkpoint) = (meter::left(&mut caller), caller.data().checkpoint());
    let result = observe::contain(|| {
        caller.data_mut().count_call()?;
        observe::host_call(name);
        if let Some(reason) = caller.data().denied.as_ref().and_then(|denied| denied.reason(name)) {
            meter::charge(&mut caller, meter::host_call(0))?;
            return Err(reason);
        }
        body(&mut caller)
    })
    .unwrap_or_else(|message| {
        let (module, function) = ((&*name.module).into(), (&*name.function).into());
        Err(StopReason::Host(HostStop::HostPanic { module, function, message }))
    });
    result.map_err(|reason| {
        if matches!(reason, StopReason::Host(HostStop::Deadline { .. } | HostStop::Cancelled)) {
            // The run stops before the call, as it does if the fuel is not enough for the call.
            meter::refund(&mut caller, left);
            caller.data_mut().revert(&checkpoint);
        }
        caller.data_mut().stop = Some(reason);
        // The reason is in the store; this error only makes the engine return.
        wasmi::Error::i32_exit(0)
    })
}

/// Returns the guest's memory and the host's state.
pub(crate) fn memory_and_host<'a>(
    caller: &'a mut Caller<'_, Host>,
    name: &Name,
) -> Result<(&'a mut [u8], &'a mut Host), StopReason> {
    let Some(memory) = caller.data().memory else {
        return Err(StopReason::Guest(GuestFault::Abi(AbiFault::NoMemory { function: name.in_faults() })));
    };
    Ok(memory.data_and_store_mut(caller.as_context_mut()))
}

/// Checks that a range is in the guest's memory, before anything is charged or copied; returns the range.
///
/// The pointer of an empty range may have any value: Zig's empty slices point to the last address.
pub(crate) fn check_range(
    caller: &mut Caller<'_, Host>,
    name: &Name,
    ptr: u32,
    len: u32,
) -> Result<core::ops::Range<usize>, StopReason> {
    let (bytes, _) = memory_and_host(caller, name)?;
    let memory = bytes.len() as u64;
    if len == 0 {
        return Ok(0..0);
    }
    let end = u64::from(ptr) + u64::from(len);
    if end > memory {
        return Err(StopReason::Guest(GuestFault::Abi(AbiFault::Range {
            function: name.in_faults(),
            ptr,
            len,
            memory,
        })));
    }
    Ok(ptr as usize..end as usize)
}

/// Returns the bytes of a range that [`check_range`] has returned, or of a part of it.
#[expect(clippy::indexing_slicing, reason = "the range was checked for this memory, and no memory shrinks")]
pub(crate) fn checked(memory: &mut [u8], range: core::ops::Range<usize>) -> &mut [u8] {
    &mut memory[range]
}

/// Checks a range, then charges a host call that moves it; returns the range.
fn check_and_charge(
    caller: &mut Caller<'_, Host>,
    name: &Name,
    ptr: u32,
    len: u32,
) -> Result<core::ops::Range<usize>, StopReason> {
    let range = check_range(caller, name, ptr, len)?;
    meter::charge(caller, meter::host_call(u64::from(len)))?;
    Ok(range)
}
