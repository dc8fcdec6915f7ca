//! Custom host functions, and the closures that they are made of.

use alloc::{sync::Arc, vec, vec::Vec};
use core::fmt;

use wasmi::Caller;

use super::{
    Bind, Host,
    context::{Context, HostError},
    enter, replay,
};
use crate::{
    abi::name::Name,
    data::value::{FuncType, Value},
    engine::{
        meter,
        scalar::{Scalar, Scalars, each_arity, private::Scalars as _},
    },
};

/// A custom host function: its name, type and body, and the capabilities that a run needs to call it.
///
/// [`Builder::function`](crate::Builder::function) registers it. A module imports it under exactly this name and type.
/// The module name may be `env`, the default of C and Zig guests, but not together with a name of the ABI. Each call is
/// charged [`meter::HOST_CALL`], and what the function charges itself.
///
/// ```
/// use belljar::{Context, HostError, HostFunction, Sandbox};
///
/// let len = |context: &mut Context<'_>, ptr: u32, len: u32| -> Result<u32, HostError> {
///     let key = context.read_text(ptr, len)?;
///     context.charge(1_000)?;
///     Ok(key.chars().count() as u32)
/// };
/// let sandbox = Sandbox::builder().function(HostFunction::new("text", "len", len)).build()?;
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Clone)]
pub struct HostFunction {
    pub(crate) name: Name,
    pub(crate) ty: FuncType,
    pub(crate) bind: Arc<Bind>,
    /// Whether it is async: a call of it leaves the engine and is resumed later.
    pub(crate) is_async: bool,
    /// The capabilities that a run needs to call it.
    pub(crate) requires: Vec<Arc<str>>,
}

impl HostFunction {
    /// Creates a host function whose type is that of a closure: [`IntoHostFunction`] has the closures accepted.
    pub fn new<Marker>(module: &str, name: &str, function: impl IntoHostFunction<Marker>) -> HostFunction {
        function.bindable(module, name).0
    }

    /// Requires a capability: only runs whose configuration grants it ([`Config::grants`](crate::Config::grants)) can
    /// call the function, others are stopped with [`GuestFault::Denied`](crate::GuestFault::Denied). It can be imported
    /// in any case. Call this once for each capability.
    ///
    /// ```
    /// use belljar::{Config, GuestFault, HostFunction, Sandbox, StopReason};
    ///
    /// let count = HostFunction::new("db", "count", || 7).requires("db");
    /// let sandbox = |config| Sandbox::builder().config(config).function(count.clone()).build();
    /// let wasm = wat::parse_str(r#"(module (import "db" "count" (func (result i32))) (export "f" (func 0)))"#)?;
    ///
    /// let granted = sandbox(Config::default().with_grant("db"))?;
    /// assert_eq!(granted.call::<(), i32>(&granted.load(&wasm)?, "f", ())?, 7);
    ///
    /// let usual = sandbox(Config::default())?;
    /// let error = usual.call::<(), i32>(&usual.load(&wasm)?, "f", ()).unwrap_err();
    /// assert!(matches!(error.stop_reason(), Some(StopReason::Guest(GuestFault::Denied { .. }))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn requires(mut self, capability: &str) -> Self {
        self.requires.push(capability.into());
        self
    }
}

impl fmt::Debug for HostFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostFunction")
            .field("module", &self.name.module)
            .field("name", &self.name.function)
            .field("ty", &self.ty)
            .field("is_async", &self.is_async)
            .field("requires", &self.requires)
            .finish_non_exhaustive()
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

#[expect(unnameable_types, reason = "sealed")]
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
    #[derive(Debug)]
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
                let bind: Arc<Bind> = Arc::new(move |store| {
                    let ($function, $name) = (Arc::clone(&function), at.clone());
                    let wrapped = move |$caller: Caller<'_, Host>, $($param: $param),*| {
                        let $arguments = || vec![$($param.to_value()),*];
                        R::Values::into_return($call)
                    };
                    wasmi::Func::wrap(store, wrapped)
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
        replay::call(&mut Context { caller, name }, arguments, body, V::to_values, |values| V::of_values(&values))
    })
}
