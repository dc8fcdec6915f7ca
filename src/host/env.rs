//! The functions of the `env` ABI. Each checks its range, then charges, then copies.

use alloc::string::String;

use wasmi::{Caller, Func, Store};

use super::{Host, check_and_charge, check_range, checked, enter, memory_and_host, utf16};
use crate::{
    abi::{self, Call, name::Name},
    data::outcome::{Level, LogEntry},
    engine::meter,
    error::{AbiFault, GuestFault, StopReason},
    observe,
    sync::watch::Interrupt,
};

/// Maximum length in bytes of the message of `fail` that is kept; of UTF-16 text as many units.
const MESSAGE_BYTES: u32 = 4096;

/// Makes a function of the ABI, under the name that the guest imports it by.
pub(crate) fn make(store: &mut Store<Host>, function: &abi::Function, name: &Name) -> Func {
    let name = name.clone();
    type C<'a> = Caller<'a, Host>;
    match function.call {
        Call::InputLen => Func::wrap(store, move |c: C<'_>| enter(c, &name, input_len)),
        Call::ReadInput => {
            Func::wrap(store, move |c: C<'_>, ptr: u32, len: u32| enter(c, &name, |c| read_input(c, &name, ptr, len)))
        }
        Call::WriteOutput => {
            Func::wrap(store, move |c: C<'_>, ptr: u32, len: u32| enter(c, &name, |c| write_output(c, &name, ptr, len)))
        }
        Call::Log => Func::wrap(store, move |c: C<'_>, ptr: u32, len: u32| {
            enter(c, &name, |c| log(c, &name, Level::Info, ptr, len))
        }),
        Call::LogAt => Func::wrap(store, move |c: C<'_>, level: i32, ptr: u32, len: u32| {
            enter(c, &name, |c| log_at(c, &name, level, ptr, len))
        }),
        Call::Fail => {
            Func::wrap(store, move |c: C<'_>, ptr: u32, len: u32| enter(c, &name, |c| fail(c, &name, ptr, len)))
        }
        Call::Abort => Func::wrap(store, move |c: C<'_>, message: u32, file: u32, line: u32, column: u32| {
            enter(c, &name, |c| abort(c, &name, message, file, line, column))
        }),
    }
}

fn input_len(caller: &mut Caller<'_, Host>) -> Result<u32, StopReason> {
    meter::charge(&mut *caller, meter::host_call(0))?;
    Ok(caller.data().input.len())
}

fn read_input(caller: &mut Caller<'_, Host>, name: &Name, ptr: u32, len: u32) -> Result<u32, StopReason> {
    let range = check_range(caller, name, ptr, len)?;
    let count = caller.data().next_input(len).len();
    meter::charge(&mut *caller, meter::host_call(count as u64))?;
    let (memory, host) = memory_and_host(caller, name)?;
    host.copy_input(checked(memory, range.start..range.start + count))?;
    Ok(count as u32)
}

fn write_output(caller: &mut Caller<'_, Host>, name: &Name, ptr: u32, len: u32) -> Result<(), StopReason> {
    let range = check_range(caller, name, ptr, len)?;
    caller.data().check_output(len)?;
    meter::charge(&mut *caller, meter::output_call(u64::from(len)))?;
    let (memory, host) = memory_and_host(caller, name)?;
    let interrupt = host.interrupt();
    host.append_output(checked(memory, range), &interrupt)
}

fn log_at(caller: &mut Caller<'_, Host>, name: &Name, level: i32, ptr: u32, len: u32) -> Result<(), StopReason> {
    let Some(level) = Level::from_abi(level) else {
        return Err(StopReason::Guest(GuestFault::Abi(AbiFault::Level { function: name.in_faults(), level })));
    };
    log(caller, name, level, ptr, len)
}

fn log(caller: &mut Caller<'_, Host>, name: &Name, level: Level, ptr: u32, len: u32) -> Result<(), StopReason> {
    let range = check_and_charge(caller, name, ptr, len)?;
    let (memory, host) = memory_and_host(caller, name)?;
    let bytes = &*checked(memory, range);
    // The prefix that is UTF-8 lies in the range, whose length is 32 bits wide.
    let broken = |valid| {
        StopReason::Guest(GuestFault::Abi(AbiFault::Utf8 { function: name.in_faults(), ptr, len, valid: valid as u32 }))
    };
    check_text(bytes, &host.interrupt(), broken)?;
    if !host.logs(level) {
        return Ok(());
    }
    let head = beginning(bytes, observe::SHOWN_BYTES);
    observe::log(level, head, bytes.len() - head.len());
    let Some(room) = host.log_space(bytes.len()) else {
        return host.keep_log(None, false);
    };
    let text = beginning(bytes, room);
    let kept = super::copy_message(text)?;
    host.keep_log(Some(LogEntry::new(level, kept)), text.len() == bytes.len())
}

/// Checks that bytes are UTF-8; if not, returns the error that `broken` makes of the length of the valid prefix.
#[expect(
    clippy::indexing_slicing,
    reason = "`valid` is at most the end of the piece before, and that within the bytes"
)]
fn check_text(bytes: &[u8], interrupt: &Interrupt, broken: impl Fn(usize) -> StopReason) -> Result<(), StopReason> {
    let mut valid = 0;
    for piece in interrupt.pieces(bytes.len()) {
        let end = piece?.end;
        valid = match core::str::from_utf8(&bytes[valid..end]) {
            Ok(_) => end,
            // A character may go on in the next piece.
            Err(error) if error.error_len().is_none() && end < bytes.len() => valid + error.valid_up_to(),
            Err(error) => return Err(broken(valid + error.valid_up_to())),
        };
    }
    Ok(())
}

/// Returns the first characters of a text, at most `len` bytes.
fn beginning(text: &[u8], len: usize) -> &str {
    let text = text.get(..len).unwrap_or(text);
    match core::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => core::str::from_utf8(text.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
    }
}

/// Stops the run with the guest's message. Bytes that are not UTF-8 are replaced, so that the message is always shown.
fn fail(caller: &mut Caller<'_, Host>, name: &Name, ptr: u32, len: u32) -> Result<(), StopReason> {
    let range = check_range(caller, name, ptr, len)?;
    let kept = len.min(MESSAGE_BYTES);
    meter::charge(&mut *caller, meter::host_call(u64::from(kept)))?;
    let (memory, _) = memory_and_host(caller, name)?;
    let bytes = checked(memory, range.start..range.start + kept as usize);
    Err(StopReason::Guest(GuestFault::Failed { message: String::from_utf8_lossy(bytes).into_owned() }))
}

fn abort(
    caller: &mut Caller<'_, Host>,
    name: &Name,
    message: u32,
    file: u32,
    line: u32,
    column: u32,
) -> Result<(), StopReason> {
    meter::charge(&mut *caller, meter::host_call(0))?;
    let message = utf16(caller, name, message)?;
    let file = utf16(caller, name, file)?;
    Err(StopReason::Guest(GuestFault::Aborted { message, file, line, column }))
}

/// Reads the first units of an AssemblyScript string.
fn utf16(caller: &mut Caller<'_, Host>, name: &Name, ptr: u32) -> Result<String, StopReason> {
    let range = utf16::range(caller, name, ptr)?;
    let kept = range.len().min(2 * MESSAGE_BYTES as usize);
    meter::charge(&mut *caller, (kept as u64).div_ceil(meter::BYTES_PER_FUEL))?;
    let (memory, _) = memory_and_host(caller, name)?;
    Ok(utf16::chars(checked(memory, range.start..range.start + kept)).collect())
}
