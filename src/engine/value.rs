//! Conversions of values and types from and to those of the engine and the parser.

use alloc::vec::Vec;

use crate::data::value::{FuncType, Value, ValueType};

impl Value {
    /// Converts the value to one of the engine.
    pub(crate) fn to_engine(self) -> wasmi::Val {
        match self {
            Value::I32(v) => wasmi::Val::I32(v),
            Value::I64(v) => wasmi::Val::I64(v),
            Value::F32(v) => wasmi::Val::F32(wasmi::F32::from_bits(v.to_bits())),
            Value::F64(v) => wasmi::Val::F64(wasmi::F64::from_bits(v.to_bits())),
            Value::V128(v) => wasmi::Val::V128(v.into()),
        }
    }

    /// Converts a value of the engine. Returns `None` for references, which are valid only in their store.
    pub(crate) fn from_engine(value: &wasmi::Val) -> Option<Value> {
        Some(match value {
            wasmi::Val::I32(v) => Value::I32(*v),
            wasmi::Val::I64(v) => Value::I64(*v),
            wasmi::Val::F32(v) => Value::F32(f32::from_bits(v.to_bits())),
            wasmi::Val::F64(v) => Value::F64(f64::from_bits(v.to_bits())),
            wasmi::Val::V128(v) => Value::V128(v.as_u128()),
            wasmi::Val::FuncRef(_) | wasmi::Val::ExternRef(_) => return None,
        })
    }
}

impl ValueType {
    /// Converts a type of the parser. Returns `None` for types of disabled proposals.
    pub(crate) fn from_parser(ty: wasmparser::ValType) -> Option<ValueType> {
        Some(match ty {
            wasmparser::ValType::I32 => ValueType::I32,
            wasmparser::ValType::I64 => ValueType::I64,
            wasmparser::ValType::F32 => ValueType::F32,
            wasmparser::ValType::F64 => ValueType::F64,
            wasmparser::ValType::V128 => ValueType::V128,
            wasmparser::ValType::Ref(r) if r.is_func_ref() => ValueType::FuncRef,
            wasmparser::ValType::Ref(r) if r.is_extern_ref() => ValueType::ExternRef,
            wasmparser::ValType::Ref(_) => return None,
        })
    }

    /// Converts the type to one of the engine.
    pub(crate) fn to_engine(self) -> wasmi::ValType {
        match self {
            ValueType::I32 => wasmi::ValType::I32,
            ValueType::I64 => wasmi::ValType::I64,
            ValueType::F32 => wasmi::ValType::F32,
            ValueType::F64 => wasmi::ValType::F64,
            ValueType::V128 => wasmi::ValType::V128,
            ValueType::FuncRef => wasmi::ValType::FuncRef,
            ValueType::ExternRef => wasmi::ValType::ExternRef,
        }
    }
}

impl FuncType {
    /// Converts the type, which must have at most 1,000 parameters and as many results.
    pub(crate) fn to_engine(&self) -> wasmi::FuncType {
        let types = |list: &[ValueType]| list.iter().map(|ty| ty.to_engine()).collect::<Vec<_>>();
        wasmi::FuncType::new(types(&self.params), types(&self.results))
    }
}
