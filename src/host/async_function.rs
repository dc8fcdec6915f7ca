//! Async host functions of the embedding program: closures that return a future.

use alloc::{sync::Arc, vec, vec::Vec};
use core::future::Future;

use wasmi::Caller;

use super::{
    Bind, Host,
    context::HostError,
    enter,
    function::{HostFunction, HostResult, bindable},
    pending_call::{AsyncContext, PendingCall},
    replay,
};
use crate::{
    abi::name::Name,
    data::value::{FuncType, Value},
    engine::{
        meter,
        scalar::{Scalar, each_arity, private::Scalars as _},
    },
};

/// A closure that can be an async host function: parameters and results as of
/// [`IntoHostFunction`](crate::traits::IntoHostFunction), with or without an [`AsyncContext`] first, and a future
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async host function",
    label = "not an async host function",
    note = "expected a closure `Fn(a, b, …) -> future`, or `Fn(AsyncContext, a, b, …) -> future`, with a `Send` future",
    note = "parameters are at most sixteen of `i32`, `u32`, `i64`, `u64`, `f32` and `f64`; annotate their types"
)]
pub trait IntoAsyncHostFunction<Marker>: private::Bindable<Marker> {}

impl<F: private::Bindable<Marker>, Marker> IntoAsyncHostFunction<Marker> for F {}

impl HostFunction {
    /// Creates an async host function: [`IntoAsyncHostFunction`] has the closures accepted.
    ///
    /// The guest is suspended while the future is pending, and cannot observe it. Meanwhile a run that is awaited is
    /// pending; one that is stepped returns [`Step::Waiting`](crate::Step::Waiting); one that is run to completion, or
    /// a call of an [`Instance`](crate::Instance), blocks its thread. Deadline and cancel act as between slices.
    ///
    /// The guest calls it through a generated function that forwards the arguments, at the price of its operators and
    /// one call deeper; where a module imports any such function, a run costs [`meter::INSTANTIATION`] more.
    pub fn new_async<Marker>(module: &str, name: &str, function: impl IntoAsyncHostFunction<Marker>) -> HostFunction {
        function.bindable(module, name).0
    }
}

#[expect(unnameable_types, reason = "sealed")]
mod private {
    pub(crate) use super::super::function::private::Bound;

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not an async host function",
        label = "not an async host function",
        note = "expected a closure `Fn(a, b, …) -> future`, or `Fn(AsyncContext, a, b, …) -> future`, with a `Send` future",
        note = "parameters are at most sixteen of `i32`, `u32`, `i64`, `u64`, `f32` and `f64`; annotate their types"
    )]
    pub trait Bindable<Marker>: Send + Sync + 'static {
        fn bindable(self, module: &str, name: &str) -> Bound;
    }
}

macro_rules! asynchronous {
    ($($param:ident)*) => {
        bindable!(
            [$($param)*] [Fut] fn($($param),*) -> R, true,
            {
                F: Fn($($param),*) -> Fut + Send + Sync + 'static,
                Fut: Future<Output = R> + Send + 'static,
            },
            |f, caller, name, arguments| suspend(caller, &name, arguments, |_| values_of(f($($param),*)))
        );
        bindable!(
            [$($param)*] [Fut] fn(AsyncContext, $($param),*) -> R, true,
            {
                F: Fn(AsyncContext, $($param),*) -> Fut + Send + Sync + 'static,
                Fut: Future<Output = R> + Send + 'static,
            },
            |f, caller, name, arguments| {
                suspend(caller, &name, arguments, |context| values_of(f(context, $($param),*)))
            }
        );
    };
}
each_arity!(asynchronous);

/// Converts the result of a future to values.
async fn values_of<R: HostResult>(future: impl Future<Output = R>) -> Result<Vec<Value>, HostError> {
    future.await.into_values().map(|values| values.to_values())
}

/// Starts a call of an async host function, and leaves the engine, which resumes with the results later.
fn suspend<V, F>(
    mut caller: Caller<'_, Host>,
    name: &Name,
    arguments: impl FnOnce() -> Vec<Value>,
    call: impl FnOnce(AsyncContext) -> F,
) -> Result<V, wasmi::Error>
where
    F: Future<Output = Result<Vec<Value>, HostError>> + Send + 'static,
{
    enter(Caller::from(&mut caller), name, |caller| {
        meter::charge(&mut *caller, meter::host_call(0))?;
        let waiting = replay::begin(caller, name, arguments, || PendingCall::new(name, call))?;
        caller.data_mut().pending_call = Some(waiting);
        Ok(())
    })?;
    Err(wasmi::Error::i32_exit(0))
}
