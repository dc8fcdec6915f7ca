//! What errors of the host are to a guest.

use std::io;

use rustix::io::Errno as Host;

use crate::wasi::errno::{Errno, Fail};

impl From<io::Error> for Fail {
    fn from(error: io::Error) -> Self {
        Fail::Errno(errno(&error))
    }
}

impl From<Host> for Fail {
    fn from(error: Host) -> Self {
        io::Error::from(error).into()
    }
}

/// The number for an error of the host; without its text, which is the host's.
pub(super) fn errno(error: &io::Error) -> Errno {
    let Some(host) = Host::from_io_error(error) else {
        // Found by `cap-std` itself: a path that would lead out.
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
        // Devices and sockets are refused, however that comes out.
        Host::NXIO | Host::NODEV | Host::OPNOTSUPP => Errno::NotCapable,
        _ => Errno::Io,
    }
}
