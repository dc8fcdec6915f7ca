//! Strings of AssemblyScript: UTF-16 units in the guest's memory, whose size in bytes is in the four bytes before them.

use core::ops::Range;

use wasmi::Caller;

use super::{Host, check_range, checked, memory_and_host};
use crate::{
    abi::name::Name,
    error::{AbiFault, GuestFault, StopReason},
};

/// Returns the checked range of the string at a pointer. A null pointer is the empty string.
pub(super) fn range(caller: &mut Caller<'_, Host>, name: &Name, ptr: u32) -> Result<Range<usize>, StopReason> {
    if ptr == 0 {
        return Ok(0..0);
    }
    let (memory, _) = memory_and_host(caller, name)?;
    let Some(start) = ptr.checked_sub(4) else {
        let memory = memory.len() as u64;
        return Err(StopReason::Guest(GuestFault::Abi(AbiFault::Range {
            function: name.in_faults(),
            ptr,
            len: 0,
            memory,
        })));
    };
    let header = check_range(caller, name, start, 4)?;
    let (memory, _) = memory_and_host(caller, name)?;
    let mut size = [0; 4];
    size.copy_from_slice(checked(memory, header));
    check_range(caller, name, ptr, u32::from_le_bytes(size))
}

/// Returns the characters of a string; what is not UTF-16 becomes U+FFFD. An odd byte at the end is left out.
pub(super) fn chars(bytes: &[u8]) -> impl Iterator<Item = char> + Clone {
    let (units, _) = bytes.as_chunks();
    char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit)))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
}
