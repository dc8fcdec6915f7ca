//! Host functions of the embedding program: ordinary closures, typed by their signature.

use alloc::{boxed::Box, collections::BTreeSet, format, string::String, sync::Arc, vec, vec::Vec};
use core::fmt;

use wasmi::{Caller, Linker, Val};

use super::{
    Bind, Host, Name,
    context::{Context, HostError},
    enter, tape,
};
use crate::{
    error::StopReason,
    meter,
    types::{Scalar, Scalars, private::Scalars as _},
    value::{FuncType, Value, ValueType},
};

/// A host function, bound to a name.
pub(crate) struct HostFunction {
    pub(crate) name: Name,
    pub(crate) ty: FuncType,
    pub(crate) bind: Box<Bind>,
    /// Whether a call of it leaves the engine, to be answered later.
    pub(crate) waits: bool,
    /// The capabilities that a run must have been granted to call it.
    pub(crate) requires: Vec<Arc<str>>,
}

impl HostFunction {
    /// Links it. Where something that it needs is not granted, what is linked can only say so.
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
                private::Bound(HostFunction { name, ty, bind, waits: false, requires: Vec::new() })
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
