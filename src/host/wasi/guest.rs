//! Calls of a guest: the arguments, its memory, and the state of its run.

use alloc::{borrow::ToOwned, string::String};
use core::ops::Range;

use wasmi::{Caller, Val};

use crate::{
    abi::{name::Name, wasi::Snapshot},
    engine::meter,
    error::{HostStop, StopReason},
    host::{self, Host},
    wasi::{
        State,
        clock::ClockId,
        errno::{Errno, Result},
    },
};

/// Maximum length of a path argument, in bytes.
const MAX_PATH_BYTES: usize = 4096;

/// Fuel for one buffer in a list, and for one name in a path.
pub(super) const ITEM: u64 = 4;

/// Arguments of a call; indices past the last read as 0.
pub(super) struct Args<'a>(pub(super) &'a [Val]);

/// Pointer and length, or pointer and count.
pub(super) type Pair = (u32, u32);

impl Args<'_> {
    pub(super) fn u32(&self, at: usize) -> u32 {
        self.u64(at) as u32
    }

    pub(super) fn u64(&self, at: usize) -> u64 {
        match self.0.get(at) {
            Some(Val::I32(value)) => u64::from(*value as u32),
            Some(Val::I64(value)) => *value as u64,
            _ => 0,
        }
    }

    pub(super) fn path(&self, at: usize) -> Pair {
        (self.u32(at), self.u32(at + 1))
    }

    pub(super) fn buffers(&self, at: usize) -> Pair {
        self.path(at)
    }
}

/// Guest, during a call.
pub(super) struct Guest<'a, 'c> {
    pub(super) caller: &'a mut Caller<'c, Host>,
    pub(super) name: &'a Name,
    pub(super) snapshot: Snapshot,
}

impl Guest<'_, '_> {
    /// Checks a range of the guest's memory, and returns it.
    pub(super) fn check(&mut self, ptr: u32, len: u32) -> core::result::Result<Range<usize>, StopReason> {
        host::check_range(self.caller, self.name, ptr, len)
    }

    /// Checks the range of `count` items of `bytes` bytes each, and returns it.
    pub(super) fn check_items(&mut self, ptr: u32, count: u32, bytes: u32) -> Result<Range<usize>> {
        // The length saturates at the 32-bit maximum, which exceeds every memory.
        Ok(self.check(ptr, count.saturating_mul(bytes))?)
    }

    pub(super) fn charge(&mut self, fuel: u64) -> Result<()> {
        Ok(meter::charge(&mut *self.caller, fuel)?)
    }

    /// Charges for moved bytes, in addition to the cost of the call itself.
    pub(super) fn charge_bytes(&mut self, bytes: u64) -> Result<()> {
        self.charge(bytes.div_ceil(meter::BYTES_PER_FUEL))
    }

    /// Returns the memory and the state of the run.
    pub(super) fn memory_and_host(&mut self) -> Result<(&mut [u8], &mut Host)> {
        Ok(host::memory_and_host(self.caller, self.name)?)
    }

    /// Returns the memory and the state of WASI.
    pub(super) fn memory_and_state(&mut self) -> Result<(&mut [u8], &mut State)> {
        let (memory, host) = host::memory_and_host(self.caller, self.name)?;
        Ok((memory, state_of(host)?))
    }

    pub(super) fn host(&mut self) -> &mut Host {
        self.caller.data_mut()
    }

    pub(super) fn state(&mut self) -> Result<&mut State> {
        state_of(self.caller.data_mut())
    }

    /// Returns the timestamp for changed files; 0 without clocks.
    pub(super) fn now(&mut self) -> Result<u64> {
        Ok(self.clocks()?.map_or(0, |now| now.get(ClockId::Realtime)))
    }

    /// Reads an array from memory.
    pub(super) fn load<const N: usize>(&mut self, ptr: u32) -> Result<[u8; N]> {
        let range = self.check(ptr, N as u32)?;
        let (memory, _) = self.memory_and_host()?;
        let mut bytes = [0; N];
        bytes.copy_from_slice(host::checked(memory, range));
        Ok(bytes)
    }

    /// Writes bytes to memory.
    pub(super) fn store(&mut self, ptr: u32, bytes: &[u8]) -> Result<()> {
        let range = self.check(ptr, u32::try_from(bytes.len()).unwrap_or(u32::MAX))?;
        let (memory, _) = self.memory_and_host()?;
        host::checked(memory, range).copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn store_u32(&mut self, ptr: u32, value: u32) -> Result<()> {
        self.store(ptr, &value.to_le_bytes())
    }

    pub(super) fn store_u64(&mut self, ptr: u32, value: u64) -> Result<()> {
        self.store(ptr, &value.to_le_bytes())
    }

    /// Reads a path, which must be UTF-8 without NUL.
    pub(super) fn path(&mut self, (ptr, len): Pair) -> Result<String> {
        if len as usize > MAX_PATH_BYTES {
            return Err(Errno::NameTooLong.into());
        }
        let range = self.check(ptr, len)?;
        let (memory, _) = self.memory_and_host()?;
        let path = core::str::from_utf8(host::checked(memory, range)).map_err(|_| Errno::IlSeq)?;
        if path.contains('\0') { Err(Errno::Inval.into()) } else { Ok(path.to_owned()) }
    }
}

fn state_of(host: &mut Host) -> Result<&mut State> {
    let state = host.wasi.as_deref_mut();
    state.ok_or_else(|| StopReason::Host(HostStop::Engine { message: "the state of WASI is missing".into() }).into())
}
