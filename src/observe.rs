//! `tracing` spans and events, and the containment of whatever code they call.
//!
//! `docs/tracing.md` lists them; a test compares.
//!
//! A subscriber that panics stops the run with
//! [`StopReason::HostPanic`](crate::StopReason::HostPanic); the process goes on.

use alloc::string::String;

use crate::{error::StopReason, host::Name, outcome::Level, text};

pub(crate) mod cache;

const TARGET: &str = "belljar";

/// Runs `body`; a panic in it is its message.
///
/// Without `std` there is nothing to catch a panic with: there a panic ends the program, as the
/// program's own panic handler decides.
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
            // Dropping the payload runs foreign code once more.
            if let Err(again) = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| drop(payload))) {
                core::mem::forget(again);
            }
            alloc::string::ToString::to_string(&text::escape(&message, 4096))
        })
    }
    #[cfg(not(feature = "std"))]
    {
        Ok(body())
    }
}

/// Calls into a subscriber, whose panic becomes a stop that names it.
fn emit(event: impl FnOnce()) -> Result<(), StopReason> {
    contain(event).map_err(|message| StopReason::HostPanic {
        module: "tracing".into(),
        function: "subscriber".into(),
        message,
    })
}

/// Within a host function, where a panic is caught already.
pub(crate) fn host_call(name: &Name) {
    tracing::trace!(target: TARGET, module = &*name.module, function = &*name.function, "host_call");
}

/// At most this many bytes of a message are shown.
pub(crate) const SHOWN_BYTES: usize = 1024;

/// Tells of a message, of which so many bytes are left out.
///
/// Within a host function, where a panic is caught already.
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

/// Whether anybody may listen to spans and events of a run; most calls are too short to prepare for nobody.
#[inline]
pub(crate) fn is_heard() -> bool {
    tracing::level_enabled!(tracing::Level::DEBUG)
}

#[inline]
pub(crate) fn start(function: &str, input_bytes: u64) -> Result<(), StopReason> {
    if !is_heard() {
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

/// As [`done`], for who would have to ask for the fuel.
#[inline]
pub(crate) fn done_with(fuel: impl FnOnce() -> u64, status: i32) -> Result<(), StopReason> {
    if is_heard() { done(fuel(), status) } else { Ok(()) }
}

/// Runs `body` in the span `load`.
pub(crate) fn loading<R>(bytes: u64, body: impl FnOnce() -> R) -> Result<R, StopReason> {
    within(|| tracing::debug_span!(target: TARGET, "load", bytes), body)
}

/// Within the span `load`.
pub(crate) fn loaded(functions: u64, imports: u64, exports: u64) -> Result<(), StopReason> {
    emit(|| tracing::debug!(target: TARGET, functions, imports, exports, "loaded"))
}

/// Runs `body` in the span `run`.
#[inline]
pub(crate) fn running<R>(module: &str, body: impl FnOnce() -> R) -> Result<R, StopReason> {
    if !is_heard() {
        return Ok(body());
    }
    let module = text::escape(module, text::SHOWN_BYTES);
    within(|| tracing::debug_span!(target: TARGET, "run", %module), body)
}

/// Runs `body` in a span; each call into the subscriber is contained on its own, so that a panic
/// of the body and one of the subscriber cannot be taken for each other.
fn within<R>(span: impl FnOnce() -> tracing::Span, body: impl FnOnce() -> R) -> Result<R, StopReason> {
    let mut made = None;
    emit(|| made = Some(span()))?;
    let Some(span) = made else { return Ok(body()) };
    if span.is_disabled() {
        return Ok(body());
    }
    // No guards: one that is dropped while a panic of the subscriber unwinds calls it again, and a
    // second panic there would end the process.
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
