//! How a function of WASI fails: with a number for the guest, or with a stop of the run.

use serde::{Deserialize, Serialize};

use crate::error::StopReason;

/// Numbers of the specification, those that occur.
#[cfg_attr(not(all(feature = "fs", unix)), allow(dead_code, reason = "some only come from a host"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Errno {
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

/// Why a function did not do what it was to do.
#[derive(Debug)]
pub(super) enum Fail {
    /// The guest is told.
    Errno(Errno),
    /// The run ends.
    Stop(StopReason),
}

pub(super) type Result<T> = core::result::Result<T, Fail>;

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Self {
        Fail::Errno(errno)
    }
}

impl From<StopReason> for Fail {
    fn from(reason: StopReason) -> Self {
        Fail::Stop(reason)
    }
}
