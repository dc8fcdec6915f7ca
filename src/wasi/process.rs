//! The program itself: its arguments, its environment, its end.

use alloc::{format, string::String, vec::Vec};

use super::{
    errno::Result,
    guest::{Guest, ITEM},
};
use crate::{config::wasi::Wasi, error::StopReason};

fn args(config: &Wasi) -> Vec<String> {
    config.argv().map(String::from).collect()
}

fn environ(config: &Wasi) -> Vec<String> {
    config.env.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

pub(super) fn args_get(guest: &mut Guest<'_, '_>, list: u32, buffer: u32) -> Result<()> {
    let words = args(&guest.state()?.config);
    put(guest, &words, list, buffer)
}

pub(super) fn args_sizes_get(guest: &mut Guest<'_, '_>, count: u32, bytes: u32) -> Result<()> {
    let words = args(&guest.state()?.config);
    put_sizes(guest, &words, count, bytes)
}

pub(super) fn environ_get(guest: &mut Guest<'_, '_>, list: u32, buffer: u32) -> Result<()> {
    let words = environ(&guest.state()?.config);
    put(guest, &words, list, buffer)
}

pub(super) fn environ_sizes_get(guest: &mut Guest<'_, '_>, count: u32, bytes: u32) -> Result<()> {
    let words = environ(&guest.state()?.config);
    put_sizes(guest, &words, count, bytes)
}

/// Bytes of all words, each with a 0 at its end. The configuration bounds them.
fn size(words: &[String]) -> u32 {
    words.iter().map(|word| word.len() as u32 + 1).sum()
}

fn put(guest: &mut Guest<'_, '_>, words: &[String], list: u32, buffer: u32) -> Result<()> {
    let (count, bytes) = (words.len() as u32, size(words));
    guest.check_items(list, count, 4)?;
    guest.check(buffer, bytes)?;
    guest.charge(u64::from(count) * ITEM)?;
    guest.charge_bytes(u64::from(count) * 4 + u64::from(bytes))?;
    let (mut slot, mut at) = (list, buffer);
    for word in words {
        guest.store_u32(slot, at)?;
        guest.store(at, word.as_bytes())?;
        let end = at + word.len() as u32;
        guest.store(end, &[0])?;
        (slot, at) = (slot.wrapping_add(4), end.wrapping_add(1));
    }
    Ok(())
}

fn put_sizes(guest: &mut Guest<'_, '_>, words: &[String], count: u32, bytes: u32) -> Result<()> {
    guest.charge(words.len() as u64 * ITEM)?;
    guest.charge_bytes(u64::from(size(words)))?;
    guest.store_u32(count, words.len() as u32)?;
    guest.store_u32(bytes, size(words))
}

/// Ends the run. The machine knows the status 0, with which nothing else stops, for a success.
pub(super) fn exit(_: &mut Guest<'_, '_>, code: u32) -> Result<()> {
    Err(StopReason::Status { code: code as i32 }.into())
}
