//! The call `poll_oneoff`: streams and files are always ready, and clocks are advanced to their timeout.

use super::{
    guest::{Guest, ITEM},
    rights,
};
use crate::{
    abi::wasi::Snapshot,
    engine::meter,
    wasi::{
        clock::{ClockId, ClockTimes},
        errno::{CallError, Errno, Result},
        fd::Object,
    },
};

const EVENT_BYTES: u32 = 32;
const CLOCK: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;
const ABSOLUTE: u16 = 1;
const HANGUP: u16 = 1;

/// Bytes reported as writable.
const WRITE_BYTES: u64 = 1 << 16;

/// Subscription of the guest.
#[derive(Debug, Clone, Copy)]
struct Subscription {
    userdata: u64,
    tag: u8,
    readiness: Readiness,
}

/// State of a subscription.
#[derive(Debug, Clone, Copy)]
enum Readiness {
    /// Ready in `wait` ns.
    Clock {
        wait: u64,
    },
    /// Ready now, for `bytes` bytes.
    Ready {
        bytes: u64,
        flags: u16,
    },
    Failed(Errno),
}

pub(super) fn oneoff(guest: &mut Guest<'_, '_>, list: u32, events: u32, count: u32, result: u32) -> Result<()> {
    if count == 0 {
        return Err(Errno::Inval.into());
    }
    let size = guest.snapshot.subscription_bytes();
    guest.check_items(list, count, size)?;
    guest.check_items(events, count, EVENT_BYTES)?;
    let fuel = u64::from(size + EVENT_BYTES).div_ceil(meter::BYTES_PER_FUEL) + ITEM;
    guest.charge(u64::from(count) * fuel)?;
    // A first pass finds the shortest wait, a second writes the events that are ready then.
    let now = guest.clocks()?;
    let mut sleep = u64::MAX;
    for index in 0..count {
        sleep = sleep.min(match subscription(guest, list, index, now)?.readiness {
            Readiness::Clock { wait } => wait,
            Readiness::Ready { .. } | Readiness::Failed(_) => 0,
        });
    }
    let mut done = 0;
    for index in 0..count {
        let subscription = subscription(guest, list, index, now)?;
        if !matches!(subscription.readiness, Readiness::Clock { wait } if wait > sleep) {
            put(guest, &subscription, events + done * EVENT_BYTES)?;
            done += 1;
        }
    }
    guest.state()?.clock.sleep(sleep);
    guest.store_u32(result, done)
}

/// Reads a subscription, and evaluates it at this time.
fn subscription(guest: &mut Guest<'_, '_>, list: u32, index: u32, now: Option<ClockTimes>) -> Result<Subscription> {
    let at = list + index * guest.snapshot.subscription_bytes();
    let userdata = u64::from_le_bytes(guest.load(at)?);
    let [tag] = guest.load(at + 8)?;
    let readiness = match tag {
        CLOCK => clock(guest, at, now),
        READ | WRITE => {
            let fd = u32::from_le_bytes(guest.load(at + 16)?);
            ready(guest, fd, tag)
        }
        _ => return Err(Errno::Inval.into()),
    };
    let readiness = match readiness {
        Ok(readiness) => readiness,
        Err(CallError::Errno(errno)) => Readiness::Failed(errno),
        Err(stop) => return Err(stop),
    };
    Ok(Subscription { userdata, tag, readiness })
}

fn clock(guest: &mut Guest<'_, '_>, at: u32, now: Option<ClockTimes>) -> Result<Readiness> {
    // In the predecessor, the field `identifier` precedes the clock.
    let at = match guest.snapshot {
        Snapshot::Preview1 => at + 16,
        Snapshot::Unstable => at + 24,
    };
    let id = ClockId::from_number(u32::from_le_bytes(guest.load(at)?)).ok_or(Errno::Inval)?;
    let timeout = u64::from_le_bytes(guest.load(at + 8)?);
    let flags = u16::from_le_bytes(guest.load(at + 24)?);
    if flags & !ABSOLUTE != 0 {
        return Err(Errno::Inval.into());
    }
    if id == ClockId::Cpu {
        // CPU time does not advance during a wait.
        return Err(Errno::NotSup.into());
    }
    let now = now.ok_or(Errno::NotCapable)?.get(id);
    Ok(Readiness::Clock { wait: if flags == ABSOLUTE { timeout.saturating_sub(now) } else { timeout } })
}

fn ready(guest: &mut Guest<'_, '_>, fd: u32, tag: u8) -> Result<Readiness> {
    let right = if tag == READ { rights::FD_READ } else { rights::FD_WRITE };
    let descriptor = guest.fd(fd, rights::POLL_FD_READWRITE)?.clone();
    if !matches!(descriptor.object, Object::Directory(_)) {
        descriptor.require(right)?;
    }
    let bytes = match descriptor.object {
        _ if tag == WRITE => WRITE_BYTES,
        Object::Stdin => guest.host().next_input(u32::MAX).len() as u64,
        _ => match descriptor.node() {
            Some(at) => guest.volume(at.volume)?.stat(at.node)?.size.saturating_sub(descriptor.offset),
            None => 0,
        },
    };
    let flags = if bytes == 0 && descriptor.object == Object::Stdin { HANGUP } else { 0 };
    Ok(Readiness::Ready { bytes, flags })
}

fn put(guest: &mut Guest<'_, '_>, subscription: &Subscription, at: u32) -> Result<()> {
    let mut event = [0; EVENT_BYTES as usize];
    event[..8].copy_from_slice(&subscription.userdata.to_le_bytes());
    event[10] = subscription.tag;
    match subscription.readiness {
        Readiness::Clock { .. } => {}
        Readiness::Failed(errno) => event[8..10].copy_from_slice(&(errno as u16).to_le_bytes()),
        Readiness::Ready { bytes, flags } => {
            event[16..24].copy_from_slice(&bytes.to_le_bytes());
            event[24..26].copy_from_slice(&flags.to_le_bytes());
        }
    }
    guest.store(at, &event)
}
