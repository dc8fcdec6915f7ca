//! The other side: Wasmtime, spoken to in belljar's words.

use std::sync::LazyLock;

use belljar::{Trap, Value};
use wasmtime::{
    Config, Engine, Extern, Instance, Module, OperatorCost, OptLevel, RegallocAlgorithm, ResourceLimiter, Store, Val,
    VariableOperatorCost, WasmBacktraceDetails,
};

use crate::{
    observe::{FACTOR, Hidden, LANES, SLOTS},
    outcome::{Bound, End, MEMORY_BYTES, TABLE_ELEMENTS},
};

/// Fuel of one call: many times what belljar lets a call have.
const FUEL: u64 = 20_000_000;

/// A module that is compiled.
pub struct Compiled(Module);

/// An instance, with the store it lives in.
pub struct Reference {
    store: Store<Sums>,
    instance: Instance,
}

/// Quick to compile, and with the same NaNs everywhere.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    // Those that fail have moved nothing, however much they were to move.
    let variable = VariableOperatorCost {
        memory_copy_per_byte: 0,
        memory_fill_per_byte: 0,
        memory_init_per_byte: 0,
        table_copy_per_element: 0,
        table_fill_per_element: 0,
        table_init_per_element: 0,
        table_grow_per_element: 0,
        ..VariableOperatorCost::new()
    };
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::None)
        .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass)
        .cranelift_nan_canonicalization(true)
        .cranelift_debug_verifier(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false)
        .memory_init_cow(false)
        .consume_fuel(true)
        .operator_cost(OperatorCost { variable, ..OperatorCost::new() })
        .max_wasm_stack(1 << 20)
        .wasm_multi_memory(true)
        .wasm_tail_call(true)
        .wasm_extended_const(true)
        .wasm_simd(true)
        .wasm_relaxed_simd(false);
    Engine::new(&config).unwrap_or_else(|error| panic!("{error}"))
});

/// How large all memories and all tables are together: held to the same limits as in belljar.
#[derive(Default)]
struct Sums {
    memory_bytes: u64,
    table_elements: u64,
}

impl ResourceLimiter for Sums {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(grow(&mut self.memory_bytes, MEMORY_BYTES, current, desired, maximum))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(grow(&mut self.table_elements, TABLE_ELEMENTS, current, desired, maximum))
    }
}

fn grow(sum: &mut u64, limit: u64, current: usize, desired: usize, maximum: Option<usize>) -> bool {
    let after = *sum - current as u64 + desired as u64;
    let allowed = maximum.is_none_or(|maximum| desired <= maximum) && after <= limit;
    if allowed {
        *sum = after;
    }
    allowed
}

impl Compiled {
    /// Compiles a module.
    pub fn new(wasm: &[u8]) -> Result<Self, String> {
        Module::new(&ENGINE, wasm).map(Compiled).map_err(|error| format!("{error:#}"))
    }

    /// Makes an instance, whose start function runs.
    pub fn start(&self) -> Result<Reference, End> {
        let mut store = Store::new(&ENGINE, Sums::default());
        store.limiter(|sums| sums);
        store.set_fuel(FUEL).expect("fuel is consumed");
        match Instance::new(&mut store, &self.0, &[]) {
            Ok(instance) => Ok(Reference { store, instance }),
            Err(error) => Err(end(&error)),
        }
    }
}

impl Reference {
    /// Calls an export by values.
    pub fn call(&mut self, name: &str, arguments: &[Value]) -> End {
        self.store.set_fuel(FUEL).expect("fuel is consumed");
        let function = self.instance.get_func(&mut self.store, name).expect("it is exported");
        let arguments: Vec<_> = arguments.iter().map(to_theirs).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        match function.call(&mut self.store, &arguments, &mut results) {
            Ok(()) => End::Done(results.iter().map(to_ours).collect()),
            Err(error) => end(&error),
        }
    }

