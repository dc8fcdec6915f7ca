//! Arguments, environment and exit of the program.

use alloc::{format, string::String, vec::Vec};

use super::guest::{Guest, ITEM};
use crate::{
    config::wasi::Wasi,
    error::{GuestFault, StopReason},
    wasi::errno::Result,
};

fn args(config: &Wasi) -> Vec<String> {
    config.argv().map(String::from).collect()
}

fn environ(config: &Wasi) -> Vec<String> {
    config.env.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

pub(super) fn args_get(guest: &mut Guest<'_, '_>, list: u32, buffer: u32) -> Result<()> {
    let strings = args(&guest.state()?.config);
    put(guest, &strings, list, buffer)
}

pub(super) fn args_sizes_get(guest: &mut Guest<'_, '_>, count: u32, bytes: u32) -> Result<()> {
    let strings = args(&guest.state()?.config);
    put_sizes(guest, &strings, count, bytes)
}

pub(super) fn environ_get(guest: &mut Guest<'_, '_>, list: u32, buffer: u32) -> Result<()> {
    let strings = environ(&guest.state()?.config);
    put(guest, &strings, list, buffer)
}

pub(super) fn environ_sizes_get(guest: &mut Guest<'_, '_>, count: u32, bytes: u32) -> Result<()> {
    let strings = environ(&guest.state()?.config);
    put_sizes(guest, &strings, count, bytes)
}

/// Returns the bytes of all strings, each with a final NUL. The configuration limits them.
fn size(strings: &[String]) -> u32 {
    strings.iter().map(|string| string.len() as u32 + 1).sum()
}

fn put(guest: &mut Guest<'_, '_>, strings: &[String], list: u32, buffer: u32) -> Result<()> {
    let (count, bytes) = (strings.len() as u32, size(strings));
    guest.check_items(list, count, 4)?;
    guest.check(buffer, bytes)?;
    guest.charge(u64::from(count) * ITEM)?;
    guest.charge_bytes(u64::from(count) * 4 + u64::from(bytes))?;
    let (mut slot, mut at) = (list, buffer);
    for string in strings {
        guest.store_u32(slot, at)?;
        guest.store(at, string.as_bytes())?;
        let end = at + string.len() as u32;
        guest.store(end, &[0])?;
        (slot, at) = (slot.wrapping_add(4), end.wrapping_add(1));
    }
    Ok(())
}

fn put_sizes(guest: &mut Guest<'_, '_>, strings: &[String], count: u32, bytes: u32) -> Result<()> {
    guest.charge(strings.len() as u64 * ITEM)?;
    guest.charge_bytes(u64::from(size(strings)))?;
    guest.store_u32(count, strings.len() as u32)?;
    guest.store_u32(bytes, size(strings))
}

/// Ends the run with an exit code. The machine treats the code 0, which no other stop has, as success.
pub(super) fn exit(_: &mut Guest<'_, '_>, code: u32) -> Result<()> {
    Err(StopReason::Guest(GuestFault::Status { code: code as i32 }).into())
}
