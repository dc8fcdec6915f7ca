//! Host functions typed at run time.

use alloc::{sync::Arc, vec::Vec};
use core::future::Future;

use wasmi::{Caller, Func, Val};

use super::{
    Bind, Host,
    context::{Context, HostError},
    enter,
    function::HostFunction,
    pending_call::{AsyncContext, PendingCall},
    replay,
};
use crate::{
    abi::name::Name,
    data::value::{FuncType, Value, ValueType},
    engine::meter,
    error::{HostFunctionProblem, StopReason},
};

/// Most parameters, and most results, of a host function: those of any module.
const MAX_VALUES: usize = 1_000;

impl HostFunction {
    /// Creates a host function whose type is known at run time only: the closure receives the arguments as values, and
    /// returns the results.
    ///
    /// Parameters and results are `i32`, `i64`, `f32` and `f64`, at most 1,000 of each;
    /// [`Builder::build`](crate::Builder::build) refuses other types. If the results differ from the type in number or
    /// types, the run stops with [`HostStop::HostFunction`](crate::HostStop::HostFunction).
    ///
    /// ```
    /// use belljar::{FuncType, HostFunction, Sandbox, Value, ValueType::I32};
    ///
    /// let sum = HostFunction::with_type("math", "sum", FuncType::new(&[I32; 3], &[I32]), |_, arguments| {
    ///     let numbers = arguments.iter().map(|value| if let Value::I32(number) = value { *number } else { 0 });
    ///     Ok(vec![Value::I32(numbers.sum())])
    /// });
    /// let sandbox = Sandbox::builder().function(sum).build()?;
    /// let module = sandbox.load_text(r#"(module
    ///     (import "math" "sum" (func (param i32 i32 i32) (result i32)))
    ///     (export "f" (func 0)))"#)?;
    /// assert_eq!(sandbox.call::<_, i32>(&module, "f", (1, 2, 3))?, 6);
    /// # Ok::<(), belljar::Error>(())
    /// ```
    pub fn with_type<F>(module: &str, name: &str, ty: FuncType, function: F) -> HostFunction
    where
        F: Fn(&mut Context<'_>, &[Value]) -> Result<Vec<Value>, HostError> + Send + Sync + 'static,
    {
        let results = ty.results.clone();
        dynamic(Name::new(module, name), ty, false, move |caller, name, arguments| {
            let body = |context: &mut Context<'_>| check_results(function(context, arguments)?, &results);
            let recorded = |values: Vec<Value>| have_types(&values, &results).then_some(values);
            let context = &mut Context { caller: Caller::from(caller), name };
            replay::call(context, || arguments.to_vec(), body, Vec::clone, recorded).map(Some)
        })
    }

    /// Creates an async host function whose type is known at run time only, as [`with_type`](Self::with_type) does and
    /// suspended as one of [`new_async`](Self::new_async).
    pub fn with_type_async<F, Fut>(module: &str, name: &str, ty: FuncType, function: F) -> HostFunction
    where
        F: Fn(AsyncContext, Vec<Value>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<Value>, HostError>> + Send + 'static,
    {
        let results: Arc<[ValueType]> = ty.results.as_slice().into();
        dynamic(Name::new(module, name), ty, true, move |caller, name, arguments| {
            let call = |context| {
                let (future, results) = (function(context, arguments.to_vec()), Arc::clone(&results));
                async move { check_results(future.await?, &results) }
            };
            let pending = replay::begin(caller, name, || arguments.to_vec(), || PendingCall::new(name, call))?;
            caller.data_mut().pending_call = Some(pending);
            Ok(None)
        })
    }

    /// Checks that the engine can link a function of this type.
    pub(crate) fn check_type(&self) -> Result<(), HostFunctionProblem> {
        let FuncType { params, results } = &self.ty;
        let count = params.len().max(results.len());
        if count > MAX_VALUES {
            return Err(HostFunctionProblem::TooManyValues { count: count as u64, limit: MAX_VALUES as u64 });
        }
        let is_number =
            |ty: &ValueType| matches!(ty, ValueType::I32 | ValueType::I64 | ValueType::F32 | ValueType::F64);
        match params.iter().chain(results).find(|ty| !is_number(ty)) {
            Some(ty) => Err(HostFunctionProblem::UnsupportedType { ty: *ty }),
            None => Ok(()),
        }
    }
}

/// Creates a host function from a body on values, which returns the results, or `None` if it began an async call.
pub(super) fn dynamic<F>(name: Name, ty: FuncType, is_async: bool, body: F) -> HostFunction
where
    F: Fn(&mut Caller<'_, Host>, &Name, &[Value]) -> Result<Option<Vec<Value>>, StopReason> + Send + Sync + 'static,
{
    let (at, of, body) = (name.clone(), ty.clone(), Arc::new(body));
    let bind: Arc<Bind> = Arc::new(move |store| {
        let (name, body) = (at.clone(), Arc::clone(&body));
        let linked = move |caller: Caller<'_, Host>, arguments: &[Val], results: &mut [Val]| {
            let arguments: Vec<_> = arguments.iter().filter_map(Value::from_engine).collect();
            let values = enter(caller, &name, |caller| {
                meter::charge(&mut *caller, meter::host_call(0))?;
                body(caller, &name, &arguments)
            })?;
            // This error makes the engine return; it resumes with the results later.
            let values = values.ok_or_else(|| wasmi::Error::i32_exit(0))?;
            results.iter_mut().zip(values).for_each(|(result, value)| *result = value.to_engine());
            Ok(())
        };
        Func::new(store, of.to_engine(), linked)
    });
    HostFunction { name, ty, bind, is_async, requires: Vec::new() }
}

/// Returns whether values have these types.
pub(super) fn have_types(values: &[Value], types: &[ValueType]) -> bool {
    values.iter().map(Value::ty).eq(types.iter().copied())
}

/// Checks the results of a closure.
fn check_results(values: Vec<Value>, types: &[ValueType]) -> Result<Vec<Value>, HostError> {
    if values.len() != types.len() {
        let (found, expected) = (values.len(), types.len());
        return Err(HostError::new(format_args!("the number of its results is {found}, and {expected} in its type")));
    }
    match (1..).zip(values.iter().zip(types)).find(|(_, (value, ty))| value.ty() != **ty) {
        Some((i, (value, ty))) => {
            Err(HostError::new(format_args!("its result {i} is of type {}, and {ty} in its type", value.ty())))
        }
        None => Ok(values),
    }
}
