//! Functions of WASI preview 1 and its predecessor: checks, charges and dispatch. The input, output and log of the run are
//! the standard streams; the rest is the virtual system.

use alloc::boxed::Box;
use core::mem;

use wasmi::{Caller, Func, Store, Val};

use self::guest::{Args, Guest};
use super::{Host, enter};
use crate::{
    abi::{
        name::Name,
        wasi::{Call, Function, Param, Snapshot},
    },
    config::wasi::Wasi,
    data::files::Changes,
    engine::meter,
    error::StopReason,
    wasi::{
        Roots, State,
        errno::{self, CallError, Result},
        rights,
    },
};

mod clock;
mod dir;
mod fd;
mod guest;
mod io;
mod log;
mod path;
mod poll;
mod process;
mod random;
mod script;
mod stat;

pub(crate) use self::script::make as make_script;

/// Creates the system of a run. `dot` also preopens the root under the name `.`.
pub(crate) fn start(host: &mut Host, config: &Wasi, mounted: &Roots, dot: bool) {
    host.wasi = Some(Box::new(State::new(config, &host.limits, mounted, dot, &mut host.recorder)));
}

/// Logs the last, unterminated line of the error stream, and returns the changes of files.
pub(crate) fn finish(host: &mut Host) -> core::result::Result<Changes, StopReason> {
    let Some(state) = &mut host.wasi else { return Ok(Changes::new()) };
    let (changes, mut stderr) = (state.changes(), mem::take(&mut state.stderr));
    stderr.flush(host)?;
    changes
}

/// Makes a function of a snapshot.
pub(crate) fn make(store: &mut Store<Host>, snapshot: Snapshot, function: &'static Function) -> Func {
    let name = Name::new(snapshot.module(), function.name);
    Func::new(store, function.ty().to_engine(), move |caller: Caller<'_, Host>, params: &[Val], results: &mut [Val]| {
        let errno = enter(caller, &name, |caller| {
            let mut guest = Guest { caller, name: &name, snapshot };
            handle(&mut guest, function, &Args(params))
        })?;
        if let Some(result) = results.first_mut() {
            *result = Val::I32(errno);
        }
        Ok(())
    })
}

/// Performs a call, and returns the error number for the guest; 0 is success.
fn handle(guest: &mut Guest<'_, '_>, function: &Function, args: &Args<'_>) -> core::result::Result<i32, StopReason> {
    check_and_charge(guest, function.params, args)?;
    let result = call(guest, function.call, args);
    if !matches!(result, Err(CallError::Stop(_))) {
        charge_volumes(guest)?;
    }
    match result {
        Ok(()) => Ok(0),
        Err(CallError::Errno(errno)) => Ok(errno as i32),
        Err(CallError::Stop(reason)) => Err(reason),
    }
}

/// Charges for work of the volumes that is not charged yet; resolving paths is charged when it is done.
fn charge_volumes(guest: &mut Guest<'_, '_>) -> core::result::Result<(), StopReason> {
    let Ok(state) = guest.state() else { return Ok(()) };
    let work = state.volumes.iter_mut().fold(0u64, |sum, volume| sum.saturating_add(volume.take_work()));
    meter::charge(&mut *guest.caller, work.saturating_mul(guest::ITEM))
}

/// Checks every memory range in the parameters, used or not, and charges the call for the bytes it always moves:
/// results, paths and lists of buffers.
fn check_and_charge(
    guest: &mut Guest<'_, '_>,
    params: &[Param],
    args: &Args<'_>,
) -> core::result::Result<(), StopReason> {
    let (mut at, mut moved) = (0, 0);
    for param in params {
        let ptr = args.u32(at);
        let (len, counts) = match param {
            Param::I32(_) | Param::I64(_) => (0, false),
            Param::Ptr(_, bytes) => (*bytes, true),
            Param::Filestat(_) => (guest.snapshot.filestat_bytes(), true),
            Param::Path(_) => (args.u32(at + 1), true),
            Param::Buffer(_) => (args.u32(at + 1), false),
            // The length saturates at the 32-bit maximum, which exceeds every memory.
            Param::Buffers(_) => (args.u32(at + 1).saturating_mul(8), true),
        };
        guest.check(ptr, len)?;
        moved += if counts { u64::from(len) } else { 0 };
        at += param.types().len();
    }
    meter::charge(&mut *guest.caller, meter::host_call(moved))
}

