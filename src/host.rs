//! The host's side of one run: input, output, log, limits, and why the guest was stopped.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::any::Any;

use wasmi::{AsContextMut, Caller, Linker};

use crate::{
    config::{Config, Faults, Limits, OnGrowthLimit, Profile, log::LogLevel},
    error::{AbiFault, Fault, StopReason},
    input::Input,
    meter::{self, Meter, Metered},
    observe,
    outcome::{Level, Log, LogEntry, Usage},
    recorder::Recorder,
    watch::{Alarm, Watch},
};

pub(crate) mod async_function;
pub(crate) mod context;
pub(crate) mod env;
pub(crate) mod function;
pub(crate) mod growth;
pub(crate) mod pieces;
#[cfg_attr(not(feature = "receipt"), path = "host/replay/disabled.rs")]
pub(crate) mod replay;
pub(crate) mod waiting;

/// The data of a store: all that one run has of the host. It is dropped with the run.
pub(crate) struct Host {
    pub(crate) meter: Meter,
    pub(crate) input: Input,
    /// How much of the input `read_input` has taken.
    pub(crate) cursor: usize,
    pub(crate) output: Vec<u8>,
    pub(crate) log: Log,
    pub(crate) growth: growth::Growth,
    /// The exported memory, known once the instance is made.
    pub(crate) memory: Option<wasmi::Memory>,
    /// The bulk operator or growth that is under way.
    pub(crate) part: Option<pieces::Part>,
    /// What may stop the work of one host function, known once the run has begun.
    pub(crate) alarm: Option<Alarm>,
    /// Why the guest is being stopped, set before the engine is told to stop.
    pub(crate) stop: Option<StopReason>,
    pub(crate) recorder: Recorder,
    /// The call of an async host function that the guest waits for, for the moment between two steps.
    pub(crate) waiting: Option<waiting::Waiting>,
    /// What the embedding program gave its host functions.
    pub(crate) data: Box<dyn Any + Send + Sync>,
    /// What a program of WASI has of a system.
    #[cfg(feature = "wasi")]
    pub(crate) system: Option<Box<dyn Any + Send + Sync>>,
    /// What was asked of servers, and their last answer.
    #[cfg(feature = "http")]
    pub(crate) web: Option<Box<dyn Any + Send + Sync>>,
    limits: Limits,
    log_level: LogLevel,
    faults: Faults,
    host_calls: u64,
    // An instance that is kept gives output and log away after each call; the sums stay.
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
    pub(crate) fn new(config: &Config) -> Self {
        Host::with(config.limits.clone(), config.on_growth_limit, config.log, config.faults)
    }

