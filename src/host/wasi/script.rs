//! Functions that AssemblyScript's standard library imports: its console, clocks, seed and exit.

use alloc::{format, string::String};
use core::fmt::Write;

use wasmi::{Caller, F64, Func, Store, Val};

use super::{
    super::{checked, enter, utf16},
    Args, Guest, Host, process,
};
use crate::{
    abi::{
        MODULE,
        assemblyscript::{Call, Function},
        name::Name,
        wasi::Snapshot,
    },
    data::outcome::{Level, LogEntry},
    engine::meter,
    error::{HostMemoryUse, HostStop, StopReason},
    observe,
    wasi::{
        clock::ClockId,
        errno::{CallError, Result},
        random::{RandomSource, fill_from_host},
        timers::Timers,
    },
};

/// Cost of one byte of a text, in moved bytes: it is decoded twice, to measure and to copy it.
const TEXT_WORK: u64 = 8;

/// Fuel for one number that is written in decimal digits, or one timer that is looked up.
const NUMBER: u64 = 10;

/// Characters between two checks whether the run is to stop.
const CHECKED_CHARS: usize = 64 << 10;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// Makes a function of the table.
pub(crate) fn make(store: &mut Store<Host>, function: &'static Function) -> Func {
    let name = Name::new(MODULE, function.name);
    Func::new(store, function.ty().to_engine(), move |caller: Caller<'_, Host>, params: &[Val], results: &mut [Val]| {
        let number = enter(caller, &name, |caller| {
            meter::charge(&mut *caller, meter::host_call(0))?;
            let mut guest = Guest { caller, name: &name, snapshot: Snapshot::Preview1 };
            call(&mut guest, function.call, params).map_err(stop)
        })?;
        if let Some(result) = results.first_mut() {
            *result = Val::F64(F64::from_bits(number.to_bits()));
        }
        Ok(())
    })
}

/// Returns why the run stops. None of the functions has error numbers.
fn stop(error: CallError) -> StopReason {
    match error {
        CallError::Stop(reason) => reason,
        CallError::Errno(errno) => {
            StopReason::Host(HostStop::Engine { message: format!("error number {}", errno as u16) })
        }
    }
}

/// Performs a call, and returns its number; 0 for functions without a result.
fn call(guest: &mut Guest<'_, '_>, call: Call, params: &[Val]) -> Result<f64> {
    let args = Args(params);
    match call {
        Call::Console(level) => log(guest, level, "", args.u32(0), "")?,
        Call::Assert if args.u32(0) == 0 => log(guest, Level::Error, "Assertion failed: ", args.u32(1), "")?,
        Call::Assert => {}
        Call::Time => start_timer(guest, args.u32(0))?,
        Call::TimeLog => log_timer(guest, args.u32(0), false)?,
        Call::TimeEnd => log_timer(guest, args.u32(0), true)?,
        Call::Trace => trace(guest, params)?,
        Call::Seed => return seed(guest),
        Call::DateNow => return Ok((read(guest, ClockId::Realtime)? / NANOSECONDS_PER_MILLISECOND) as f64),
        Call::PerformanceNow => return Ok(milliseconds(read(guest, ClockId::Monotonic)?)),
        Call::Exit => process::exit(guest, args.u32(0))?,
    }
    Ok(0.0)
}

/// Reads a clock; 0 without clocks.
fn read(guest: &mut Guest<'_, '_>, clock: ClockId) -> Result<u64> {
    Ok(guest.clocks()?.map_or(0, |now| now.get(clock)))
}

fn milliseconds(ns: u64) -> f64 {
    ns as f64 / NANOSECONDS_PER_MILLISECOND as f64
}

