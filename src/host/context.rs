//! The context of a custom host function: the guest's memory, the meter, the data, log and output of the run.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{any::Any, error::Error, fmt};

use wasmi::Caller;

use super::{Host, check_and_charge, checked, memory_and_host};
use crate::{
    abi::name::Name,
    data::outcome::{Level, LogEntry},
    engine::meter,
    error::{GuestFault, HostMemoryUse, HostStop, LimitExceeded, StopReason},
    recorder::access::Access,
    sync::watch::Interrupt,
};

/// The run that called a host function.
///
/// Every access checks its range, charges the fuel that a function of `env` costs, and then copies.
pub struct Context<'a> {
    pub(super) caller: Caller<'a, Host>,
    pub(super) name: &'a Name,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("name", self.name).finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// Copies `len` bytes at `ptr` out of the guest's memory.
    ///
    /// # Errors
    ///
    /// Stops the run if the range is not in the memory, or the fuel is not enough.
    pub fn read(&mut self, ptr: u32, len: u32) -> Result<Vec<u8>, HostError> {
        let read = self.copy_out(ptr, len);
        let bytes = read.as_deref().unwrap_or_default();
        self.record(&Access::Read { ptr, len, bytes })?;
        read
    }

    fn copy_out(&mut self, ptr: u32, len: u32) -> Result<Vec<u8>, HostError> {
        let range = check_and_charge(&mut self.caller, self.name, ptr, len)?;
        let (memory, _) = memory_and_host(&mut self.caller, self.name)?;
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(range.len())
            .map_err(|_| StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::GuestMemoryCopy }))?;
        bytes.extend_from_slice(checked(memory, range));
        Ok(bytes)
    }

    /// Copies UTF-8 text out of the guest's memory, as [`read`](Self::read) does.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); also stops the run if the bytes are not UTF-8.
    pub fn read_text(&mut self, ptr: u32, len: u32) -> Result<String, HostError> {
        let bytes = self.read(ptr, len)?;
        String::from_utf8(bytes).map_err(|e| {
            let valid = e.utf8_error().valid_up_to() as u32;
            StopReason::Guest(GuestFault::Abi(crate::error::AbiFault::Utf8 {
                function: self.name.in_faults(),
                ptr,
                len,
                valid,
            }))
            .into()
        })
    }

    /// Copies `bytes` to `ptr` in the guest's memory.
    ///
    /// # Errors
    ///
    /// Stops the run if the range is not in the memory, or the fuel is not enough.
    pub fn write(&mut self, ptr: u32, bytes: &[u8]) -> Result<(), HostError> {
        self.record(&Access::Write { ptr, bytes })?;
        // A length beyond 32 bits is beyond every memory.
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let range = check_and_charge(&mut self.caller, self.name, ptr, len)?;
        let (memory, _) = memory_and_host(&mut self.caller, self.name)?;
        checked(memory, range).copy_from_slice(bytes);
        Ok(())
    }

    /// Returns the size of the guest's memory in bytes, or 0 if it exports none.
    pub fn memory_size(&self) -> u64 {
        self.caller.data().memory.map_or(0, |memory| memory.data_size(&self.caller) as u64)
    }

    /// Charges fuel for work of the host function.
    ///
    /// # Errors
    ///
    /// Stops the run if less fuel is left; nothing is charged then.
    pub fn charge(&mut self, fuel: u64) -> Result<(), HostError> {
        self.record(&Access::Charge { fuel })?;
        Ok(meter::charge(&mut self.caller, fuel)?)
    }

    fn record(&mut self, access: &Access<'_>) -> Result<(), HostError> {
        Ok(self.caller.data().recorder.access(access)?)
    }

    /// Returns the fuel that the run has left.
    pub fn fuel_left(&mut self) -> u64 {
        meter::unused(&mut self.caller)
    }

    /// Returns the data that the run was started with, if it is a `T`.
    pub fn data<T: 'static>(&self) -> Option<&T> {
        self.caller.data().data.downcast_ref()
    }

    /// Returns the data that the run was started with, if it is a `T`.
    pub fn data_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.caller.data_mut().data.downcast_mut()
    }

    /// Returns the state of HTTP requests.
    #[cfg(feature = "http")]
    pub(crate) fn http(&mut self) -> &mut crate::http::State {
        &mut self.caller.data_mut().http
    }

    /// Returns the whole input of the run.
    pub fn input(&self) -> &[u8] {
        self.caller.data().input.as_bytes()
    }

    /// Appends to the run's output, as `write_output` does.
    ///
    /// # Errors
    ///
    /// Stops the run at the output limit, or if the fuel is not enough.
    pub fn write_output(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        self.record(&Access::Output { bytes })?;
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.caller.data().check_output(len)?;
        meter::charge(&mut self.caller, meter::output_call(u64::from(len)))?;
        Ok(self.caller.data_mut().append_output(bytes, &Interrupt::default())?)
    }

    /// Adds a message to the run's log. A message beyond the limits of the log is dropped and counted, one below its
    /// level ([`Config::log`](crate::Config::log)) only dropped.
    ///
    /// # Errors
    ///
    /// Stops the run if the fuel is not enough.
    pub fn log(&mut self, level: Level, text: &str) -> Result<(), HostError> {
        self.record(&Access::Log { level, text })?;
        meter::charge(&mut self.caller, meter::host_call(text.len() as u64))?;
        let host = self.caller.data_mut();
        if !host.logs(level) {
            return Ok(());
        }
        let whole = host.log_space(text.len()) == Some(text.len());
        let kept = if whole { Some(super::copy_message(text)?) } else { None };
        Ok(host.keep_log(kept.map(|kept| LogEntry::new(level, kept)), whole)?)
    }
}