    /// For a store that runs nothing.
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
            alarm: None,
            stop: None,
            recorder: Recorder::default(),
            waiting: None,
            data: Box::new(()),
            #[cfg(feature = "wasi")]
            system: None,
            #[cfg(feature = "http")]
            web: None,
            limits,
            log_level,
            faults,
            host_calls: 0,
            input_bytes: 0,
            output_bytes: 0,
            log_bytes: 0,
            log_lines: 0,
            log_full: false,
        }
    }

    /// Has work of the host's end when the run is to end.
    #[inline]
    pub(crate) fn heed(&mut self, watch: &Watch) {
        if self.alarm.is_none() {
            self.alarm = Some(watch.alarm());
        }
    }

    /// Returns an error if the run is to stop now.
    pub(crate) fn ask(&self) -> Result<(), StopReason> {
        self.alarm.as_ref().map_or(Ok(()), Alarm::ask)
    }

    /// Returns what a host function asks between two pieces of its work.
    pub(crate) fn alarm(&self) -> Alarm {
        self.alarm.clone().unwrap_or_default()
    }

    /// Drops an input, for a call that has none.
    #[inline]
    pub(crate) fn forget_input(&mut self) {
        self.cursor = 0;
        if !self.input.as_bytes().is_empty() {
            self.input = Input::default();
        }
    }

    /// Drops output and log, which nobody asked for.
    #[inline]
    pub(crate) fn drop_words(&mut self) {
        if !self.output.is_empty() {
            self.output = Vec::new();
        }
        if !self.log.entries.is_empty() || self.log.dropped > 0 {
            self.log = Log::default();
        }
    }

    /// Frees what belongs to a run that is over.
    pub(crate) fn clear(&mut self) {
        *self = Host::empty();
    }

    #[cfg(feature = "wasi")]
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Usage so far, given the fuel used.
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

    /// The next at most `len` bytes of the input.
    pub(crate) fn next_input(&self, len: u32) -> &[u8] {
        // What somebody else holds may be shorter than it was.
        let rest = self.input.as_bytes().get(self.cursor..).unwrap_or_default();
        &rest[..rest.len().min(len as usize)]
    }

    /// Copies the next bytes of the input, as many as there is room for.
    pub(crate) fn give_input(&mut self, to: &mut [u8]) -> Result<(), StopReason> {
        for piece in self.alarm().pieces(to.len()) {
            let to = &mut to[piece?];
            to.copy_from_slice(self.next_input(to.len() as u32));
            self.cursor += to.len();
            self.took_input(to.len() as u64);
        }
        Ok(())
    }

    /// Checks that the output may grow by `len` bytes.
    pub(crate) fn check_output(&self, len: u32) -> Result<(), StopReason> {
        let (limit, asked) = (self.limits.output_bytes, self.output_bytes + u64::from(len));
        if asked > limit { Err(StopReason::Output { limit, asked }) } else { Ok(()) }
    }

    pub(crate) fn append_output(&mut self, bytes: &[u8], alarm: &Alarm) -> Result<(), StopReason> {
        let free = self.output.capacity() - self.output.len();
        if bytes.len() > free {
            // Doubling, but never past the limit, which is what the documented bound counts on.
            let limit = usize::try_from(self.limits.output_bytes).unwrap_or(usize::MAX);
            let wanted = (self.output.len() + bytes.len()).max((2 * self.output.capacity()).min(limit)).max(64);
            let more = wanted - self.output.len();
            self.output.try_reserve_exact(more).map_err(|_| StopReason::HostMemory { what: "output" })?;
        }
        for piece in alarm.pieces(bytes.len()) {
            let piece = &bytes[piece?];
            self.output.extend_from_slice(piece);
            self.output_bytes += piece.len() as u64;
        }
        Ok(())
    }

    /// Whether messages of a level are logged.
    pub(crate) fn logs(&self, level: Level) -> bool {
        self.log_level.takes(level)
    }

    /// How much of a message the log still takes; `None` if it takes nothing any more.
    pub(crate) fn log_room(&self, len: usize) -> Option<usize> {
        let full = self.log_full || self.log_lines >= self.limits.log_lines;
        let room = usize::try_from(self.limits.log_bytes - self.log_bytes).unwrap_or(usize::MAX);
        if full || (room == 0 && len > 0) { None } else { Some(len.min(room)) }
    }

    /// Keeps a message, cut to what the log still takes; `whole` tells whether this is all of it.
    pub(crate) fn keep_log(&mut self, entry: Option<LogEntry>, whole: bool) -> Result<(), StopReason> {
        if !whole {
            self.log.dropped += 1;
            self.log_full = true;
        }
        if let Some(entry) = entry {
            self.log_bytes += entry.text.len() as u64;
            self.log_lines += 1;
            self.log.entries.try_reserve(1).map_err(|_| StopReason::HostMemory { what: "log" })?;
            self.log.entries.push(entry);
        }
        Ok(())
    }

    /// Counts input bytes that the guest was given.
    pub(crate) fn took_input(&mut self, bytes: u64) {
        self.input_bytes += bytes;
    }

    fn mark(&self) -> Mark {
        Mark {
            output: (self.output.len(), self.output_bytes),
            input: (self.cursor, self.input_bytes),
            log: (self.log.entries.len(), self.log.dropped, self.log_full),
            logged: (self.log_bytes, self.log_lines),
        }
    }

    /// Takes back what a call has done that was ended in its midst.
    fn go_back(&mut self, mark: &Mark) {
        self.output.truncate(mark.output.0);
        self.output_bytes = mark.output.1;
        (self.cursor, self.input_bytes) = mark.input;
        self.log.entries.truncate(mark.log.0);
        (_, self.log.dropped, self.log_full) = mark.log;
        (self.log_bytes, self.log_lines) = mark.logged;
    }

    fn count_call(&mut self) -> Result<(), StopReason> {
        if self.host_calls >= self.limits.host_calls {
            return Err(StopReason::HostCalls { limit: self.limits.host_calls });
        }
        self.host_calls += 1;
        match self.faults.fail_host_call {
            Some(number) if number == self.host_calls => Err(StopReason::Injected { fault: Fault::HostCall, number }),
            _ => Ok(()),
        }
    }
}

