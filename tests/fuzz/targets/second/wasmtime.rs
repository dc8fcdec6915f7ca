//! An instance in Wasmtime, spoken to in belljar's words.

use std::sync::LazyLock;

use belljar::{Trap, Value};
use wasmtime::{Config, Engine, Instance, Module, OptLevel, RegallocAlgorithm, Store, Val};

/// An instance, with the store it lives in.
pub struct Other {
    store: Store<()>,
    instance: Instance,
}

/// Quick to compile, and with the same NaNs everywhere.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::None)
        .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass)
        .cranelift_nan_canonicalization(true)
        .wasm_multi_memory(true)
        .wasm_tail_call(true)
        .wasm_extended_const(true)
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .memory_reservation(1 << 20)
        .memory_reservation_for_growth(1 << 20);
    Engine::new(&config).unwrap_or_else(|error| panic!("{error}"))
});

impl Other {
    /// An instance of a valid module, or the trap it starts with.
    pub fn new(wasm: &[u8]) -> Result<Self, Trap> {
        let module = Module::new(&ENGINE, wasm).unwrap_or_else(|error| panic!("{error:?}"));
        let mut store = Store::new(&ENGINE, ());
        let instance = Instance::new(&mut store, &module, &[]);
        let instance = instance.map_err(|error| trap(&error).unwrap_or_else(|| panic!("{error:?}")))?;
        Ok(Other { store, instance })
    }

    /// What a call comes to; `None` if its stack is used up, which is bounded in another way.
    pub fn call(&mut self, name: &str, arguments: &[Value]) -> Option<Result<Vec<Value>, Trap>> {
        let function = self.instance.get_func(&mut self.store, name).expect("it is exported");
        let arguments: Vec<_> = arguments.iter().map(to_theirs).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        match function.call(&mut self.store, &arguments, &mut results) {
            Ok(()) => Some(Ok(results.iter().map(|value| to_ours(value).expect("it is no reference")).collect())),
            Err(error) => trap(&error).map(Err),
        }
    }

    pub fn global(&mut self, name: &str) -> Option<Value> {
        let global = self.instance.get_global(&mut self.store, name).expect("it is exported");
        to_ours(&global.get(&mut self.store))
    }

    pub fn memory(&mut self, name: &str) -> &[u8] {
        let memory = self.instance.get_memory(&mut self.store, name).expect("it is exported");
        memory.data(&self.store)
    }
}

/// `None` for the end of the stack.
fn trap(error: &wasmtime::Error) -> Option<Trap> {
    let Some(trap) = error.downcast_ref::<wasmtime::Trap>() else { panic!("{error:?}") };
    Some(match trap {
        wasmtime::Trap::UnreachableCodeReached => Trap::Unreachable,
        wasmtime::Trap::MemoryOutOfBounds => Trap::MemoryOutOfBounds,
        wasmtime::Trap::TableOutOfBounds => Trap::TableOutOfBounds,
        wasmtime::Trap::IndirectCallToNull => Trap::IndirectCallToNull,
        wasmtime::Trap::BadSignature => Trap::BadSignature,
        wasmtime::Trap::IntegerDivisionByZero => Trap::IntegerDivisionByZero,
        wasmtime::Trap::IntegerOverflow => Trap::IntegerOverflow,
        wasmtime::Trap::BadConversionToInteger => Trap::BadConversionToInteger,
        wasmtime::Trap::StackOverflow => return None,
        other => panic!("{other}"),
    })
}

fn to_theirs(value: &Value) -> Val {
    match *value {
        Value::I32(v) => Val::I32(v),
        Value::I64(v) => Val::I64(v),
        Value::F32(v) => Val::F32(v.to_bits()),
        Value::F64(v) => Val::F64(v.to_bits()),
        Value::V128(v) => Val::V128(v.into()),
        _ => panic!("a kind of value that Wasmtime is not told: {value:?}"),
    }
}

/// `None` for references.
fn to_ours(value: &Val) -> Option<Value> {
    Some(match value {
        Val::I32(v) => Value::I32(*v),
        Val::I64(v) => Value::I64(*v),
        Val::F32(bits) => Value::F32(f32::from_bits(*bits)),
        Val::F64(bits) => Value::F64(f64::from_bits(*bits)),
        Val::V128(v) => Value::V128(v.as_u128()),
        _ => return None,
    })
}
