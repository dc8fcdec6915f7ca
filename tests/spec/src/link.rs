//! Functions that a module imports from another one.
//!
//! Belljar runs one module a store. So the instances of a file each have a store of their own, and a function that one
//! imports from another is a host function that calls it there. Memories, tables and globals cannot be shared so.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use belljar::{
    Builder, HostError, Sandbox, Value, ValueType,
    inspect::{ExternType, Inspection},
};

use crate::{
    answers::Answers,
    guest::{End, Guest},
    subject::builder,
    verdict::Verdict,
};

/// An instance, or why there is none.
pub type Slot = Result<Arc<Mutex<Guest>>, Verdict>;

/// A sandbox for one module, with what its host functions answer.
pub struct Linked {
    pub sandbox: Sandbox,
    pub answers: Arc<Mutex<Answers>>,
}

/// Makes the sandbox of a module that imports functions of other modules; `None` where it imports none.
pub fn linked(inspection: &Inspection, registered: &HashMap<String, Slot>) -> Option<Linked> {
    let answers = Arc::default();
    let (mut builder, mut bound) = (builder(), BTreeSet::new());
    for import in &inspection.imports {
        let Some(Ok(slot)) = registered.get(&import.module) else { continue };
        let exported = slot.lock().ok()?.module().inspect().function(&import.name).cloned();
        // A tag or a memory of this name is no function that it could have.
        let Some(ty) = exported.filter(|_| bound.insert((&import.module, &import.name))) else { continue };
        if !matches!(import.ty, ExternType::Function(_)) {
            continue;
        }
        let foreign = Foreign { slot: Arc::clone(slot), name: import.name.clone(), answers: Arc::clone(&answers) };
        builder = bind(builder, &import.module, (&ty.params, &ty.results), foreign);
    }
    if bound.is_empty() {
        return None;
    }
    Some(Linked { sandbox: builder.build().ok()?, answers })
}

/// A function of another instance.
struct Foreign {
    slot: Arc<Mutex<Guest>>,
    name: String,
    answers: Arc<Mutex<Answers>>,
}

impl Foreign {
    fn call<R: Results>(&self, arguments: &[Value]) -> Result<R, HostError> {
        let mut answers = self.answers.lock().map_err(|_| HostError::new("another call has panicked"))?;
        let mut guest = self.slot.try_lock().map_err(|_| HostError::new("it is in a call"))?;
        let end = answers.answer(|| {
            guest.call(&self.name, arguments).map_err(|verdict| HostError::new(format_args!("{verdict:?}")))
        });
        answers.doubt = answers.doubt.or(guest.doubt());
        match end? {
            End::Done(values) => R::of(&values).ok_or_else(|| HostError::new("its results have other types")),
            End::Stopped(reason) => Err(reason.into()),
        }
    }
}

/// The results of a host function.
trait Results: Sized {
    /// Returns them as Rust has them; `None` where number or types differ.
    fn of(values: &[Value]) -> Option<Self>;
}

impl Results for () {
    fn of(values: &[Value]) -> Option<()> {
        values.is_empty().then_some(())
    }
}

macro_rules! results {
    ($($variant:ident $rust:ty;)*) => {$(
        impl Results for $rust {
            fn of(values: &[Value]) -> Option<$rust> {
                match values {
                    [Value::$variant(v)] => Some(*v),
                    _ => None,
                }
            }
        }
    )*};
}

results! { I32 i32; I64 i64; F32 f32; F64 f64; }

/// Binds a function by its type, which has to be known when this is compiled: those that the suite has.
macro_rules! signatures {
    ($(($($arg:ident: $param:ident $rust:ty),*) -> ($($result:ident)?) $results:ty;)*) => {
        fn bind(builder: Builder, module: &str, ty: (&[ValueType], &[ValueType]), foreign: Foreign) -> Builder {
            let name = foreign.name.clone();
            match ty {
                $(([$(ValueType::$param),*], [$(ValueType::$result)?]) => builder.host_function(
                    module,
                    &name,
                    move |$($arg: $rust),*| foreign.call::<$results>(&[$(Value::$param($arg)),*]),
                ),)*
                _ => builder,
            }
        }
    };
}

signatures! {
    () -> () ();
    () -> (I32) i32;
    () -> (I64) i64;
    () -> (F32) f32;
    () -> (F64) f64;
    (a: I32 i32) -> () ();
    (a: I64 i64) -> () ();
    (a: F32 f32) -> () ();
    (a: F64 f64) -> () ();
    (a: I32 i32) -> (I32) i32;
    (a: I64 i64) -> (I64) i64;
    (a: I32 i32, b: I32 i32) -> () ();
    (a: I32 i32, b: I32 i32) -> (I32) i32;
    (a: I32 i32, b: I32 i32, c: I32 i32) -> () ();
    (a: I32 i32, b: I32 i32, c: I32 i32) -> (I32) i32;
    (a: I32 i32, b: F32 f32) -> () ();
    (a: F64 f64, b: F64 f64) -> () ();
}
