//! Host functions of the embedding program: closures whose signature is the type of the function.

use crate::abi::name::Name;
use alloc::{boxed::Box, collections::BTreeSet, format, string::String, sync::Arc, vec, vec::Vec};
use core::fmt;

use wasmi::{Caller, Linker, Val};

use super::{
    Bind, Host,
    context::{Context, HostError},
    enter, replay,
};
use crate::{
    data::value::{FuncType, Value, ValueType},
    engine::{
        meter,
        scalar::{Scalar, Scalars, each_arity, private::Scalars as _},
    },
    error::StopReason,
};

/// A host function with its name.
pub(crate) struct HostFunction {
    pub(crate) name: Name,
    pub(crate) ty: FuncType,
    pub(crate) bind: Box<Bind>,
    /// Whether it is async: a call of it leaves the engine and is resumed later.
    pub(crate) is_async: bool,
    /// The capabilities that a run needs to call it.
    pub(crate) requires: Vec<Arc<str>>,
}

impl HostFunction {
    /// Links the function. If a capability that it needs is not granted, each call stops the run with
    /// [`StopReason::Denied`] instead.
    pub(crate) fn link(&self, linker: &mut Linker<Host>, grants: &BTreeSet<String>) -> Result<(), wasmi::Error> {
        match self.requires.iter().find(|capability| !grants.contains(&***capability)) {
            None => (self.bind)(linker),
            Some(capability) => self.link_denied(linker, capability),
        }
    }

    fn link_denied(&self, linker: &mut Linker<Host>, capability: &Arc<str>) -> Result<(), wasmi::Error> {
        let types = |list: &[ValueType]| list.iter().map(|ty| ty.to_engine()).collect::<Vec<_>>();
        let ty = wasmi::FuncType::new(types(&self.ty.params), types(&self.ty.results));
        let (name, capability) = (self.name.clone(), Arc::clone(capability));
        let denied = move |caller: Caller<'_, Host>, _: &[Val], _: &mut [Val]| {
            enter(caller, &name, |caller| {
                meter::charge(&mut *caller, meter::host_call(0))?;
                let function = format!("{}.{}", name.module, name.function);
                Err(StopReason::Denied { capability: (&*capability).into(), function, detail: None })
            })
        };
        linker.func_new(&self.name.module, &self.name.function, ty, denied)?;
        Ok(())
    }
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
///         if key.is_empty() { return Err(HostError::new("the key is empty")) }
///         Ok(key.len() as i32)
///     });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a host function",
    label = "not a host function",
    note = "expected a closure `Fn(a, b, …) -> result`, or `Fn(&mut Context<'_>, a, b, …) -> result`",
    note = "parameters are at most sixteen of `i32`, `u32`, `i64`, `u64`, `f32` and `f64`; annotate their types"
)]
pub trait IntoHostFunction<Marker>: private::Bindable<Marker> {}

impl<F: private::Bindable<Marker>, Marker> IntoHostFunction<Marker> for F {}

/// The return type of a host function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a result of a host function",
    label = "cannot be returned to a guest",
    note = "expected `()`, a number, a tuple of numbers, or a `Result` of these with a `belljar::HostError`"
)]
pub trait HostResult: private::Returnable {}

impl<R: private::Returnable> HostResult for R {}

pub(crate) fn host_function<M, F: IntoHostFunction<M>>(module: &str, name: &str, function: F) -> HostFunction {
    function.bindable(module, name).0
}

pub(super) mod private {
    use super::{HostError, HostFunction, Scalars};

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a host function",
        label = "not a host function",
        note = "expected a closure `Fn(a, b, …) -> result`, or `Fn(&mut Context<'_>, a, b, …) -> result`",
        note = "parameters are at most sixteen of `i32`, `u32`, `i64`, `u64`, `f32` and `f64`; annotate their types"
    )]
    pub trait Bindable<Marker>: Send + Sync + 'static {
        fn bindable(self, module: &str, name: &str) -> Bound;
    }

    /// A wrapper that hides a private type in the signatures of public traits.
    pub struct Bound(pub(in crate::host) HostFunction);

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a result of a host function",
        label = "cannot be returned to a guest",
        note = "expected `()`, a number, a tuple of numbers, or a `Result` of these with a `belljar::HostError`"
    )]
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

/// Implements the trait `private::Bindable` of a module for closures with these parameters: the type parameters, the
/// marker type, whether calls suspend the guest, the bounds, and the expression of a call.
macro_rules! bindable {
    (
        [$($param:ident)*] [$($generic:ident)?] $marker:ty, $is_async:literal, { $($bounds:tt)* },
        |$function:ident, $caller:ident, $name:ident, $arguments:ident| $call:expr
    ) => {
        impl<F, R, $($generic,)? $($param),*> private::Bindable<$marker> for F
        where
            $($bounds)*
            R: HostResult + 'static,
            $($param: Scalar,)*
        {
            #[allow(non_snake_case, reason = "type parameters name the arguments")]
            fn bindable(self, module: &str, name: &str) -> private::Bound {
                let name = Name::new(module, name);
                let ty = FuncType { params: vec![$($param::TYPE),*], results: R::Values::types() };
                let (function, at) = (Arc::new(self), name.clone());
                let bind: Box<Bind> = Box::new(move |linker| {
                    let ($function, $name) = (Arc::clone(&function), at.clone());
                    let wrapped = move |$caller: Caller<'_, Host>, $($param: $param),*| {
                        let $arguments = || vec![$($param.to_value()),*];
                        R::Values::into_return($call)
                    };
                    linker.func_wrap(&at.module, &at.function, wrapped)?;
                    Ok(())
                });
                private::Bound(HostFunction { name, ty, bind, is_async: $is_async, requires: Vec::new() })
            }
        }
    };
}

pub(super) use bindable;

macro_rules! synchronous {
    ($($param:ident)*) => {
        bindable!(
            [$($param)*] [] fn($($param),*) -> R, false,
            { F: Fn($($param),*) -> R + Send + Sync + 'static, },
            |f, caller, name, arguments| call(caller, &name, arguments, |_| f($($param),*).into_values())
        );
        bindable!(
            [$($param)*] [] fn(Context<'static>, $($param),*) -> R, false,
            { F: Fn(&mut Context<'_>, $($param),*) -> R + Send + Sync + 'static, },
            |f, caller, name, arguments| call(caller, &name, arguments, |context| f(context, $($param),*).into_values())
        );
    };
}
each_arity!(synchronous);

/// Calls a custom host function: charges and counts the call, contains its panics, and names it in its error.
fn call<V: Scalars>(
    caller: Caller<'_, Host>,
    name: &Name,
    arguments: impl FnOnce() -> Vec<Value>,
    body: impl FnOnce(&mut Context<'_>) -> Result<V, HostError>,
) -> Result<V, wasmi::Error> {
    enter(caller, name, |caller| {
        meter::charge(&mut *caller, meter::host_call(0))?;
        let caller = Caller::from(caller);
        replay::call(&mut Context { caller, name }, arguments, body)
    })
}
