//! Host functions of the embedding program that wait: closures that return a future.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};
use core::future::Future;

use wasmi::Caller;

use super::{
    Bind, Host, Name, enter,
    function::{HostFunction, HostResult},
    tape,
    waiting::{AsyncContext, Waiting},
};
use crate::{
    meter,
    types::{Scalar, private::Scalars as _},
    value::{FuncType, Value},
};

/// A closure that can be an async host function: parameters and results as of
/// [`IntoHostFunction`](crate::IntoHostFunction), with or without an [`AsyncContext`] first, and a future
/// of the result.
///
/// ```
/// # use belljar::{AsyncContext, HostError, Sandbox};
/// # async fn fetch(_: &str) -> Vec<u8> { Vec::new() }
/// Sandbox::builder()
///     .async_host_function("queue", "next", || async { 7 })
///     .async_host_function("db", "get", |mut ctx: AsyncContext, key: u32, len: u32, to: u32| async move {
///         let key = ctx.read_text(key, len).await?;
///         let value = fetch(&key).await;
///         let size = value.len() as u32;
///         ctx.write(to, value).await?;
///         Ok::<u32, HostError>(size)
///     });
/// ```
pub trait IntoAsyncHostFunction<Marker>: private::Bindable<Marker> {}

impl<F: private::Bindable<Marker>, Marker> IntoAsyncHostFunction<Marker> for F {}

pub(crate) fn async_host_function<M, F>(module: &str, name: &str, function: F) -> HostFunction
where
    F: IntoAsyncHostFunction<M>,
{
    function.bindable(module, name).0
}

mod private {
    use super::HostFunction;

    pub trait Bindable<Marker>: Send + Sync + 'static {
        fn bindable(self, module: &str, name: &str) -> Bound;
    }

    /// Keeps the crate's own type out of the public trait's signature.
    pub struct Bound(pub(super) HostFunction);
}

macro_rules! bindable {
    ($($param:ident)*) => {
        bindable!(@impl [$($param)*] [] fn($($param),*) -> R, |f, context| f($($param),*));
        bindable!(@impl [$($param)*] [AsyncContext,] fn(AsyncContext, $($param),*) -> R, |f, context| f(context, $($param),*));
    };
    (@impl [$($param:ident)*] [$($context:ty,)?] $marker:ty, |$f:ident, $ctx:ident| $call:expr) => {
        impl<F, Fut, R, $($param),*> private::Bindable<$marker> for F
        where
            F: Fn($($context,)? $($param),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = R> + Send + 'static,
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
                        R::Values::into_return(suspend(caller, &name, || vec![$($param.to_value()),*], || Waiting::new(&name, |$ctx| {
                            let _ = &$ctx;
                            let answer = $call;
                            async { answer.await.into_values().map(|values| values.to_values()) }
                        })))
                    };
                    linker.func_wrap(&at.module, &at.function, wrapped)?;
                    Ok(())
                });
                private::Bound(HostFunction { name, ty, bind, waits: true, requires: Vec::new() })
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

/// Begins a call of an async host function, and leaves the engine, which is given the results later.
fn suspend<V>(
    mut caller: Caller<'_, Host>,
    name: &Name,
    arguments: impl FnOnce() -> Vec<Value>,
    call: impl FnOnce() -> Waiting,
) -> Result<V, wasmi::Error> {
    enter(Caller::from(&mut caller), name, |caller| {
        meter::charge(&mut *caller, meter::host_call(0))?;
        let waiting = tape::begin(caller, name, arguments, call)?;
        caller.data_mut().waiting = Some(waiting);
        Ok(())
    })?;
    Err(wasmi::Error::i32_exit(0))
}
