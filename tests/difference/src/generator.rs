//! The generators: modules that are pure functions of a seed.

mod smith;
mod stack;

/// Which generator makes the modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generator {
    /// `wasm-smith`: every kind of module.
    Smith,
    /// One of our own: code that makes much use of the operand stack.
    Stack,
}

impl Generator {
    /// Returns the generator of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "smith" => Some(Generator::Smith),
            "stack" => Some(Generator::Stack),
            _ => None,
        }
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Generator::Smith => "smith",
            Generator::Stack => "stack",
        }
    }

    /// Makes the module of a seed. It is valid, imports nothing, and exports the functions that are to be called.
    pub fn module(self, seed: u64) -> Vec<u8> {
        match self {
            Generator::Smith => smith::module(seed),
            Generator::Stack => stack::module(seed),
        }
    }
}
