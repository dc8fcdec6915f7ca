//! tinywasm, an interpreter in safe Rust: with fuel, in slices.

use std::{cell::RefCell, rc::Rc};

use benches::engine::{Call, Engine, Loaded, Result};
use tinywasm::{
    ExecProgress, FuncContext, FuncExecutionTyped, HostFunction, Imports, Module, ModuleInstance, Store,
    engine::FuelPolicy,
};

const SLICE: u32 = 100_000;

pub struct TinyWasm;

impl Engine for TinyWasm {
    fn name(&self) -> String {
        "tinywasm".into()
    }

    fn load(&self, wasm: &[u8]) -> Result<Box<dyn Loaded>> {
        Ok(Box::new(Program(tinywasm::parse_bytes(wasm)?)))
    }
}

struct Program(Module);

#[derive(Default)]
struct Io {
    input: Vec<u8>,
    cursor: usize,
    output: Vec<u8>,
}

impl Program {
    fn start(&self, input: Vec<u8>) -> Result<(Store, ModuleInstance, Rc<RefCell<Io>>)> {
        let config = tinywasm::engine::Config::new().with_fuel_policy(FuelPolicy::Weighted);
        let mut store = Store::new(tinywasm::Engine::new(config));
        let io = Rc::new(RefCell::new(Io { input, ..Io::default() }));
        let imports = link(&mut store, &io);
        let instance = ModuleInstance::instantiate(&mut store, &self.0, Some(imports))?;
        Ok((store, instance, io))
    }
}

impl Loaded for Program {
    fn run(&self, input: Vec<u8>) -> Result<Vec<u8>> {
        let len = input.len() as i32;
        let (mut store, instance, io) = self.start(input)?;
        let execute = instance.func::<(i32, i32), i32>(&store, "execute")?;
        match in_slices(execute.call_resumable(&mut store, (0, len))?)? {
            0 => Ok(std::mem::take(&mut io.borrow_mut().output)),
            status => Err(format!("status {status}").into()),
        }
    }

    fn live(&self, export: &str) -> Result<Call> {
        let (mut store, instance, _) = self.start(Vec::new())?;
        let function = instance.func::<i32, i32>(&store, export)?;
        Ok(Box::new(move |argument| in_slices(function.call_resumable(&mut store, argument)?)))
    }
}

fn in_slices(mut call: FuncExecutionTyped<i32>) -> Result<i32> {
    loop {
        if let ExecProgress::Completed(result) = call.resume_with_fuel(SLICE)? {
            return Ok(result);
        }
    }
}

fn link(store: &mut Store, io: &Rc<RefCell<Io>>) -> Imports {
    let mut imports = Imports::new();
    let of = Rc::clone(io);
    let input_len = move |_: FuncContext, ()| Ok(of.borrow().input.len() as i32);
    imports.define("env", "input_len", HostFunction::from(store, input_len));
    let of = Rc::clone(io);
    let read = move |mut context: FuncContext, (ptr, len): (i32, i32)| {
        let io = &mut *of.borrow_mut();
        let count = (io.input.len() - io.cursor).min(len as u32 as usize);
        let memory = context.memory("memory")?;
        memory.copy_from_slice(context.store_mut(), ptr as u32 as usize, &io.input[io.cursor..][..count])?;
        io.cursor += count;
        Ok(count as i32)
    };
    imports.define("env", "read_input", HostFunction::from(store, read));
    let of = Rc::clone(io);
    let write = move |context: FuncContext, (ptr, len): (i32, i32)| {
        let bytes = context.memory("memory")?.read_vec(context.store(), ptr as u32 as usize, len as u32 as usize)?;
        let output = &mut of.borrow_mut().output;
        if output.is_empty() {
            *output = bytes;
        } else {
            output.extend(bytes);
        }
        Ok(())
    };
    imports.define("env", "write_output", HostFunction::from(store, write));
    let fail = |_: FuncContext, _: (i32, i32)| -> tinywasm::Result<()> { Err(tinywasm::Trap::Unreachable.into()) };
    imports.define("env", "fail", HostFunction::from(store, fail));
    imports
}
