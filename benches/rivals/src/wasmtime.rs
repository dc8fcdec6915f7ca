//! wasmtime: its compiler Cranelift, with instances on demand and from a pool, and its interpreter
//! Pulley. All with fuel, which stops a run and cannot slice it.

use benches::engine::{self, Call, FUEL, Loaded, Result};
use wasmtime::{
    Caller, Config, Engine, Instance, InstanceAllocationStrategy, InstancePre, Linker, Memory, Module,
    PoolingAllocationConfig, Store,
};

/// One engine for all modules, which is how it is meant to be used.
pub fn engines() -> Result<Vec<Box<dyn engine::Engine>>> {
    let mut pool = PoolingAllocationConfig::default();
    pool.max_memory_size(128 << 20).total_memories(1_100).total_core_instances(1_100).total_tables(1_100);
    let mut pooled = metered();
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let mut pulley = metered();
    pulley.target("pulley64")?;
    let engines =
        [("wasmtime", metered()), ("wasmtime, pooled", pooled), ("wasmtime, Pulley", pulley)].map(|(name, config)| {
            let engine = Engine::new(&config)?;
            Ok(Box::new(Wasmtime { name, engine }) as Box<dyn engine::Engine>)
        });
    engines.into_iter().collect()
}

fn metered() -> Config {
    let mut config = Config::new();
    config.consume_fuel(true);
    config
}

struct Wasmtime {
    name: &'static str,
    engine: Engine,
}

impl engine::Engine for Wasmtime {
    fn name(&self) -> String {
        self.name.into()
    }

    fn load(&self, wasm: &[u8]) -> Result<Box<dyn Loaded>> {
        let module = Module::new(&self.engine, wasm)?;
        let mut linker = Linker::new(&self.engine);
        for import in module.imports() {
            match import.name() {
                "input_len" => {
                    linker.func_wrap("env", "input_len", |c: Caller<Io>| c.data().input.len() as u32)?;
                }
                "read_input" => drop(linker.func_wrap("env", "read_input", read_input)?),
                "write_output" => drop(linker.func_wrap("env", "write_output", write_output)?),
                "fail" => {
                    linker.func_wrap("env", "fail", |_: u32, _: u32| -> wasmtime::Result<()> {
                        Err(wasmtime::Error::msg("failed"))
                    })?;
                }
                other => return Err(format!("{other} is not provided").into()),
            }
        }
        Ok(Box::new(Program(linker.instantiate_pre(&module)?)))
    }
}

struct Program(InstancePre<Io>);

struct Io {
    input: Vec<u8>,
    cursor: usize,
    output: Vec<u8>,
    memory: Option<Memory>,
}

impl Program {
    fn start(&self, input: Vec<u8>) -> Result<(Store<Io>, Instance)> {
        let io = Io { input, cursor: 0, output: Vec::new(), memory: None };
        let mut store = Store::new(self.0.module().engine(), io);
        store.set_fuel(FUEL)?;
        let instance = self.0.instantiate(&mut store)?;
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        Ok((store, instance))
    }
}

impl Loaded for Program {
    fn run(&self, input: Vec<u8>) -> Result<Vec<u8>> {
        let len = input.len() as u32;
        let (mut store, instance) = self.start(input)?;
        let execute = instance.get_typed_func::<(u32, u32), i32>(&mut store, "execute")?;
        match execute.call(&mut store, (0, len))? {
            0 => Ok(store.into_data().output),
            status => Err(format!("status {status}").into()),
        }
    }

    fn live(&self, export: &str) -> Result<Call> {
        let (mut store, instance) = self.start(Vec::new())?;
        let function = instance.get_typed_func::<i32, i32>(&mut store, export)?;
        Ok(Box::new(move |argument| Ok(function.call(&mut store, argument)?)))
    }
}

fn read_input(mut caller: Caller<Io>, ptr: u32, len: u32) -> wasmtime::Result<u32> {
    let memory = caller.data().memory.ok_or_else(outside)?;
    let (bytes, io) = memory.data_and_store_mut(&mut caller);
    let count = (io.input.len() - io.cursor).min(len as usize);
    let to = bytes.get_mut(ptr as usize..).and_then(|to| to.get_mut(..count)).ok_or_else(outside)?;
    to.copy_from_slice(&io.input[io.cursor..][..count]);
    io.cursor += count;
    Ok(count as u32)
}

fn write_output(mut caller: Caller<Io>, ptr: u32, len: u32) -> wasmtime::Result<()> {
    let memory = caller.data().memory.ok_or_else(outside)?;
    let (bytes, io) = memory.data_and_store_mut(&mut caller);
    let from = bytes.get(ptr as usize..).and_then(|from| from.get(..len as usize)).ok_or_else(outside)?;
    io.output.extend_from_slice(from);
    Ok(())
}

fn outside() -> wasmtime::Error {
    wasmtime::Error::msg("outside the memory")
}
