//! Host functions of the embedding program: ordinary closures, typed by their signature.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};
use core::fmt;

use wasmi::Caller;

use super::{
    Bind, Host, Name,
    context::{Context, HostError},
    enter, tape,
};
use crate::{
    meter,
    types::{Scalar, Scalars, private::Scalars as _},
    value::{FuncType, Value},
};

/// A host function, bound to a name.
pub(crate) struct HostFunction {
    pub(crate) name: Name,
    pub(crate) ty: FuncType,
    pub(crate) bind: Box<Bind>,
    /// Whether a call of it leaves the engine, to be answered later.
    pub(crate) waits: bool,
}

impl fmt::Debug for HostFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostFunction").field("name", &self.name).field("ty", &self.ty).finish_non_exhaustive()
    }
}

/// A closure that can be a host function: up to sixteen parameters of `i32`, `u32`, `i64`, `u64`,
/// `f32` or `f64`, with or without a [`Context`] first; it returns nothing, one of these or a
/// tuple of them, or a `Result` of that with a [`HostError`].
///
/// ```
/// # use belljar::{Context, HostError, Sandbox};
/// Sandbox::builder()
///     .host_function("math", "add", |a: i32, b: i64| -> i64 { i64::from(a) + b })
///     .host_function("db", "get", |ctx: &mut Context<'_>, ptr: u32, len: u32| -> Result<i32, HostError> {
///         let key = ctx.read_text(ptr, len)?;
///         if key.is_empty() { return Err("the key is empty".into()) }
///         Ok(key.len() as i32)
///     });
/// ```
pub trait IntoHostFunction<Marker>: private::Bindable<Marker> {}

impl<F: private::Bindable<Marker>, Marker> IntoHostFunction<Marker> for F {}

/// What a host function may return.
pub trait HostResult: private::Returnable {}

impl<R: private::Returnable> HostResult for R {}

pub(crate) fn host_function<M, F: IntoHostFunction<M>>(module: &str, name: &str, function: F) -> HostFunction {
    function.bindable(module, name).0
}

mod private {
    use super::{HostError, HostFunction, Scalars};

    pub trait Bindable<Marker>: Send + Sync + 'static {
        fn bindable(self, module: &str, name: &str) -> Bound;
    }

    /// Keeps the crate's own type out of the public trait's signature.
    pub struct Bound(pub(super) HostFunction);

    pub trait Returnable {
        type Values: Scalars;
        fn into_values(self) -> Result<Self::Values, HostError>;
    }

    impl<V: Scalars> Returnable for V {
        type Values = V;
        fn into_values(self) -> Result<V, HostError> {
            Ok(self)
        }
    }

    impl<V: Scalars> Returnable for Result<V, HostError> {
        type Values = V;
        fn into_values(self) -> Result<V, HostError> {
            self
        }
    }
}

macro_rules! bindable {
    ($($param:ident)*) => {
        bindable!(@impl [$($param)*] [] fn($($param),*) -> R, |f, context| f($($param),*));
        bindable!(@impl [$($param)*] [&mut Context<'_>,] fn(Context<'static>, $($param),*) -> R, |f, context| f(context, $($param),*));
    };
    (@impl [$($param:ident)*] [$($context:ty,)?] $marker:ty, |$f:ident, $ctx:ident| $call:expr) => {
        impl<F, R, $($param),*> private::Bindable<$marker> for F
        where
            F: Fn($($context,)? $($param),*) -> R + Send + Sync + 'static,
            R: HostResult + 'static,
            $($param: Scalar,)*
        {
            #[allow(non_snake_case, reason = "type parameters name the arguments")]
            fn bindable(self, module: &str, name: &str) -> private::Bound {
                let name = Name::new(module, name);
                let ty = FuncType { params: vec![$($param::TYPE),*], results: R::Values::types() };
                let (function, at) = (Arc::new(self), name.clone());
                let bind: Box<Bind> = Box::new(move |linker| {
                    let ($f, name) = (Arc::clone(&function), at.clone());
                    let wrapped = move |caller: Caller<'_, Host>, $($param: $param),*| {
                        R::Values::into_return(call(caller, &name, || vec![$($param.to_value()),*], |$ctx| { let _ = &$ctx; $call.into_values() }))
                    };
                    linker.func_wrap(&at.module, &at.function, wrapped)?;
                    Ok(())
                });
                private::Bound(HostFunction { name, ty, bind, waits: false })
            }
        }
    };
}

bindable!();
bindable!(A);
bindable!(A B);
bindable!(A B C);
bindable!(A B C D);
bindable!(A B C D E);
bindable!(A B C D E G);
bindable!(A B C D E G H);
bindable!(A B C D E G H I);
bindable!(A B C D E G H I J);
bindable!(A B C D E G H I J K);
bindable!(A B C D E G H I J K L);
bindable!(A B C D E G H I J K L M);
bindable!(A B C D E G H I J K L M N);
bindable!(A B C D E G H I J K L M N O);
bindable!(A B C D E G H I J K L M N O P);
bindable!(A B C D E G H I J K L M N O P Q);

/// Runs an own host function: charged, counted, contained; its failure names it.
fn call<V: Scalars>(
    caller: Caller<'_, Host>,
    name: &Name,
    arguments: impl FnOnce() -> Vec<Value>,
    body: impl FnOnce(&mut Context<'_>) -> Result<V, HostError>,
) -> Result<V, wasmi::Error> {
    enter(caller, name, |caller| {
        meter::charge(&mut *caller, meter::host_call(0))?;
        let caller = Caller::from(caller);
        tape::call(&mut Context { caller, name }, arguments, body)
    })
}
