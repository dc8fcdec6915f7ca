//! Subjects that are made from seeds, by the generators of `tests/difference`.

use belljar::{Config, Profile, config::OnGrowthLimit};

use crate::{
    generator::Generator,
    observe,
    subject::{Run, Subject},
};

/// Makes the subject of a seed.
pub fn generated(generator: Generator, seed: u64) -> Subject {
    let case = observe::case(&generator.module(seed), seed);
    let mut runs: Vec<_> = case.calls.into_iter().map(|call| Run::call(&call.name, call.arguments)).collect();
    if case.is_driven {
        runs.push(Run::call(observe::DRIVE, Vec::new()));
    }
    Subject { name: format!("{} {seed}", generator.name()), wasm: case.wasm, config: config(seed), runs }
}

/// Returns limits that some growths come to; at them a growth gives -1 or stops the run.
fn config(seed: u64) -> Config {
    let on_limit = if seed.is_multiple_of(2) { OnGrowthLimit::Refuse } else { OnGrowthLimit::Stop };
    Config::profile(Profile::Large)
        .with_fuel(10_000_000)
        .with_memory_bytes(16 << 16)
        .with_table_elements(1_000)
        .with_call_depth(300)
        .with_module_memories(16)
        .with_on_growth_limit(on_limit)
}
