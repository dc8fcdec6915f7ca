//! Generated modules, valid and made of what is switched on, and calls of what they export.

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Result, Unstructured};
use belljar::{Module, Value, ValueType, abi, inspect::ExternType};

/// What a generated module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It imports what it likes of the ABI, and exports a memory, two entries and two other functions.
    Guest,
    /// It imports nothing, and exports all it has.
    Library,
}

/// A valid module with at most so many memories.
pub fn generate(u: &mut Unstructured<'_>, kind: Kind, memories: usize) -> Result<wasm_smith::Module> {
    let guest = kind == Kind::Guest;
    let config = wasm_smith::Config {
        available_imports: guest.then(|| IMPORTS.clone()),
        exports: guest.then(|| EXPORTS.clone()),
        export_everything: !guest,
        max_imports: if guest { 10 } else { 0 },
        max_memories: memories,
        max_tables: 2,
        max_memory32_bytes: 2 << 16,
        max_table_elements: 2_000,
        max_funcs: 20,
        max_instructions: u.int_in_range(10..=400)?,
        min_funcs: 1,
        allow_start_export: u.ratio(1, 8)?,
        simd_enabled: u.arbitrary()?,
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        compact_imports_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        shared_everything_threads_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..wasm_smith::Config::default()
    };
    wasm_smith::Module::new(config, u)
}

/// A module that exports what a guest exports.
static EXPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let text = r#"(module (memory (export "memory") 1 3) (global (export "state") (mut i64) (i64.const 0))
        (func (export "execute") (param i32 i32) (result i32) unreachable) (func (export "_start"))
        (func (export "mix") (param i32 i64 f32 f64 v128) (result i64 f64 v128) unreachable)
        (func (export "count") (param i64) (result i64) unreachable))"#;
    wat::parse_str(text).expect("it is a module")
});

/// A module that imports all of the ABI.
static IMPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let words = |of: &str, types: &[ValueType]| {
        let types = types.iter().map(|ty| format!(" {ty}"));
        if types.len() == 0 { String::new() } else { format!("({of}{})", types.collect::<String>()) }
    };
    let imports = abi::FUNCTIONS.iter().flat_map(|function| {
        let ty = words("param", function.params) + &words("result", function.results);
        function.names.iter().map(move |name| format!("(import \"{}\" \"{name}\" (func {ty}))", abi::MODULE))
    });
    wat::parse_str(format!("(module {})", imports.collect::<String>())).expect("it is a module")
});

/// The exported functions that can be called by values, each with arguments.
pub fn calls(u: &mut Unstructured<'_>, module: &Module) -> Vec<(String, Vec<Value>)> {
    let exports = module.inspect().exports.iter().filter_map(|export| {
        let ExternType::Function(ty) = &export.ty else { return None };
        if ty.results.iter().any(is_reference) {
            return None;
        }
        let arguments = ty.params.iter().map(|ty| value(u, *ty)).collect::<Option<_>>()?;
        Some((export.name.clone(), arguments))
    });
    exports.take(6).collect()
}

fn is_reference(ty: &ValueType) -> bool {
    matches!(ty, ValueType::FuncRef | ValueType::ExternRef)
}

/// `None` for references. What there are no bytes left for is 0.
fn value(u: &mut Unstructured<'_>, ty: ValueType) -> Option<Value> {
    let bits = bits(u).unwrap_or_default();
    Some(match ty {
        ValueType::I32 => Value::I32(bits as i32),
        ValueType::I64 => Value::I64(bits as i64),
        ValueType::F32 => Value::F32(f32::from_bits(bits as u32)),
        ValueType::F64 => Value::F64(f64::from_bits(bits as u64)),
        ValueType::V128 => Value::V128(bits),
        ValueType::FuncRef | ValueType::ExternRef => return None,
    })
}

/// Bits of a value, more often than not such as stand at the end of a range.
pub fn bits(u: &mut Unstructured<'_>) -> Result<u128> {
    /// The ends of integers, of pages, and of floats: each in every lane of its size.
    const ENDS: [u128; 16] = [
        0,
        1,
        u128::MAX,
        8,
        65_532,
        65_536,
        131_068,
        0x7fff_ffff_7fff_ffff_7fff_ffff_7fff_ffff,
        0x8000_0000_8000_0000_8000_0000_8000_0000,
        0x8000_0000_0000_0000_8000_0000_0000_0000,
        0x7fc0_0000_7fc0_0000_7fc0_0000_7fc0_0000,
        0xffa0_0001_ffa0_0001_ffa0_0001_ffa0_0001,
        0x7ff4_0000_0000_0001_fff8_0000_0000_0000,
        0x3f80_0000_bf80_0000_3f00_0000_0000_0001,
        0x41df_ffff_ffc0_0000_43e0_0000_0000_0000,
        0x4f00_0000_5f00_0000_cf00_0000_df00_0000,
    ];
    Ok(match u8::arbitrary(u)? {
        known @ 0..192 => ENDS[usize::from(known) % ENDS.len()],
        192..224 => u128::from(u8::arbitrary(u)?),
        _ => u128::arbitrary(u)?,
    })
}
