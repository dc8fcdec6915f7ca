//! Modules made of random bytes.

use arbitrary::Unstructured;

/// A generator whose next state everybody can compute: SplitMix64
/// (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// A valid module that keeps to what is switched on.
pub fn generate(seed: u64) -> Vec<u8> {
    generate_with(seed, true)
}

/// The same with vectors or without.
pub fn generate_with(seed: u64, vectors: bool) -> Vec<u8> {
    let bytes = Random(seed).bytes(2_000);
    let config = wasm_smith::Config {
        allow_start_export: true,
        bulk_memory_enabled: true,
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        extended_const_enabled: true,
        gc_enabled: false,
        max_imports: 0,
        max_memories: 2,
        max_tables: 2,
        max_memory32_bytes: 1 << 20,
        max_table_elements: 2_000,
        memory64_enabled: false,
        min_funcs: 1,
        export_everything: true,
        multi_value_enabled: true,
        reference_types_enabled: true,
        relaxed_simd_enabled: false,
        shared_everything_threads_enabled: false,
        simd_enabled: vectors,
        tail_call_enabled: true,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..wasm_smith::Config::default()
    };
    wasm_smith::Module::new(config, &mut Unstructured::new(&bytes)).unwrap().to_bytes()
}
