//! Rust types that correspond to WebAssembly types.

use alloc::vec::Vec;

use crate::data::value::{Value, ValueType};

/// Rust type of a WebAssembly value: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`.
pub trait Scalar: private::Scalar {}

impl<T: private::Scalar> Scalar for T {}

/// Parameters or results of a call: `()`, one [`Scalar`], or a tuple of up to sixteen.
pub trait Scalars: private::Scalars {}

impl<T: private::Scalars> Scalars for T {}

/// Invokes a macro with the names of no type, of one type, and so on up to sixteen.
macro_rules! each_arity {
    ($macro:ident) => {
        $crate::engine::scalar::each_arity!($macro, [] A B C D E G H I J K L M N O P Q);
    };
    ($macro:ident, [$($name:ident)*]) => {
        $macro!($($name)*);
    };
    ($macro:ident, [$($name:ident)*] $next:ident $($rest:ident)*) => {
        $macro!($($name)*);
        $crate::engine::scalar::each_arity!($macro, [$($name)* $next] $($rest)*);
    };
}

pub(crate) use each_arity;

#[expect(unnameable_types, reason = "sealed")]
pub(crate) mod private {
    use super::{Value, ValueType, Vec};

    pub trait Scalar: wasmi::WasmTy + Copy + Sync + 'static {
        const TYPE: ValueType;
        fn to_value(self) -> Value;
        fn of_value(value: Value) -> Option<Self>;
    }

    pub trait Scalars: wasmi::WasmParams + wasmi::WasmResults + 'static {
        /// Return type of a host function in the engine.
        type Return: wasmi::WasmRet;
        fn types() -> Vec<ValueType>;
        fn to_values(&self) -> Vec<Value>;
        /// Converts values. Returns `None` if number or types differ.
        fn of_values(values: &[Value]) -> Option<Self>;
        fn into_return(result: Result<Self, wasmi::Error>) -> Self::Return;
    }
}

macro_rules! scalar {
    ($($rust:ty: $variant:ident as $as:ty;)*) => {$(
        impl private::Scalar for $rust {
            const TYPE: ValueType = ValueType::$variant;
            fn to_value(self) -> Value {
                Value::$variant(self as $as)
            }
            fn of_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(v) => Some(v as $rust),
                    _ => None,
                }
            }
        }

        impl private::Scalars for $rust {
            type Return = Result<$rust, wasmi::Error>;
            fn types() -> Vec<ValueType> {
                alloc::vec![ValueType::$variant]
            }
            fn to_values(&self) -> Vec<Value> {
                alloc::vec![private::Scalar::to_value(*self)]
            }
            fn of_values(values: &[Value]) -> Option<Self> {
                let [value] = values else { return None };
                private::Scalar::of_value(*value)
            }
            fn into_return(result: Result<Self, wasmi::Error>) -> Self::Return {
                result
            }
        }
    )*};
}

scalar! {
    i32: I32 as i32;
    u32: I32 as i32;
    i64: I64 as i64;
    u64: I64 as i64;
    f32: F32 as f32;
    f64: F64 as f64;
}

macro_rules! tuple {
    ($($t:ident)*) => {
        impl<$($t: private::Scalar),*> private::Scalars for ($($t,)*) {
            type Return = Result<($($t,)*), wasmi::Error>;
            fn types() -> Vec<ValueType> {
                alloc::vec![$($t::TYPE),*]
            }
            #[allow(non_snake_case, reason = "type parameters name the members")]
            fn to_values(&self) -> Vec<Value> {
                let ($($t,)*) = *self;
                alloc::vec![$($t.to_value()),*]
            }
            #[allow(non_snake_case, reason = "type parameters name the members")]
            fn of_values(values: &[Value]) -> Option<Self> {
                let [$($t),*] = values else { return None };
                Some(($(<$t as private::Scalar>::of_value(*$t)?,)*))
            }
            fn into_return(result: Result<Self, wasmi::Error>) -> Self::Return {
                result
            }
        }
    };
}

each_arity!(tuple);
