//! The engine that belljar drives, driven by hand by somebody who knows it: the same prices, the same
//! slices, a deadline asked between them, host work charged as belljar charges it, and nothing else that
//! costs time.

use std::time::{Duration, Instant};

use belljar::meter;
use wasmi::{
    Caller, CompilationMode, CustomFuelCosts, Engine, Instance, Linker, Memory, Module, OperatorCost, Store, TrapCode,
    TypedFunc, TypedResumableCall, WasmParams, WasmResults,
};

use crate::{
    PORTABLE,
    engine::{self, Call, FUEL, Loaded, Result},
};

const SLICE: u64 = 100_000;

/// What slices are for.
const DEADLINE: Duration = Duration::from_secs(3_600);

pub struct Hand {
    /// Whether bytes are validated before they are translated, as those from anybody have to be: with
    /// some that are not valid the translator panics.
    safe: bool,
}

impl Hand {
    pub fn safe() -> Self {
        Hand { safe: true }
    }

    pub fn unchecked() -> Self {
        Hand { safe: false }
    }

    pub fn program(&self, wasm: &[u8]) -> Result<Program> {
        let engine = Engine::new(&config());
        if self.safe {
            Module::validate(&engine, wasm)?;
        }
        let module = Module::new(&engine, wasm)?;
        let linker = link(&engine, &module)?;
        Ok(Program { engine, module, linker })
    }
}

impl engine::Engine for Hand {
    fn name(&self) -> String {
        let portable = if PORTABLE { ", portable" } else { "" };
        let unchecked = if self.safe { "" } else { ", unchecked" };
        format!("wasmi by hand{unchecked}{portable}")
    }

    fn load(&self, wasm: &[u8]) -> Result<Box<dyn Loaded>> {
        Ok(Box::new(self.program(wasm)?))
    }
}

pub struct Program {
    engine: Engine,
    module: Module,
    linker: Linker<Io>,
}

/// The state of one run.
struct Io {
    input: Vec<u8>,
    cursor: usize,
    output: Vec<u8>,
    memory: Option<Memory>,
    /// Fuel beyond the current slice.
    rest: u64,
    started: Instant,
}

impl Io {
    fn ask(&self) -> Result<()> {
        if self.started.elapsed() < DEADLINE { Ok(()) } else { Err("the deadline has passed".into()) }
    }
}

impl Program {
    fn start(&self, input: Vec<u8>) -> Result<(Store<Io>, Instance)> {
        let io = Io { input, cursor: 0, output: Vec::new(), memory: None, rest: FUEL - SLICE, started: Instant::now() };
        let mut store = Store::new(&self.engine, io);
        store.set_fuel(SLICE)?;
        let instance = self.linker.instantiate_and_start(&mut store, &self.module)?;
        store.data_mut().memory = instance.get_memory(&store, "memory");
        Ok((store, instance))
    }

    /// Fuel of a call in an instance of its own.
    pub fn fuel(&self, export: &str, argument: i32) -> Result<u64> {
        let (mut store, instance) = self.start(Vec::new())?;
        let function = instance.get_typed_func::<i32, i32>(&store, export)?;
        let left = |store: &Store<Io>| -> Result<u64> { Ok(store.data().rest + store.get_fuel()?) };
        let before = left(&store)?;
        in_slices(&mut store, &function, argument)?;
        Ok(before - left(&store)?)
    }
}

impl Loaded for Program {
    fn run(&self, input: Vec<u8>) -> Result<Vec<u8>> {
        let len = input.len() as u32;
        let (mut store, instance) = self.start(input)?;
        let execute = instance.get_typed_func::<(u32, u32), i32>(&store, "execute")?;
        match in_slices(&mut store, &execute, (0, len))? {
            0 => Ok(store.into_data().output),
            status => Err(format!("status {status}").into()),
        }
    }

    fn live(&self, export: &str) -> Result<Call> {
        let (mut store, instance) = self.start(Vec::new())?;
        let function = instance.get_typed_func::<i32, i32>(&store, export)?;
        Ok(Box::new(move |argument| {
            store.data().ask()?;
            in_slices(&mut store, &function, argument)
        }))
    }
}

fn in_slices<P: WasmParams, R: WasmResults>(
    store: &mut Store<Io>,
    function: &TypedFunc<P, R>,
    arguments: P,
) -> Result<R> {
    let mut call = function.call_resumable(&mut *store, arguments)?;
    loop {
        match call {
            TypedResumableCall::Finished(results) => return Ok(results),
            TypedResumableCall::HostTrap(trap) => return Err(trap.host_error().to_string().into()),
            TypedResumableCall::OutOfFuel(paused) => {
                store.data().ask()?;
                let left = store.get_fuel()?;
                let more = SLICE.max(paused.required_fuel()) - left;
                let io = store.data_mut();
                io.rest = io.rest.checked_sub(more).ok_or("out of fuel")?;
                store.set_fuel(left + more)?;
                call = paused.resume(&mut *store)?;
            }
        }
    }
}

