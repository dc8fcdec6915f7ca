//! wasm3, an interpreter in C, by its Rust bindings. It has no fuel, does not validate, translates a
//! function when it is first called, and keeps no translation: each run begins with the bytes.

use std::{cell::RefCell, rc::Rc};

use benches::engine::{Call, Engine, Loaded, Result};
use wasm3::{CallContext, Environment, Runtime};

/// Slots of the stack, which is 512 KiB.
const STACK: u32 = 64 << 10;

pub struct Wasm3;

impl Engine for Wasm3 {
    fn name(&self) -> String {
        "wasm3".into()
    }

    fn load(&self, wasm: &[u8]) -> Result<Box<dyn Loaded>> {
        Ok(Box::new(Program { environment: Environment::new().map_err(text)?, wasm: wasm.into() }))
    }
}

struct Program {
    environment: Environment,
    wasm: Box<[u8]>,
}

#[derive(Default)]
struct Io {
    input: Vec<u8>,
    cursor: usize,
    output: Vec<u8>,
}

impl Program {
    fn start(&self, input: Vec<u8>) -> Result<(Runtime, Rc<RefCell<Io>>)> {
        let runtime = self.environment.create_runtime(STACK).map_err(text)?;
        let mut module = runtime.parse_and_load_module(self.wasm.clone()).map_err(text)?;
        let io = Rc::new(RefCell::new(Io { input, ..Io::default() }));
        // One that is not imported cannot be linked, and need not be.
        let of = Rc::clone(&io);
        let _ = module.link_closure("env", "input_len", move |_, ()| Ok(of.borrow().input.len() as i32));
        let of = Rc::clone(&io);
        let _ = module.link_closure("env", "read_input", move |context: CallContext, (ptr, len): (i32, i32)| {
            let io = &mut *of.borrow_mut();
            let count = (io.input.len() - io.cursor).min(len as u32 as usize);
            // SAFETY: no guest code runs while the memory is borrowed.
            let memory = unsafe { &mut *context.memory_mut() };
            memory[ptr as u32 as usize..][..count].copy_from_slice(&io.input[io.cursor..][..count]);
            io.cursor += count;
            Ok(count as i32)
        });
        let of = Rc::clone(&io);
        let _ = module.link_closure("env", "write_output", move |context: CallContext, (ptr, len): (i32, i32)| {
            // SAFETY: as above.
            let memory = unsafe { &*context.memory() };
            of.borrow_mut().output.extend_from_slice(&memory[ptr as u32 as usize..][..len as u32 as usize]);
            Ok(())
        });
        let _ = module.link_closure("env", "fail", |_, _: (i32, i32)| Err::<(), _>(wasm3::error::Trap::Abort));
        Ok((runtime, io))
    }
}

impl Loaded for Program {
    fn run(&self, input: Vec<u8>) -> Result<Vec<u8>> {
        let len = input.len() as i32;
        let (runtime, io) = self.start(input)?;
        let execute = runtime.find_function::<(i32, i32), i32>("execute").map_err(text)?;
        match execute.call(0, len).map_err(text)? {
            0 => Ok(std::mem::take(&mut io.borrow_mut().output)),
            status => Err(format!("status {status}").into()),
        }
    }

    fn live(&self, export: &str) -> Result<Call> {
        let (runtime, _) = self.start(Vec::new())?;
        let runtime = Box::into_raw(Box::new(runtime));
        let live = Live { runtime };
        // SAFETY: the runtime lives as long as `live`, which the function goes with.
        let function = unsafe { &*runtime }.find_function::<i32, i32>(export).map_err(text)?;
        Ok(Box::new(move |argument| {
            let _ = &live;
            function.call(argument).map_err(text)
        }))
    }
}

/// A runtime that a function borrows, beside it.
struct Live {
    runtime: *mut Runtime,
}

impl Drop for Live {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and nobody else drops it.
        drop(unsafe { Box::from_raw(self.runtime) });
    }
}

/// Its errors cannot be sent between threads.
fn text(error: wasm3::error::Error) -> Box<dyn std::error::Error> {
    error.to_string().into()
}
