//! The binary encoding of values, in cache entries and in messages between a process and its worker.
//!
//! A value has one encoding. Others may have chosen the bytes that are decoded: decoding allocates memory only for
//! bytes that are there, recurses no deeper than the types do, and returns `None` for bytes that no encoder writes.
//!
//! The crate `postcard` has a similar format. But it accepts integers that are longer than they need to be and bytes
//! after the value, and it needs serde's form of the types, which here is that of JSON: `postcard` cannot decode
//! `flatten` and `tag`, and public types would all have to be `Deserialize`.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

#[cfg(test)]
pub(crate) mod tests;
mod types;

/// A type with a binary encoding.
pub(crate) trait Codec: Sized {
    /// Appends the encoding of the value.
    fn put(&self, to: &mut Vec<u8>);

    /// Decodes a value from the front and removes its bytes.
    fn take(from: &mut &[u8]) -> Option<Self>;

    /// Decodes a value that takes all of these bytes.
    fn read(mut bytes: &[u8]) -> Option<Self> {
        Self::take(&mut bytes).filter(|_| bytes.is_empty())
    }
}

/// Encodes numbers by their bytes. This keeps the payload of a NaN.
macro_rules! fixed {
    ($($number:ty)*) => {$(
        impl Codec for $number {
            fn put(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(<$number>::from_le_bytes(*bytes))
            }
        }
    )*};
}
fixed!(u8 i32 i64 u128 f32 f64);

/// Unsigned LEB128, in the fewest bytes.
impl Codec for u64 {
    fn put(&self, to: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            to.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        to.push(rest as u8);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = u8::take(from)?;
            let digit = u64::from(byte & 0x7f);
            number |= digit << shift;
            if byte < 0x80 {
                // Neither a last digit of zero nor bits beyond the 64th.
                let minimal = digit != 0 || shift == 0;
                return Some(number).filter(|_| minimal && digit << shift >> shift == digit);
            }
        }
        None
    }
}

impl Codec for u32 {
    fn put(&self, to: &mut Vec<u8>) {
        u64::from(*self).put(to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        u64::take(from)?.try_into().ok()
    }
}

impl Codec for bool {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// Appends the length of a list or a text.
pub(crate) fn put_len(len: usize, to: &mut Vec<u8>) {
    (len as u64).put(to);
}

/// Decodes the length of a list or a text. It is at most the number of bytes that follow: no item takes less than one.
pub(crate) fn take_len(from: &mut &[u8]) -> Option<usize> {
    usize::try_from(u64::take(from)?).ok().filter(|len| *len <= from.len())
}

/// Appends bytes with their number.
pub(crate) fn put_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    put_len(bytes.len(), to);
    to.extend_from_slice(bytes);
}

/// Decodes what [`put_bytes`] appended.
pub(crate) fn take_bytes<'b>(from: &mut &'b [u8]) -> Option<&'b [u8]> {
    let len = take_len(from)?;
    let (bytes, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(bytes)
}

impl Codec for String {
    fn put(&self, to: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        core::str::from_utf8(take_bytes(from)?).ok().map(String::from)
    }
}

impl<T: Codec> Codec for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        put_len(self.len(), to);
        self.iter().for_each(|item| item.put(to));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        // Not collected, which would reserve memory for items that may not be there.
        let mut items = Vec::new();
        for _ in 0..take_len(from)? {
            items.push(T::take(from)?);
        }
        Some(items)
    }
}

impl<K: Codec + Ord, V: Codec> Codec for BTreeMap<K, V> {
    fn put(&self, to: &mut Vec<u8>) {
        put_len(self.len(), to);
        for (key, value) in self {
            key.put(to);
            value.put(to);
        }
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut map = BTreeMap::new();
        for _ in 0..take_len(from)? {
            let key = K::take(from)?;
            if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return None;
            }
            map.insert(key, V::take(from)?);
        }
        Some(map)
    }
}

impl<T: Codec + Ord> Codec for BTreeSet<T> {
    fn put(&self, to: &mut Vec<u8>) {
        put_len(self.len(), to);
        self.iter().for_each(|item| item.put(to));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let items = Vec::take(from)?;
        items.is_sorted_by(|a, b| a < b).then(|| items.into_iter().collect())
    }
}

impl<T: Codec> Codec for Option<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_some().put(to);
        self.iter().for_each(|value| value.put(to));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(if bool::take(from)? { Some(T::take(from)?) } else { None })
    }
}

impl<T: Codec> Codec for Box<T> {
    fn put(&self, to: &mut Vec<u8>) {
        (**self).put(to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        T::take(from).map(Box::new)
    }
}

/// Implements [`Codec`] for structs: all fields in order.
macro_rules! structs {
    ($($record:ident { $($field:ident),* $(,)? })*) => {$(
        impl $crate::data::codec::Codec for $record {
            fn put(&self, to: &mut alloc::vec::Vec<u8>) {
                let $record { $($field),* } = self;
                $($crate::data::codec::Codec::put($field, to);)*
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                $(let $field = $crate::data::codec::Codec::take(from)?;)*
                Some($record { $($field),* })
            }
        }
    )*};
}

/// Implements [`Codec`] for enums: the number of the variant, then its fields.
macro_rules! enums {
    ($($choice:ident {
        $($number:literal $variant:ident $(($($item:ident),*))? $({ $($field:ident),* })?),* $(,)?
    })*) => {$(
        impl $crate::data::codec::Codec for $choice {
            fn put(&self, to: &mut alloc::vec::Vec<u8>) {
                match self {
                    $($choice::$variant $(($($item),*))? $({ $($field),* })? => {
                        to.push($number);
                        $($($crate::data::codec::Codec::put($item, to);)*)?
                        $($($crate::data::codec::Codec::put($field, to);)*)?
                    })*
                }
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                Some(match <u8 as $crate::data::codec::Codec>::take(from)? {
                    $($number => {
                        $($(let $item = $crate::data::codec::Codec::take(from)?;)*)?
                        $($(let $field = $crate::data::codec::Codec::take(from)?;)*)?
                        $choice::$variant $(($($item),*))? $({ $($field),* })?
                    })*
                    _ => return None,
                })
            }
        }
    )*};
}

pub(crate) use enums;
pub(crate) use structs;
