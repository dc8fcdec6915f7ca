//! What every engine is asked to do, so that all are measured by the same code.

/// Something that runs WebAssembly.
pub trait Engine {
    /// As it stands at the head of a column.
    fn name(&self) -> String;

    /// Whose imports its guests have.
    fn abi(&self) -> Abi {
        Abi::Env
    }

    /// From bytes to what can be run, with all that an embedder has to set up for it.
    fn load(&self, wasm: &[u8]) -> Result<Box<dyn Loaded>>;

    /// From bytes to a result, as often as the same bytes come along.
    fn execute(&self, wasm: &[u8], input: &[u8]) -> Result<Vec<u8>> {
        self.load(wasm)?.run(input.to_vec())
    }
}

/// A module that can be run any number of times.
pub trait Loaded {
    /// A fresh instance, an input, its output; the input is given away.
    fn run(&self, input: Vec<u8>) -> Result<Vec<u8>>;

    /// An export of an instance that stays for as long as the call does.
    fn live(&self, export: &str) -> Result<Call>;

    /// An export of an instance that stays for good, in whichever way is the fastest to call.
    fn hot(&self, export: &str) -> Result<Call> {
        self.live(export)
    }
}

/// A call into a live instance.
pub type Call = Box<dyn FnMut(i32) -> Result<i32>>;

/// A failure, or why an engine cannot do what is asked.
pub type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// How guests get at their input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abi {
    /// belljar's, whose functions every engine can provide.
    Env,
    /// Extism's own, whose host functions cannot reach a guest's memory.
    Extism,
}

/// Fuel of a run or of a live instance: more than any of them needs.
pub const FUEL: u64 = 1_000_000_000_000;
