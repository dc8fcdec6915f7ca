//! Conversion of host errors to WASI error numbers.

use std::io;

use rustix::io::Errno as Host;

use crate::wasi::errno::{CallError, Errno};

impl From<io::Error> for CallError {
    fn from(error: io::Error) -> Self {
        CallError::Errno(errno(&error))
    }
}

impl From<Host> for CallError {
    fn from(error: Host) -> Self {
        io::Error::from(error).into()
    }
}

/// Returns the error number for an error of the host. Its text is dropped, since it may reveal details of the host.
pub(super) fn errno(error: &io::Error) -> Errno {
    let Some(host) = Host::from_io_error(error) else {
        // Raised by `cap-std` itself for a path that would leave the directory.
        return if error.kind() == io::ErrorKind::PermissionDenied { Errno::NotCapable } else { Errno::Io };
    };
    match host {
        Host::ACCESS => Errno::Acces,
        Host::PERM => Errno::Perm,
        Host::NOENT | Host::STALE => Errno::NoEnt,
        Host::EXIST => Errno::Exist,
        Host::NOTDIR => Errno::NotDir,
        Host::ISDIR => Errno::IsDir,
        Host::NOTEMPTY => Errno::NotEmpty,
        Host::LOOP => Errno::Loop,
        Host::NAMETOOLONG => Errno::NameTooLong,
        Host::NOSPC => Errno::NoSpc,
        Host::DQUOT => Errno::DQuot,
        Host::FBIG => Errno::FBig,
        Host::ROFS => Errno::RoFs,
        Host::MFILE => Errno::MFile,
        Host::NFILE => Errno::NFile,
        Host::NOMEM => Errno::NoMem,
        Host::BUSY => Errno::Busy,
        Host::TXTBSY => Errno::TxtBsy,
        Host::INVAL => Errno::Inval,
        Host::ILSEQ => Errno::IlSeq,
        Host::XDEV => Errno::XDev,
        Host::MLINK => Errno::MLink,
        Host::OVERFLOW => Errno::Overflow,
        Host::AGAIN => Errno::Again,
        // Errors of opening devices and sockets, which are refused.
        Host::NXIO | Host::NODEV | Host::OPNOTSUPP => Errno::NotCapable,
        _ => Errno::Io,
    }
}
