//! Functions that AssemblyScript's standard library imports from `env`: one table for linking, documentation and tests.
//!
//! They are provided in a build with the feature `wasi`, unless the embedding program has a host function of that name.
//! See [the chapter on guests](crate::abi#what-assemblyscript-imports).

use super::{Capability, MODULE};
use crate::data::{
    outcome::Level,
    value::{FuncType, ValueType},
};

/// Function that the standard library imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// Parameter types.
    pub params: &'static [ValueType],
    /// Result types.
    pub results: &'static [ValueType],
    /// Description.
    pub meaning: &'static str,
    /// The capabilities that it stands for.
    pub capabilities: &'static [Capability],
    #[cfg_attr(not(feature = "wasi"), allow(dead_code, reason = "no function is called"))]
    pub(crate) call: Call,
}

/// Host function that implements an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Console(Level),
    Assert,
    Time,
    TimeLog,
    TimeEnd,
    Trace,
    Seed,
    DateNow,
    PerformanceNow,
    Exit,
}

use ValueType::{F64, I32};

const LOG: &[Capability] = &[Capability::Log];
const CLOCK: &[Capability] = &[Capability::Clock];
const LOG_AND_CLOCK: &[Capability] = &[Capability::Log, Capability::Clock];

/// All functions.
pub const FUNCTIONS: &[Function] = &[
    console("console.log", Level::Info, "logs a text at level info"),
    console("console.info", Level::Info, "logs a text at level info"),
    console("console.debug", Level::Debug, "logs a text at level debug"),
    console("console.warn", Level::Warn, "logs a text at level warn"),
    console("console.error", Level::Error, "logs a text at level error"),
    Function {
        name: "console.assert",
        params: &[I32, I32],
        results: &[],
        meaning: "if the condition is 0, logs `Assertion failed: ` and a text at level error",
        capabilities: LOG,
        call: Call::Assert,
    },
    timer("console.time", CLOCK, "starts the timer with this label, unless it runs or 64 others do", Call::Time),
    timer("console.timeLog", LOG_AND_CLOCK, "logs the label of a running timer and its milliseconds", Call::TimeLog),
    timer("console.timeEnd", LOG_AND_CLOCK, "does what `console.timeLog` does, and ends the timer", Call::TimeEnd),
    Function {
        name: "trace",
        params: &[I32, I32, F64, F64, F64, F64, F64],
        results: &[],
        meaning: "logs a text and the first of the five numbers, as many as the second parameter says, at level trace",
        capabilities: LOG,
        call: Call::Trace,
    },
    Function {
        name: "seed",
        params: &[],
        results: &[F64],
        meaning: "a random integer below 2^53, the upper bits of the next 8 random bytes; the seed of `Math.random`",
        capabilities: &[Capability::Random],
        call: Call::Seed,
    },
    Function {
        name: "Date.now",
        params: &[],
        results: &[F64],
        meaning: "milliseconds since 1970 as an integer, by the clock `realtime`",
        capabilities: CLOCK,
        call: Call::DateNow,
    },
    Function {
        name: "performance.now",
        params: &[],
        results: &[F64],
        meaning: "milliseconds with their fraction, by the clock `monotonic`",
        capabilities: CLOCK,
        call: Call::PerformanceNow,
    },
    Function {
        name: "process.exit",
        params: &[I32],
        results: &[],
        meaning: "ends the run with a status, 0 for success; does not return",
        capabilities: &[Capability::End],
        call: Call::Exit,
    },
];

const fn console(name: &'static str, level: Level, meaning: &'static str) -> Function {
    Function { name, params: &[I32], results: &[], meaning, capabilities: LOG, call: Call::Console(level) }
}

const fn timer(name: &'static str, capabilities: &'static [Capability], meaning: &'static str, call: Call) -> Function {
    Function { name, params: &[I32], results: &[], meaning, capabilities, call }
}

impl Function {
    /// Returns its type.
    pub fn ty(&self) -> FuncType {
        FuncType::new(self.params, self.results)
    }

    /// Returns whether it reads a text, and so needs the exported memory.
    pub(crate) fn needs_memory(&self) -> bool {
        !self.params.is_empty() && self.call != Call::Exit
    }
}

/// Returns the function for an import, whether or not this build provides it.
pub fn import(module: &str, name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| module == MODULE && function.name == name)
}
