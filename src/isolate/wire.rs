//! The binary encoding of values between a process and its worker.
//!
//! A guest may have taken over the worker whose bytes are decoded. Decoding allocates memory only for bytes that are
//! there, recurses no deeper than the types do, and returns `None` for bytes that no worker writes.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};

use super::constants;

/// A type with a binary encoding.
pub(super) trait Wire: Sized {
    /// Appends the encoding of the value.
    fn put(&self, to: &mut Vec<u8>);

    /// Decodes a value from the front and removes its bytes.
    fn take(from: &mut &[u8]) -> Option<Self>;

    /// Decodes a value that takes all of these bytes.
    fn read(mut bytes: &[u8]) -> Option<Self> {
        Self::take(&mut bytes).filter(|_| bytes.is_empty())
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Wire for $number {
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
numbers!(u8 u32 u64 u128 i32 i64);

/// Encodes floats by their bits, which keeps the payload of a NaN.
macro_rules! floats {
    ($($float:ty as $bits:ty),*) => {$(
        impl Wire for $float {
            fn put(&self, to: &mut Vec<u8>) {
                self.to_bits().put(to);
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                <$bits>::take(from).map(<$float>::from_bits)
            }
        }
    )*};
}
floats!(f32 as u32, f64 as u64);

impl Wire for bool {
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

impl Wire for String {
    fn put(&self, to: &mut Vec<u8>) {
        put_str(self, to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        take_str(from).map(String::from)
    }
}

/// A string constant of this crate. Decoding accepts only known ones.
impl Wire for &'static str {
    fn put(&self, to: &mut Vec<u8>) {
        put_str(self, to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        constants::find(take_str(from)?)
    }
}

fn put_str(text: &str, to: &mut Vec<u8>) {
    (text.len() as u64).put(to);
    to.extend_from_slice(text.as_bytes());
}

fn take_str<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    let size = usize::try_from(u64::take(from)?).ok()?;
    let (text, rest) = from.split_at_checked(size)?;
    *from = rest;
    core::str::from_utf8(text).ok()
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        (self.len() as u64).put(to);
        self.iter().for_each(|item| item.put(to));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut items = Vec::new();
        for _ in 0..u64::take(from)? {
            items.push(T::take(from)?);
        }
        Some(items)
    }
}

impl<V: Wire> Wire for BTreeMap<String, V> {
    fn put(&self, to: &mut Vec<u8>) {
        (self.len() as u64).put(to);
        for (name, value) in self {
            name.put(to);
            value.put(to);
        }
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut map = BTreeMap::new();
        for _ in 0..u64::take(from)? {
            map.insert(String::take(from)?, V::take(from)?);
        }
        Some(map)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_some().put(to);
        self.iter().for_each(|value| value.put(to));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(if bool::take(from)? { Some(T::take(from)?) } else { None })
    }
}

impl<T: Wire> Wire for Box<T> {
    fn put(&self, to: &mut Vec<u8>) {
        (**self).put(to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        T::take(from).map(Box::new)
    }
}

/// Implements [`Wire`] for structs: all fields in order.
macro_rules! structs {
    ($($record:ident { $($field:ident),* $(,)? })*) => {$(
        impl $crate::isolate::wire::Wire for $record {
            fn put(&self, to: &mut alloc::vec::Vec<u8>) {
                let $record { $($field),* } = self;
                $($crate::isolate::wire::Wire::put($field, to);)*
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                $(let $field = $crate::isolate::wire::Wire::take(from)?;)*
                Some($record { $($field),* })
            }
        }
    )*};
}

/// Implements [`Wire`] for enums: the number of the variant, then its fields.
macro_rules! enums {
    ($($choice:ident {
        $($number:literal $variant:ident $(($($item:ident),*))? $({ $($field:ident),* })?),* $(,)?
    })*) => {$(
        impl $crate::isolate::wire::Wire for $choice {
            fn put(&self, to: &mut alloc::vec::Vec<u8>) {
                match self {
                    $($choice::$variant $(($($item),*))? $({ $($field),* })? => {
                        to.push($number);
                        $($($crate::isolate::wire::Wire::put($item, to);)*)?
                        $($($crate::isolate::wire::Wire::put($field, to);)*)?
                    })*
                }
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                Some(match u8::take(from)? {
                    $($number => {
                        $($(let $item = $crate::isolate::wire::Wire::take(from)?;)*)?
                        $($(let $field = $crate::isolate::wire::Wire::take(from)?;)*)?
                        $choice::$variant $(($($item),*))? $({ $($field),* })?
                    })*
                    _ => return None,
                })
            }
        }
    )*};
}

pub(super) use enums;
pub(super) use structs;
