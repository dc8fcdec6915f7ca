//! belljar, by its public functions.

use belljar::{Config, Instance, Module, Sandbox};

use crate::{
    PORTABLE,
    engine::{Call, Engine, FUEL, Loaded, Result},
};

/// The limits are beyond what any case needs; all of them are enforced.
pub struct Belljar {
    config: Config,
}

impl Belljar {
    #[expect(clippy::new_without_default, reason = "it is made in one place")]
    pub fn new() -> Self {
        let config = Config::default()
            .with_fuel(FUEL)
            .with_memory_bytes(128 << 20)
            .with_output_bytes(128 << 20)
            .with_host_calls(FUEL)
            .with_module_load_work(10_000_000)
            .with_deadline_ms(3_600_000);
        Belljar { config }
    }

    pub fn program(&self, wasm: &[u8]) -> Result<Program> {
        let sandbox = Sandbox::new(self.config.clone())?;
        let module = sandbox.load(wasm)?;
        Ok(Program { sandbox, module })
    }
}

impl Engine for Belljar {
    fn name(&self) -> String {
        if PORTABLE { "belljar, portable" } else { "belljar" }.into()
    }

    fn load(&self, wasm: &[u8]) -> Result<Box<dyn Loaded>> {
        Ok(Box::new(self.program(wasm)?))
    }

    fn execute(&self, wasm: &[u8], input: &[u8]) -> Result<Vec<u8>> {
        Ok(belljar::execute(wasm, input, &self.config)?.output)
    }
}

pub struct Program {
    sandbox: Sandbox,
    module: Module,
}

impl Program {
    /// Fuel of a call in an instance of its own.
    pub fn fuel(&self, export: &str, argument: i32) -> Result<u64> {
        let mut instance = self.sandbox.instance(&self.module)?;
        let before = instance.usage().fuel;
        instance.call::<i32, i32>(export, argument)?;
        Ok(instance.usage().fuel - before)
    }
}

impl Loaded for Program {
    fn run(&self, input: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.sandbox.run(&self.module, input)?.output)
    }

    fn live(&self, export: &str) -> Result<Call> {
        let mut instance: Instance = self.sandbox.instance(&self.module)?;
        let export = export.to_string();
        Ok(Box::new(move |argument| Ok(instance.call::<i32, i32>(&export, argument)?)))
    }

    fn hot(&self, export: &str) -> Result<Call> {
        // A function borrows its instance, which has to stay where it is.
        let instance: &'static mut Instance = Box::leak(Box::new(self.sandbox.instance(&self.module)?));
        let mut function = instance.function::<i32, i32>(export)?;
        Ok(Box::new(move |argument| Ok(function.call(argument)?)))
    }
}
