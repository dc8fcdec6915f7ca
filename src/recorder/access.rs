//! The accesses of a host function to the run that called it.

use crate::data::outcome::Level;

/// One access of a host function, before it is recorded.
#[cfg_attr(not(feature = "receipt"), expect(dead_code, reason = "accesses are recorded with the feature only"))]
pub(crate) enum Access<'a> {
    Read { ptr: u32, len: u32, bytes: &'a [u8] },
    Write { ptr: u32, bytes: &'a [u8] },
    Charge { fuel: u64 },
    Output { bytes: &'a [u8] },
    Log { level: Level, text: &'a str },
}