/// What a call may have to be taken back to.
struct Mark {
    output: (usize, u64),
    input: (usize, u64),
    log: (usize, u64, bool),
    logged: (u64, u64),
}

/// A copy of a message, for the log.
fn copied(message: &str) -> Result<String, StopReason> {
    let mut copy = String::new();
    copy.try_reserve_exact(message.len()).map_err(|_| StopReason::HostMemory { what: "log" })?;
    copy.push_str(message);
    Ok(copy)
}

/// Links one function of the host under `module.name`, for this run's kind of store.
pub(crate) type Bind = dyn Fn(&mut Linker<Host>) -> Result<(), wasmi::Error> + Send + Sync;

/// The name of a host function, as errors and events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) module: Arc<str>,
    pub(crate) function: Arc<str>,
}

impl Name {
    pub(crate) fn new(module: &str, function: &str) -> Self {
        Name { module: module.into(), function: function.into() }
    }

    /// With its module.
    #[cfg(feature = "receipt")]
    pub(crate) fn dotted(&self) -> String {
        alloc::format!("{}.{}", self.module, self.function)
    }

    /// How ABI faults name the function: alone in `env`, with its module elsewhere.
    fn shown(&self) -> String {
        if &*self.module == crate::abi::MODULE {
            (&*self.function).into()
        } else {
            alloc::format!("{}.{}", self.module, self.function)
        }
    }
}

/// Runs the body of a host function: counted, traced, and with no way out but a result.
///
/// A panic under an engine's handler could not unwind and would end the process, so it is caught
/// here and becomes a stop that names the function.
pub(crate) fn enter<R>(
    mut caller: Caller<'_, Host>,
    name: &Name,
    body: impl FnOnce(&mut Caller<'_, Host>) -> Result<R, StopReason>,
) -> Result<R, wasmi::Error> {
    let (left, mark) = (meter::left(&mut caller), caller.data().mark());
    let result = observe::contain(|| {
        caller.data_mut().count_call()?;
        observe::host_call(name);
        body(&mut caller)
    })
    .unwrap_or_else(|message| {
        let (module, function) = ((&*name.module).into(), (&*name.function).into());
        Err(StopReason::HostPanic { module, function, message })
    });
    result.map_err(|reason| {
        if matches!(reason, StopReason::Deadline { .. } | StopReason::Cancelled) {
            // The run stops before the call, as one does whose fuel does not reach for it.
            meter::give_back(&mut caller, left);
            caller.data_mut().go_back(&mark);
        }
        caller.data_mut().stop = Some(reason);
        // The reason is in the store; this only makes the engine return.
        wasmi::Error::i32_exit(0)
    })
}

/// The guest's memory and the host's state, side by side.
pub(crate) fn memory_and_host<'a>(
    caller: &'a mut Caller<'_, Host>,
    name: &Name,
) -> Result<(&'a mut [u8], &'a mut Host), StopReason> {
    let Some(memory) = caller.data().memory else {
        return Err(StopReason::Abi(AbiFault::NoMemory { function: name.shown() }));
    };
    Ok(memory.data_and_store_mut(caller.as_context_mut()))
}

/// Checks that a range lies in the guest's memory, before anything is charged or copied.
///
/// An empty range touches nothing, so its pointer may be any: Zig's empty slices point to the last
/// address of all.
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
        return Err(StopReason::Abi(AbiFault::Range { function: name.shown(), ptr, len, memory }));
    }
    Ok(ptr as usize..end as usize)
}

/// Checks a range, then charges a host call that moves it.
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