    /// Returns the value of an exported global, which is no reference.
    pub fn global(&mut self, name: &str) -> Value {
        let global = self.instance.get_global(&mut self.store, name).expect("it is exported");
        to_ours(&global.get(&mut self.store))
    }

    /// Returns what the function `observe` has to return, from what Wasmtime shows.
    pub fn observe(&mut self, hidden: &Hidden) -> i64 {
        let (mut hash, mut lanes) = (Hash(0), [0u32; 4]);
        for index in &hidden.memories {
            let memory = self.memory(&format!("m{index}"));
            hash.note((memory.len() / 65_536) as u64);
            for chunk in memory.as_chunks::<16>().0 {
                for (lane, (factor, bytes)) in lanes.iter_mut().zip(LANES.iter().zip(chunk.as_chunks().0)) {
                    *lane = lane.wrapping_mul(*factor).wrapping_add(u32::from_le_bytes(*bytes));
                }
            }
            let half = |at: usize| i64::from(lanes[at]) | i64::from(lanes[at + 1]) << 32;
            hash.0 = hash.0.wrapping_add(half(0) ^ half(2).wrapping_mul(3));
        }
        for index in 0..hidden.tables {
            let table = self.instance.get_table(&mut self.store, &format!("t{index}")).expect("it is exported");
            let size = table.size(&self.store);
            hash.note(size);
            for slot in 0..size.min(SLOTS.into()) {
                let reference = table.get(&mut self.store, slot).expect("it is within the table");
                hash.note(u64::from(reference.is_null()));
            }
        }
        for index in &hidden.globals {
            let global = self.instance.get_global(&mut self.store, &format!("g{index}")).expect("it is exported");
            let is_null = global.get(&mut self.store).ref_().is_some_and(|reference| reference.is_null());
            hash.note(u64::from(is_null));
        }
        hash.0
    }

    /// Returns an exported memory, or nothing.
    pub fn memory(&mut self, name: &str) -> &[u8] {
        match self.instance.get_export(&mut self.store, name) {
            Some(Extern::Memory(memory)) => memory.data(&self.store),
            _ => &[],
        }
    }
}

/// The hash that `observe` makes.
struct Hash(i64);

impl Hash {
    fn note(&mut self, number: u64) {
        self.0 = self.0.wrapping_mul(FACTOR).wrapping_add(number as i64);
    }
}

fn end(error: &wasmtime::Error) -> End {
    let Some(trap) = error.downcast_ref::<wasmtime::Trap>() else { panic!("{error:?}") };
    End::Trap(match trap {
        wasmtime::Trap::UnreachableCodeReached => Trap::Unreachable,
        wasmtime::Trap::MemoryOutOfBounds => Trap::MemoryOutOfBounds,
        wasmtime::Trap::TableOutOfBounds => Trap::TableOutOfBounds,
        wasmtime::Trap::IndirectCallToNull => Trap::IndirectCallToNull,
        wasmtime::Trap::BadSignature => Trap::BadSignature,
        wasmtime::Trap::IntegerDivisionByZero => Trap::IntegerDivisionByZero,
        wasmtime::Trap::IntegerOverflow => Trap::IntegerOverflow,
        wasmtime::Trap::BadConversionToInteger => Trap::BadConversionToInteger,
        wasmtime::Trap::StackOverflow => return End::Bound(Bound::Stack),
        wasmtime::Trap::OutOfFuel => return End::Bound(Bound::Fuel),
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
        other => panic!("a kind of value that Wasmtime is not told: {other:?}"),
    }
}

fn to_ours(value: &Val) -> Value {
    match value {
        Val::I32(v) => Value::I32(*v),
        Val::I64(v) => Value::I64(*v),
        Val::F32(bits) => Value::F32(f32::from_bits(*bits)),
        Val::F64(bits) => Value::F64(f64::from_bits(*bits)),
        Val::V128(v) => Value::V128(v.as_u128()),
        other => panic!("a reference that is handed out: {other:?}"),
    }
}
