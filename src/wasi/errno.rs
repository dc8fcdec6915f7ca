//! Errors of WASI functions: an error number for the guest, or a stop of the run.

use serde::{Deserialize, Serialize};

use crate::error::StopReason;

/// Error numbers of the specification that occur here.
#[cfg_attr(not(all(feature = "fs", unix)), allow(dead_code, reason = "some come only from the host"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Errno {
    Acces = 2,
    Again = 6,
    BadF = 8,
    Busy = 10,
    DQuot = 19,
    Exist = 20,
    FBig = 22,
    IlSeq = 25,
    Inval = 28,
    Io = 29,
    IsDir = 31,
    Loop = 32,
    MFile = 33,
    MLink = 34,
    NameTooLong = 37,
    NFile = 41,
    NoEnt = 44,
    NoMem = 48,
    NoSpc = 51,
    NoSys = 52,
    NotDir = 54,
    NotEmpty = 55,
    NotSock = 57,
    NotSup = 58,
    Overflow = 61,
    Perm = 63,
    RoFs = 69,
    SPipe = 70,
    TxtBsy = 74,
    XDev = 75,
    NotCapable = 76,
}

/// Error of a WASI function.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The function returns this number to the guest.
    Errno(Errno),
    /// The run stops.
    Stop(StopReason),
}

pub(crate) type Result<T> = core::result::Result<T, CallError>;

impl From<Errno> for CallError {
    fn from(errno: Errno) -> Self {
        CallError::Errno(errno)
    }
}

impl From<StopReason> for CallError {
    fn from(reason: StopReason) -> Self {
        CallError::Stop(reason)
    }
}
