//! Extism, a plugin framework on wasmtime, with its fuel limit. Its host functions cannot reach the
//! memory of a guest, so the guests are those of its own ABI.

use benches::engine::{Abi, Call, Engine, FUEL, Loaded, Result};
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};

pub struct Extism;

impl Engine for Extism {
    fn name(&self) -> String {
        "Extism".into()
    }

    fn abi(&self) -> Abi {
        Abi::Extism
    }

    fn load(&self, wasm: &[u8]) -> Result<Box<dyn Loaded>> {
        let manifest = Manifest::new([Wasm::data(wasm)]);
        // What is compiled is kept on disk unless this is said.
        let builder = PluginBuilder::new(manifest).with_fuel_limit(FUEL).with_cache_disabled();
        Ok(Box::new(Program(builder.compile()?)))
    }
}

struct Program(CompiledPlugin);

impl Loaded for Program {
    fn run(&self, input: Vec<u8>) -> Result<Vec<u8>> {
        let mut plugin = Plugin::new_from_compiled(&self.0)?;
        Ok(plugin.call::<Vec<u8>, Vec<u8>>("go", input)?)
    }

    fn live(&self, _: &str) -> Result<Call> {
        Err("it calls no functions with parameters".into())
    }
}