/// Returns an integer that a float has exactly, from the stream of random bytes; 0 without random bytes.
fn seed(guest: &mut Guest<'_, '_>) -> Result<f64> {
    let mut bytes = [0; 8];
    let interrupt = guest.host().interrupt();
    let recorder = guest.host().recorder.clone();
    match &mut guest.state()?.random {
        RandomSource::None => {}
        RandomSource::Seeded(stream) => stream.fill(&mut bytes, &interrupt)?,
        RandomSource::Host => recorder.random(&mut bytes, |to| fill_from_host(to, &interrupt))?,
    }
    Ok((u64::from_le_bytes(bytes) >> (u64::BITS - f64::MANTISSA_DIGITS)) as f64)
}

fn trace(guest: &mut Guest<'_, '_>, params: &[Val]) -> Result<()> {
    let args = Args(params);
    let numbers = params.iter().filter_map(|param| if let Val::F64(number) = param { Some(number) } else { None });
    let count = (args.u32(1) as i32).max(0) as usize;
    let mut written = String::new();
    for number in numbers.take(count) {
        guest.charge(NUMBER)?;
        let _ = write!(written, " {}", f64::from_bits(number.to_bits()));
    }
    log(guest, Level::Trace, "", args.u32(0), &written)
}

fn start_timer(guest: &mut Guest<'_, '_>, ptr: u32) -> Result<()> {
    let label = label(guest, ptr)?;
    let now = read(guest, ClockId::Monotonic)?;
    guest.state()?.timers.start(label, now);
    Ok(())
}

fn log_timer(guest: &mut Guest<'_, '_>, ptr: u32, ends: bool) -> Result<()> {
    let label = label(guest, ptr)?;
    let now = read(guest, ClockId::Monotonic)?;
    let Some(start) = guest.state()?.timers.started(&label, ends) else { return Ok(()) };
    log(guest, Level::Info, "", ptr, &format!(": {}ms", milliseconds(now.saturating_sub(start))))
}

fn label(guest: &mut Guest<'_, '_>, ptr: u32) -> Result<String> {
    let range = utf16::range(guest.caller, guest.name, ptr)?;
    let kept = range.len().min(Timers::LABEL_BYTES);
    guest.charge(NUMBER)?;
    guest.charge_bytes(kept as u64 * TEXT_WORK)?;
    let (memory, _) = guest.memory_and_host()?;
    Ok(Timers::label(utf16::chars(checked(memory, range.start..range.start + kept))))
}

/// Logs the string at a pointer, with text before and after it.
fn log(guest: &mut Guest<'_, '_>, level: Level, before: &str, ptr: u32, after: &str) -> Result<()> {
    let range = utf16::range(guest.caller, guest.name, ptr)?;
    guest.charge_bytes((range.len() + before.len() + after.len()) as u64 * TEXT_WORK)?;
    let (memory, host) = guest.memory_and_host()?;
    Ok(keep(host, level, before, checked(memory, range), after)?)
}

/// Adds a message to the log, up to the bytes that the log has room for.
fn keep(
    host: &mut Host,
    level: Level,
    before: &str,
    bytes: &[u8],
    after: &str,
) -> core::result::Result<(), StopReason> {
    if !host.logs(level) {
        return Ok(());
    }
    let message = before.chars().chain(utf16::chars(bytes)).chain(after.chars());
    let asked = if message.clone().next().is_none() { 0 } else { usize::MAX };
    let Some(room) = host.log_space(asked) else { return host.keep_log(None, false) };
    let interrupt = host.interrupt();
    let (mut len, mut whole) = (0, true);
    for (index, char) in message.clone().enumerate() {
        if index % CHECKED_CHARS == 0 {
            interrupt.check()?;
        }
        if len + char.len_utf8() > room {
            whole = false;
            break;
        }
        len += char.len_utf8();
    }
    let mut text = String::new();
    text.try_reserve_exact(len).map_err(|_| StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::Log }))?;
    for (index, char) in message.enumerate() {
        if text.len() >= len {
            break;
        }
        if index % CHECKED_CHARS == 0 {
            interrupt.check()?;
        }
        text.push(char);
    }
    observe::log(level, &text, 0);
    host.keep_log(Some(LogEntry::new(level, text)), whole)
}
