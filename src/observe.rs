//! `tracing` spans and events, and containment of panics in foreign code.
//!
//! `docs/tracing.md` lists the spans and events; a test compares both.
//!
//! A subscriber that panics stops the run with
//! [`HostStop::HostPanic`](crate::HostStop::HostPanic); the process goes on.

use alloc::string::String;

use crate::{
    abi::name::Name,
    data::{outcome::Level, text},
    error::{HostStop, StopReason},
};

pub(crate) mod cache;

const TARGET: &str = "belljar";

/// Runs `body`, and returns the message of a panic in it as an error.
///
/// Without `std` panics cannot be caught: the program's panic handler decides.
pub(crate) fn contain<R>(body: impl FnOnce() -> R) -> Result<R, String> {
    #[cfg(feature = "std")]
    {
        extern crate std;
        std::panic::catch_unwind(core::panic::AssertUnwindSafe(body)).map_err(|payload| {
            let message = payload
                .downcast_ref::<&str>()
                .map(|s| String::from(*s))
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "a panic without a message".into());
            // Dropping the payload runs foreign code, which may panic again.
            if let Err(again) = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| drop(payload))) {
                core::mem::forget(again);
            }
            alloc::format!("{}", text::escape(&message, 4096))
        })
    }
    #[cfg(not(feature = "std"))]
    {
        Ok(body())
    }
}

/// Calls the subscriber, and turns its panic into a stop reason.
fn emit(event: impl FnOnce()) -> Result<(), StopReason> {
    contain(event).map_err(|message| {
        StopReason::Host(HostStop::HostPanic { module: "tracing".into(), function: "subscriber".into(), message })
    })
}

/// Emits the event of a host call. Called in a host function, where panics are caught.
pub(crate) fn host_call(name: &Name) {
    tracing::trace!(target: TARGET, module = &*name.module, function = &*name.function, "host_call");
}

/// Most bytes of a message in an event.
pub(crate) const SHOWN_BYTES: usize = 1024;

/// Emits the event of a log message, of which `more` bytes are left out. Called in a host function, where panics are
/// caught.
pub(crate) fn log(level: Level, text: &str, more: usize) {
    let text = text::escape(text, SHOWN_BYTES).and(more);
    match level {
        Level::Error => tracing::error!(target: TARGET, %text, "log"),
        Level::Warn => tracing::warn!(target: TARGET, %text, "log"),
        Level::Info => tracing::info!(target: TARGET, %text, "log"),
        Level::Debug => tracing::debug!(target: TARGET, %text, "log"),
        Level::Trace => tracing::trace!(target: TARGET, %text, "log"),
    }
}

pub(crate) fn growth(kind: &'static str, from: u64, to: u64) -> Result<(), StopReason> {
    emit(|| tracing::trace!(target: TARGET, kind, from, to, "growth"))
}

/// Returns whether a subscriber may want the spans and events of a run. Preparing them costs more than a short call.
#[inline]
pub(crate) fn is_enabled() -> bool {
    tracing::level_enabled!(tracing::Level::DEBUG)
}

#[inline]
pub(crate) fn start(function: &str, input_bytes: u64) -> Result<(), StopReason> {
    if !is_enabled() {
        return Ok(());
    }
    let function = text::escape(function, text::SHOWN_BYTES);
    emit(|| tracing::debug!(target: TARGET, %function, input_bytes, "start"))
}

pub(crate) fn stop(reason: &StopReason, fuel: u64) -> Result<(), StopReason> {
    emit(|| tracing::debug!(target: TARGET, %reason, fuel, "stop"))
}

pub(crate) fn done(fuel: u64, status: i32) -> Result<(), StopReason> {
    emit(|| tracing::debug!(target: TARGET, fuel, status, "done"))
}

/// Emits the event of [`done`], and computes the fuel only if it is wanted.
#[inline]
pub(crate) fn done_with(fuel: impl FnOnce() -> u64, status: i32) -> Result<(), StopReason> {
    if is_enabled() { done(fuel(), status) } else { Ok(()) }
}

/// Runs `body` in the span `load`.
pub(crate) fn loading<R>(bytes: u64, body: impl FnOnce() -> R) -> Result<R, StopReason> {
    within(|| tracing::debug_span!(target: TARGET, "load", bytes), body)
}

/// Emits the event at the end of a load, in the span `load`.
pub(crate) fn loaded(functions: u64, imports: u64, exports: u64) -> Result<(), StopReason> {
    emit(|| tracing::debug!(target: TARGET, functions, imports, exports, "loaded"))
}

/// Runs `body` in the span `run`.
#[inline]
pub(crate) fn running<R>(module: &str, body: impl FnOnce() -> R) -> Result<R, StopReason> {
    if !is_enabled() {
        return Ok(body());
    }
    let module = text::escape(module, text::SHOWN_BYTES);
    within(|| tracing::debug_span!(target: TARGET, "run", %module), body)
}

/// Runs `body` in a span. Each call of the subscriber is contained separately, so that its panics and those of the
/// body are not confused.
fn within<R>(span: impl FnOnce() -> tracing::Span, body: impl FnOnce() -> R) -> Result<R, StopReason> {
    let mut made = None;
    emit(|| made = Some(span()))?;
    let Some(span) = made else { return Ok(body()) };
    if span.is_disabled() {
        return Ok(body());
    }
    // No guards: dropped during unwinding, a guard calls the subscriber, and a second panic would abort the process.
    let entered = emit(|| span.with_subscriber(|(id, subscriber)| subscriber.enter(id)).unwrap_or_default());
    let result = entered.map(|()| body());
    let left = match &result {
        Ok(_) => emit(|| {
            span.with_subscriber(|(id, subscriber)| {
                subscriber.exit(id);
            })
            .unwrap_or_default()
        }),
        Err(_) => Ok(()),
    };
    let closed = emit(|| drop(span));
    let result = result?;
    left.and(closed)?;
    Ok(result)
}
