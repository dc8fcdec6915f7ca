//! Modules of `wasm-smith`, with every proposal that belljar runs and no other.

use arbitrary::Unstructured;
use wasm_smith::{Config, InstructionKind, InstructionKinds, Module};

mod live;
mod mend;

use crate::random::Random;

/// Makes the module of a seed.
pub fn module(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let config = Config {
        export_everything: true,
        max_imports: 0,
        // Without a type there is no function.
        min_types: 3,
        max_types: 6,
        min_funcs: 2,
        max_funcs: 4,
        min_globals: 1,
        max_globals: 8,
        max_data_segments: 5,
        max_element_segments: 5,
        max_elements: 10,
        max_memories: 3,
        max_tables: 3,
        max_instructions: random.range(20, 120),
        max_memory32_bytes: 3 << 16,
        max_table_elements: 200,
        allow_start_export: random.percent(5),
        allowed_instructions: kinds(&mut random),
        bulk_memory_enabled: true,
        extended_const_enabled: true,
        multi_value_enabled: true,
        reference_types_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        tail_call_enabled: true,
        acquire_release_atomics_enabled: false,
        compact_imports_enabled: false,
        custom_descriptors_enabled: false,
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        multibyte_array_access_enabled: false,
        relaxed_simd_enabled: false,
        shared_everything_threads_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    };
    let len = random.range(800, 2_200);
    let bytes = random.bytes(len);
    let wasm = Module::new(config, &mut Unstructured::new(&bytes)).expect("any bytes make a module").to_bytes();
    if random.percent(95) { mend::mended(&wasm, &mut random) } else { wasm }
}

/// Picks some kinds of instructions: where there are fewer, what is left comes together more often.
fn kinds(random: &mut Random) -> InstructionKinds {
    let shares = [
        (InstructionKind::Control, 85),
        (InstructionKind::Parametric, 90),
        (InstructionKind::Variable, 95),
        (InstructionKind::NumericInt, 90),
        (InstructionKind::Numeric, 40),
        (InstructionKind::Vector, 25),
        (InstructionKind::Memory, 35),
        (InstructionKind::Table, 25),
        (InstructionKind::Reference, 30),
    ];
    let kinds: Vec<_> = shares.into_iter().filter(|(_, share)| random.percent(*share)).map(|(kind, _)| kind).collect();
    InstructionKinds::new(&kinds)
}