/// Dispatches a call to its implementation.
fn call(guest: &mut Guest<'_, '_>, call: Call, a: &Args<'_>) -> Result<()> {
    match call {
        Call::ArgsGet => process::args_get(guest, a.u32(0), a.u32(1)),
        Call::ArgsSizesGet => process::args_sizes_get(guest, a.u32(0), a.u32(1)),
        Call::EnvironGet => process::environ_get(guest, a.u32(0), a.u32(1)),
        Call::EnvironSizesGet => process::environ_sizes_get(guest, a.u32(0), a.u32(1)),
        Call::ClockResGet => clock::res_get(guest, a.u32(0), a.u32(1)),
        Call::ClockTimeGet => clock::time_get(guest, a.u32(0), a.u32(2)),
        Call::FdAdvise => stat::advise(guest, a.u32(0), a.u64(1), a.u64(2), a.u32(3)),
        Call::FdAllocate => stat::allocate(guest, a.u32(0), a.u64(1), a.u64(2)),
        Call::FdClose => fd::close(guest, a.u32(0)),
        Call::FdDatasync => fd::sync(guest, a.u32(0), rights::FD_DATASYNC),
        Call::FdFdstatGet => fd::fdstat_get(guest, a.u32(0), a.u32(1)),
        Call::FdFdstatSetFlags => fd::fdstat_set_flags(guest, a.u32(0), a.u32(1)),
        Call::FdFdstatSetRights => fd::fdstat_set_rights(guest, a.u32(0), a.u64(1), a.u64(2)),
        Call::FdFilestatGet => stat::get(guest, a.u32(0), a.u32(1)),
        Call::FdFilestatSetSize => stat::set_size(guest, a.u32(0), a.u64(1)),
        Call::FdFilestatSetTimes => stat::set_times(guest, a.u32(0), a.u64(1), a.u64(2), a.u32(3)),
        Call::FdPread => io::pread(guest, a.u32(0), a.buffers(1), a.u64(3), a.u32(4)),
        Call::FdPrestatGet => fd::prestat_get(guest, a.u32(0), a.u32(1)),
        Call::FdPrestatDirName => fd::prestat_dir_name(guest, a.u32(0), a.u32(1), a.u32(2)),
        Call::FdPwrite => io::pwrite(guest, a.u32(0), a.buffers(1), a.u64(3), a.u32(4)),
        Call::FdRead => io::read(guest, a.u32(0), a.buffers(1), a.u32(3)),
        Call::FdReaddir => dir::readdir(guest, a.u32(0), a.u32(1), a.u32(2), a.u64(3), a.u32(4)),
        Call::FdRenumber => fd::renumber(guest, a.u32(0), a.u32(1)),
        Call::FdSeek => io::seek(guest, a.u32(0), a.u64(1) as i64, a.u32(2), a.u32(3)),
        Call::FdSync => fd::sync(guest, a.u32(0), rights::FD_SYNC),
        Call::FdTell => io::tell(guest, a.u32(0), a.u32(1)),
        Call::FdWrite => io::write(guest, a.u32(0), a.buffers(1), a.u32(3)),
        Call::PathCreateDirectory => path::create_directory(guest, a.u32(0), a.path(1)),
        Call::PathFilestatGet => stat::get_at(guest, a.u32(0), a.u32(1), a.path(2), a.u32(4)),
        Call::PathFilestatSetTimes => {
            stat::set_times_at(guest, a.u32(0), a.u32(1), a.path(2), (a.u64(4), a.u64(5), a.u32(6)))
        }
        Call::PathLink => path::link(guest, a.u32(0), a.u32(1), a.path(2), a.u32(4), a.path(5)),
        Call::PathOpen => {
            let open = path::OpenArgs {
                flags: a.u32(1),
                oflags: a.u32(4),
                base: a.u64(5),
                inheriting: a.u64(6),
                fdflags: a.u32(7),
            };
            path::open(guest, a.u32(0), a.path(2), &open, a.u32(8))
        }
        Call::PathReadlink => path::readlink(guest, a.u32(0), a.path(1), (a.u32(3), a.u32(4)), a.u32(5)),
        Call::PathRemoveDirectory => path::remove_directory(guest, a.u32(0), a.path(1)),
        Call::PathRename => path::rename(guest, a.u32(0), a.path(1), a.u32(3), a.path(4)),
        Call::PathSymlink => path::symlink(guest, a.path(0), a.u32(2), a.path(3)),
        Call::PathUnlinkFile => path::unlink_file(guest, a.u32(0), a.path(1)),
        Call::PollOneoff => poll::oneoff(guest, a.u32(0), a.u32(1), a.u32(2), a.u32(3)),
        Call::ProcExit => process::exit(guest, a.u32(0)),
        Call::ProcRaise => Err(errno::Errno::NoSys.into()),
        Call::SchedYield => Ok(()),
        Call::RandomGet => random::get(guest, a.u32(0), a.u32(1)),
        Call::SockAccept | Call::SockRecv | Call::SockSend | Call::SockShutdown => fd::reject_socket(guest, a.u32(0)),
    }
}
