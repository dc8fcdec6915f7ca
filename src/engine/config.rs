//! Configuration of the engine.

use wasmi::{CompilationMode, CustomFuelCosts};
use wasmparser::WasmFeatures;

use super::{cost, meter};
use crate::config::Config;

/// Whether the engine executes vectors as specified. It orders the lanes of a vector as the machine does, which is wrong
/// where that is not the order of WebAssembly.
pub(crate) const VECTORS: bool = cfg!(target_endian = "little");

/// Returns the configuration of the engine. It sets every option, since another crate of the embedding program may
/// have changed the defaults by enabling a feature.
pub(crate) fn engine_config(config: &Config) -> wasmi::Config {
    let mut engine = wasmi::Config::default();
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    engine
        .compilation_mode(CompilationMode::Eager)
        .consume_fuel(true)
        .fuel_cost(CustomFuelCosts {
            bytes_copied_per_fuel: meter::BYTES_PER_FUEL as u32,
            // The module limits bound translation: the first run of a module costs the same as later ones.
            fuel_per_bytes_translated: 0,
            fuel_per_bytes_validated: 0,
        })
        .operator_cost(cost::operator_cost())
        .set_min_stack_height(0)
        .set_max_stack_height(size(config.limits.value_stack_bytes))
        .set_max_recursion_depth(size(config.limits.call_depth))
        .ignore_custom_sections(true)
        .wasm_mutable_global(true)
        .wasm_sign_extension(true)
        .wasm_saturating_float_to_int(true)
        .wasm_multi_value(true)
        .wasm_multi_memory(true)
        .wasm_bulk_memory(true)
        .wasm_reference_types(true)
        .wasm_tail_call(true)
        .wasm_extended_const(true)
        .wasm_simd(VECTORS)
        .floats(true)
        .wasm_relaxed_simd(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false);
    engine
}

/// Returns the features of the engine for the parser, as [`engine_config`] sets them.
pub(crate) fn parser_features() -> WasmFeatures {
    let mut features = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        // Reference types need them.
        | WasmFeatures::GC_TYPES
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::FLOATS;
    features.set(WasmFeatures::SIMD, VECTORS);
    features
}
