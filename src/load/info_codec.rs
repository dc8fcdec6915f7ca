//! The codec of a `ModuleInfo`, with which a cached module is loaded without another scan.
//!
//! The bytes are trusted: they must come from a place that no other user can write to. Bytes that cannot be decoded
//! are harmless.

use alloc::vec::Vec;

use super::{
    bodies::ModuleInfo,
    form::{
        charge::Charge,
        edit::{Edit, Edits, Insert},
    },
};
use crate::data::codec::{Codec, put_len, structs, take_len};

/// Decodes the info of a module of this size; returns `None` if the bytes are not the encoding of one.
pub(super) fn read(bytes: &[u8], size: usize) -> Option<ModuleInfo> {
    ModuleInfo::read(bytes).filter(|info| fits(info, size as u64))
}

/// Returns whether an info belongs to a module of this size, and every edit is within the module.
fn fits(info: &ModuleInfo, size: u64) -> bool {
    let mut ends = info.edits.list.iter().map(|edit| u64::from(edit.at) + u64::from(edit.skip));
    info.inspection.size_bytes == size && ends.all(|end| end <= size)
}

structs! { ModuleInfo { inspection, start, work, instantiation, edits } }

/// Encodes the offset of an edit as its distance from the one before, so that decoded edits are in order.
impl Codec for Edits {
    fn put(&self, to: &mut Vec<u8>) {
        let Edits { list, bytes, uses_host_table } = self;
        uses_host_table.put(to);
        bytes.put(to);
        put_len(list.len(), to);
        let mut last = 0;
        for Edit { at, skip, insert } in list {
            (at - last).put(to);
            skip.put(to);
            insert.put(to);
            last = *at;
        }
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let (uses_host_table, bytes) = (Codec::take(from)?, Codec::take(from)?);
        let (mut list, mut at) = (Vec::new(), 0u32);
        for _ in 0..take_len(from)? {
            at = at.checked_add(Codec::take(from)?)?;
            list.push(Edit { at, skip: Codec::take(from)?, insert: Codec::take(from)? });
        }
        Some(Edits { list, bytes, uses_host_table })
    }
}

/// Encodes the variant in the lowest bits of the first number: most edits are charges of little fuel, in one byte.
impl Codec for Insert {
    fn put(&self, to: &mut Vec<u8>) {
        match *self {
            Insert::Charge(Charge { fuel, scoped }) => (u64::from(fuel) << 2 | u64::from(scoped) << 1 | 1).put(to),
            Insert::Bytes { from, len } => {
                (u64::from(len) << 1).put(to);
                from.put(to);
            }
        }
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let code = u64::take(from)?;
        Some(match code & 1 {
            1 => Insert::Charge(Charge { fuel: (code >> 2).try_into().ok()?, scoped: code & 2 != 0 }),
            _ => Insert::Bytes { len: (code >> 1).try_into().ok()?, from: Codec::take(from)? },
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{
        config::Config,
        data::codec::tests,
        load::{bodies, scan},
    };

    const WASM: &[u8] = include_bytes!("../../fixtures/guests/upper-rust.wasm");

    fn encoded() -> Vec<u8> {
        let config = Config::default();
        let scan = scan::scan(WASM, &config).unwrap();
        tests::encoded(&bodies::read(WASM, &config, scan).unwrap())
    }

    #[test]
    fn the_info_of_a_module_round_trips() {
        let bytes = encoded();
        let info = read(&bytes, WASM.len()).unwrap();
        assert!(info.edits.list.len() > 100 && info.edits.list.is_sorted_by_key(|edit| edit.at));
        assert_eq!(tests::encoded(&info), bytes);
        assert!(tests::check(&info) > 100);
    }

    #[test]
    fn an_info_of_another_module_is_refused() {
        let bytes = encoded();
        assert!(read(&bytes, WASM.len() - 1).is_none());
        let mut info = read(&bytes, WASM.len()).unwrap();
        info.edits.list.last_mut().unwrap().skip = WASM.len() as u32;
        assert!(read(&tests::encoded(&info), WASM.len()).is_none());
        // An offset beyond the largest: the distance from the one before is too large.
        let edits = |distance: u32| {
            let (charge, mut bytes) = ([0, 1], vec![0, 0, 2, 1]);
            bytes.extend(charge);
            distance.put(&mut bytes);
            bytes.extend(charge);
            Edits::read(&bytes)
        };
        assert!(edits(u32::MAX - 1).is_some() && edits(u32::MAX).is_none());
    }

    #[test]
    fn inserts_have_one_encoding() {
        for (fuel, scoped) in [(0, false), (1, true), (u32::MAX, true)] {
            tests::check(&Insert::Charge(Charge { fuel, scoped }));
        }
        tests::check(&Insert::Bytes { from: u32::MAX, len: u32::MAX });
        assert_eq!(Insert::read(&tests::encoded(&(1u64 << 34 | 1))), None);
        assert_eq!(Insert::read(&tests::encoded(&(1u64 << 33))), None);
    }
}