/// Links what the module imports, and only that.
fn link(engine: &Engine, module: &Module) -> Result<Linker<Io>> {
    let mut linker = Linker::new(engine);
    for import in module.imports() {
        match import.name() {
            "input_len" => linker.func_wrap("env", "input_len", input_len)?,
            "read_input" => linker.func_wrap("env", "read_input", read_input)?,
            "write_output" => linker.func_wrap("env", "write_output", write_output)?,
            "fail" => linker.func_wrap("env", "fail", |_: u32, _: u32| -> Result<(), wasmi::Error> {
                Err(wasmi::Error::i32_exit(1))
            })?,
            other => return Err(format!("{other} is not provided").into()),
        };
    }
    Ok(linker)
}

fn input_len(mut caller: Caller<Io>) -> Result<u32, wasmi::Error> {
    charge(&mut caller, meter::HOST_CALL)?;
    Ok(caller.data().input.len() as u32)
}

fn read_input(mut caller: Caller<Io>, ptr: u32, len: u32) -> Result<u32, wasmi::Error> {
    let io = caller.data();
    let memory = io.memory.ok_or(TrapCode::MemoryOutOfBounds)?;
    let count = (io.input.len() - io.cursor).min(len as usize);
    charge(&mut caller, meter::HOST_CALL + (count as u64).div_ceil(meter::BYTES_PER_FUEL))?;
    let (bytes, io) = memory.data_and_store_mut(&mut caller);
    let to = bytes.get_mut(ptr as usize..).and_then(|to| to.get_mut(..count)).ok_or(TrapCode::MemoryOutOfBounds)?;
    to.copy_from_slice(&io.input[io.cursor..][..count]);
    io.cursor += count;
    Ok(count as u32)
}

fn write_output(mut caller: Caller<Io>, ptr: u32, len: u32) -> Result<(), wasmi::Error> {
    let memory = caller.data().memory.ok_or(TrapCode::MemoryOutOfBounds)?;
    charge(&mut caller, meter::HOST_CALL + (2 * u64::from(len)).div_ceil(meter::BYTES_PER_FUEL))?;
    let (bytes, io) = memory.data_and_store_mut(&mut caller);
    let from = bytes.get(ptr as usize..).and_then(|from| from.get(..len as usize));
    io.output.extend_from_slice(from.ok_or(TrapCode::MemoryOutOfBounds)?);
    Ok(())
}

/// Takes fuel from the slice, and then from what is beyond it.
fn charge(caller: &mut Caller<Io>, fuel: u64) -> Result<(), wasmi::Error> {
    let slice = caller.get_fuel()?;
    if fuel <= slice {
        return caller.set_fuel(slice - fuel);
    }
    let io = caller.data_mut();
    io.rest = io.rest.checked_sub(fuel - slice).ok_or(TrapCode::OutOfFuel)?;
    caller.set_fuel(0)
}

/// As belljar has it, whose list of prices is its own.
fn config() -> wasmi::Config {
    let mut config = wasmi::Config::default();
    config
        .compilation_mode(CompilationMode::Eager)
        .consume_fuel(true)
        .fuel_cost(CustomFuelCosts {
            bytes_copied_per_fuel: meter::BYTES_PER_FUEL as u32,
            fuel_per_bytes_translated: 0,
            fuel_per_bytes_validated: 0,
        })
        .operator_cost(prices())
        .set_max_recursion_depth(10_000)
        .set_max_stack_height(1 << 20)
        .ignore_custom_sections(true);
    config
}

/// Of the operators that the guests have; vectors are none of them.
fn prices() -> OperatorCost {
    OperatorCost {
        i32_load: meter::LOAD,
        i64_load: meter::LOAD,
        f32_load: meter::LOAD,
        f64_load: meter::LOAD,
        i32_load8_s: meter::LOAD,
        i32_load8_u: meter::LOAD,
        i32_load16_s: meter::LOAD,
        i32_load16_u: meter::LOAD,
        i64_load8_s: meter::LOAD,
        i64_load8_u: meter::LOAD,
        i64_load16_s: meter::LOAD,
        i64_load16_u: meter::LOAD,
        i64_load32_s: meter::LOAD,
        i64_load32_u: meter::LOAD,
        memory_init: meter::BULK,
        memory_copy: meter::BULK,
        memory_fill: meter::BULK,
        memory_grow: meter::GROWTH,
        call: meter::CALL,
        call_indirect: meter::CALL_INDIRECT,
        ..OperatorCost::default()
    }
}
