//! Values round trip, and have one encoding: other bytes are refused.

use std::{string::String, vec, vec::Vec};

use super::*;
use crate::data::{
    inspect::{CustomSection, Export, ExternType, GlobalType, Import, Inspection, MemoryType, TableType},
    value::{FuncType, ValueType},
};

pub(crate) fn encoded(value: &impl Codec) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.put(&mut bytes);
    bytes
}

/// Checks that a value round trips. Its bytes are then cut and mutated; checks that what is still decoded has exactly
/// these bytes, and returns how many were.
pub(crate) fn check<T: Codec>(value: &T) -> usize {
    let whole = encoded(value);
    let is_one = |bytes: &[u8]| match T::read(bytes) {
        Some(read) => {
            assert_eq!(encoded(&read), bytes);
            true
        }
        None => false,
    };
    assert!(is_one(&whole));
    let cuts = (0..whole.len()).filter(|end| is_one(&whole[..*end])).count();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut mutated = || {
        let mut bytes = whole.clone();
        for _ in 0..=next() % 3 {
            let at = next() as usize % bytes.len();
            match next() % 8 {
                0 => bytes.insert(at, next() as u8),
                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                2 => bytes[at] = 0,
                3 => bytes[at] = 255,
                4 => bytes[at] ^= 0x80,
                5 => bytes[at] = next() as u8,
                _ => bytes[at] ^= 1,
            }
        }
        bytes
    };
    cuts + (0..2_000).filter(|_| is_one(&mutated())).count()
}

fn inspection() -> Inspection {
    let function = ExternType::Function(FuncType::new(&[ValueType::I32, ValueType::V128], &[ValueType::ExternRef]));
    let memory = MemoryType { min_pages: 1, max_pages: Some(u64::MAX) };
    let table = TableType { element: ValueType::FuncRef, min: 300, max: None };
    let global = ExternType::Global(GlobalType { value: ValueType::F64, mutable: true });
    let export = |ty| Export { name: "ü".into(), ty };
    Inspection {
        size_bytes: 1 << 40,
        name: Some(String::new()),
        imports: vec![Import { module: "env".into(), name: "f".into(), ty: function.clone() }],
        exports: [function, ExternType::Memory(memory), ExternType::Table(table), global].map(export).into(),
        memories: vec![memory],
        tables: vec![table],
        functions: 127,
        globals: 128,
        data_segments: 0,
        data_bytes: u64::MAX,
        element_segments: 1,
        start_function: true,
        custom_sections: vec![CustomSection { name: "name".into(), size_bytes: 16_384 }],
    }
}

#[test]
fn integers_are_as_short_as_they_can_be() {
    for (number, bytes) in [
        (0, &[0][..]),
        (0x7f, &[0x7f]),
        (0x80, &[0x80, 1]),
        (u32::MAX.into(), &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        (u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
    ] {
        assert_eq!(encoded(&number), bytes);
        assert_eq!(u64::read(bytes), Some(number));
        assert_eq!(u32::read(bytes), u32::try_from(number).ok());
    }
    for shift in 0..64 {
        check(&(1u64 << shift));
    }
    let longer: [&[u8]; 5] = [
        &[0x80, 0],
        &[0xff, 0x80, 0],
        &[0x80; 10],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
    ];
    for bytes in longer {
        assert_eq!(u64::read(bytes), None, "{bytes:?}");
    }
}

#[test]
fn values_round_trip() {
    assert_eq!(Inspection::read(&encoded(&inspection())), Some(inspection()));
    assert_eq!(i64::read(&encoded(&i64::MIN)), Some(i64::MIN));
    let nan = f32::from_bits(0x7fa0_0001);
    assert_eq!(f32::read(&encoded(&nan)).map(f32::to_bits), Some(nan.to_bits()));
    let map = BTreeMap::from([(String::from("a"), Some(1u32)), ("b".into(), None)]);
    assert_eq!(Codec::read(&encoded(&map)), Some(map));
}

#[test]
fn every_cut_is_refused() {
    let bytes = encoded(&inspection());
    for end in 0..bytes.len() {
        assert_eq!(Inspection::read(&bytes[..end]), None);
    }
    assert_eq!(Inspection::read(&[&bytes[..], &[0]].concat()), None);
}

#[test]
fn a_value_has_one_encoding() {
    assert!(check(&inspection()) > 100);
    check(&BTreeMap::from([(1u32, true), (2, false), (300, true)]));
    check(&BTreeSet::from([String::from("a"), "b".into(), "bc".into()]));
    check(&vec![Some(Box::new(1.5f64)), None]);
    // Neither equal keys nor other orders.
    assert_eq!(BTreeMap::<u8, u8>::read(&[2, 1, 0, 1, 0]), None);
    assert_eq!(BTreeMap::<u8, u8>::read(&[2, 2, 0, 1, 0]), None);
    assert_eq!(BTreeSet::<u8>::read(&[2, 1, 1]), None);
    assert_eq!(bool::read(&[2]), None);
    assert_eq!(String::read(&[1, 0xff]), None);
}

#[test]
fn a_length_is_at_most_that_of_the_bytes() {
    let mut bytes = encoded(&u64::MAX);
    bytes.extend([0; 64]);
    assert_eq!(Vec::<u8>::read(&bytes), None);
    assert_eq!(String::read(&bytes), None);
    assert_eq!(take_len(&mut &[3, 0, 0][..]), None);
    assert_eq!(take_len(&mut &[2, 0, 0][..]), Some(2));
}