/// The error of a host function: a message, or the stop reason of a failed access to the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostError(Cause);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    Message(String),
    Stop(StopReason),
}

impl HostError {
    /// Returns an error with a message: the run stops with [`HostStop::HostFunction`], which has the module and the
    /// name of the function.
    pub fn new(message: impl fmt::Display) -> Self {
        HostError(Cause::Message(alloc::format!("{message}")))
    }

    pub(super) fn into_stop(self, name: &Name) -> StopReason {
        match self.0 {
            Cause::Stop(reason) => reason,
            Cause::Message(message) => StopReason::Host(HostStop::HostFunction {
                module: (&*name.module).into(),
                function: (&*name.function).into(),
                message,
            }),
        }
    }
}

/// Converts any error with `?`: a [`StopReason`], or one of its groups, stops the run as it is, any other error with its
/// message and those of its sources.
///
/// `HostError` itself does not implement `Error`, as this implementation would then overlap with that of `From<T>` for
/// `T`. It converts to a boxed error.
impl<E: Error + 'static> From<E> for HostError {
    fn from(error: E) -> Self {
        if let Some(reason) = as_stop(&error) {
            return HostError(Cause::Stop(reason));
        }
        let mut message = alloc::format!("{error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let text = alloc::format!("{cause}");
            // Many messages include that of their source.
            if !message.ends_with(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        HostError(Cause::Message(message))
    }
}

/// Returns the stop reason that an error is, if it is one.
fn as_stop(error: &dyn Any) -> Option<StopReason> {
    let limit = || error.downcast_ref::<LimitExceeded>().cloned().map(StopReason::Limit);
    let guest = || error.downcast_ref::<GuestFault>().cloned().map(StopReason::Guest);
    let host = || error.downcast_ref::<HostStop>().cloned().map(StopReason::Host);
    error.downcast_ref::<StopReason>().cloned().or_else(limit).or_else(guest).or_else(host)
}

impl From<HostError> for Box<dyn Error + Send + Sync> {
    fn from(error: HostError) -> Self {
        match error.0 {
            Cause::Message(message) => message.into(),
            Cause::Stop(reason) => Box::new(reason),
        }
    }
}

impl From<HostError> for Box<dyn Error> {
    fn from(error: HostError) -> Self {
        Box::<dyn Error + Send + Sync>::from(error)
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Message(message) => f.write_str(message),
            Cause::Stop(reason) => write!(f, "{reason}"),
        }
    }
}
