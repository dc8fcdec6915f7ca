//! WebAssembly values and types, independent of the engine.

#[cfg(feature = "receipt")]
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, hash};

use serde::{Deserialize, Serialize};

/// A WebAssembly value.
///
/// Values are compared by their bits: two NaNs with the same bits are equal, 0.0 and -0.0 are not.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Value {
    /// A 32-bit integer, signed or unsigned.
    I32(i32),
    /// A 64-bit integer, signed or unsigned.
    I64(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// A 128-bit vector, little-endian lanes.
    V128(u128),
}

impl Value {
    /// Returns the type of this value.
    pub fn ty(&self) -> ValueType {
        match self {
            Value::I32(_) => ValueType::I32,
            Value::I64(_) => ValueType::I64,
            Value::F32(_) => ValueType::F32,
            Value::F64(_) => ValueType::F64,
            Value::V128(_) => ValueType::V128,
        }
    }

    fn bits(&self) -> (ValueType, u128) {
        let bits = match *self {
            Value::I32(v) => u128::from(v as u32),
            Value::I64(v) => u128::from(v as u64),
            Value::F32(v) => u128::from(v.to_bits()),
            Value::F64(v) => u128::from(v.to_bits()),
            Value::V128(v) => v,
        };
        (self.ty(), bits)
    }

    /// Formats type and value without loss: `i32:5`, floats as their bits.
    #[cfg(feature = "receipt")]
    pub(crate) fn exact(&self) -> String {
        match self {
            Value::F32(v) => alloc::format!("f32:{:#010x}", v.to_bits()),
            Value::F64(v) => alloc::format!("f64:{:#018x}", v.to_bits()),
            other => alloc::format!("{}:{other}", other.ty()),
        }
    }

    /// Parses the form of [`exact`](Self::exact).
    #[cfg(feature = "receipt")]
    pub(crate) fn from_exact(text: &str) -> Option<Value> {
        let (ty, text) = text.split_once(':')?;
        let bits = || u128::from_str_radix(text.strip_prefix("0x")?, 16).ok();
        Some(match ty {
            "i32" => Value::I32(text.parse().ok()?),
            "i64" => Value::I64(text.parse().ok()?),
            "f32" => Value::F32(f32::from_bits(bits()?.try_into().ok()?)),
            "f64" => Value::F64(f64::from_bits(bits()?.try_into().ok()?)),
            "v128" => Value::V128(bits()?),
            _ => return None,
        })
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Value {}

impl hash::Hash for Value {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

impl fmt::Display for Value {
    /// Formats numbers in decimal, very large and very small ones with an exponent, so that parsing returns the
    /// same number; a NaN with its bits; vectors in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::I32(v) => write!(f, "{v}"),
            Value::I64(v) => write!(f, "{v}"),
            Value::F32(v) if v.is_nan() => write!(f, "nan:{:#010x}", v.to_bits()),
            Value::F64(v) if v.is_nan() => write!(f, "nan:{:#018x}", v.to_bits()),
            Value::F32(v) if is_plain(v.into()) => write!(f, "{v}"),
            Value::F64(v) if is_plain(v) => write!(f, "{v}"),
            Value::F32(v) => write!(f, "{v:e}"),
            Value::F64(v) => write!(f, "{v:e}"),
            Value::V128(v) => write!(f, "{v:#034x}"),
        }
    }
}

/// Returns whether a number is written without an exponent; others could have 300 digits.
fn is_plain(v: f64) -> bool {
    let magnitude = if v < 0.0 { -v } else { v };
    v == 0.0 || v.is_infinite() || (1e-5..1e16).contains(&magnitude)
}

/// Type of a WebAssembly value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `v128`
    V128,
    /// `funcref`
    FuncRef,
    /// `externref`
    ExternRef,
}

impl ValueType {
    /// Returns a slice of this one type.
    pub(crate) const fn as_slice(self) -> &'static [ValueType] {
        match self {
            ValueType::I32 => &[ValueType::I32],
            ValueType::I64 => &[ValueType::I64],
            ValueType::F32 => &[ValueType::F32],
            ValueType::F64 => &[ValueType::F64],
            ValueType::V128 => &[ValueType::V128],
            ValueType::FuncRef => &[ValueType::FuncRef],
            ValueType::ExternRef => &[ValueType::ExternRef],
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ValueType::I32 => "i32",
            ValueType::I64 => "i64",
            ValueType::F32 => "f32",
            ValueType::F64 => "f64",
            ValueType::V128 => "v128",
            ValueType::FuncRef => "funcref",
            ValueType::ExternRef => "externref",
        })
    }
}

/// Type of a function: parameters and results in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FuncType {
    /// Parameter types in order.
    pub params: Vec<ValueType>,
    /// Result types in order.
    pub results: Vec<ValueType>,
}

impl FuncType {
    /// Returns a function type with these parameters and results.
    pub fn new(params: &[ValueType], results: &[ValueType]) -> Self {
        FuncType { params: params.to_vec(), results: results.to_vec() }
    }
}

impl fmt::Display for FuncType {
    /// Formats the type as `(i32, i64) -> f32`, `() -> ()`, `() -> (i32, i32)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, types: &[ValueType]) -> fmt::Result {
            f.write_str("(")?;
            for (i, ty) in types.iter().enumerate() {
                write!(f, "{}{ty}", if i == 0 { "" } else { ", " })?;
            }
            f.write_str(")")
        }
        list(f, &self.params)?;
        f.write_str(" -> ")?;
        match self.results.as_slice() {
            [one] => write!(f, "{one}"),
            many => list(f, many),
        }
    }
}
