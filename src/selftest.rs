//! Self-test of a build on the machine it runs on: for each limit and safeguard an input that reaches it, and the
//! expected result.
//!
//! The inputs are harmless: any engine completes or refuses each of them within a second and a few pages of memory.
//! They reach a limit because the configuration sets it low.
//!
//! ```
//! let check = belljar::selftest::checks().find(|check| check.name == "fuel").unwrap();
//! assert_eq!(check.run(), check.expected);
//! ```

extern crate std;

use alloc::{boxed::Box, format, string::String, vec::Vec};

use crate::{Config, Error, GuestFault, HostStop, LimitExceeded, ModuleError, Outcome, Sandbox, Step, StopReason};

mod load;
mod run;
#[cfg(feature = "wasi")]
mod wasi;

/// An input with a configuration and the expected result.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Name.
    pub name: &'static str,
    /// Description of the input, in one line.
    pub does: &'static str,
    /// Subject of the check: a configuration key, or a safeguard.
    pub tests: &'static str,
    /// Expected result, in the form of [`end`].
    pub expected: &'static str,
    /// Changes to the default configuration, as TOML.
    config: &'static str,
    given: Given,
}

/// Input of a check.
#[derive(Debug, Clone, Copy)]
enum Given {
    /// A module in the text format, converted to the binary format first.
    Module(&'static str),
    /// The same, with a host function `host.panic` that panics.
    Panic(&'static str),
    /// A module in the text format, loaded as text.
    Text(&'static str),
    /// Bytes.
    Bytes(&'static [u8]),
    /// Only the configuration.
    Config,
}

/// Defines a list of checks: name, description, subject, configuration, expected result, input.
macro_rules! list {
    ($($name:literal, $does:literal, $tests:literal, $config:expr => $expected:literal, $given:ident $(($input:expr))?;)*) => {
        pub(super) const CHECKS: &[super::Check] = &[$(super::Check {
            name: $name, does: $does, tests: $tests, expected: $expected, config: $config,
            given: super::Given::$given $(($input))?,
        }),*];
    };
}
use list;

/// Returns all checks.
///
/// With `panic = "abort"`, the check of a panicking host function is left out: the panic would end the process.
pub fn checks() -> impl Iterator<Item = Check> {
    let parts: &[&'static [Check]] = &[
        run::CHECKS,
        load::CHECKS,
        #[cfg(feature = "wasi")]
        wasi::CHECKS,
    ];
    parts.iter().copied().flatten().copied().filter(|check| !(cfg!(panic = "abort") && check.tests == "host panic"))
}

impl Check {
    /// Returns the module in the binary format, if the input is one that another engine can load.
    pub fn module(&self) -> Option<Vec<u8>> {
        match self.given {
            Given::Module(text) => wat::parse_str(text).ok(),
            Given::Bytes(bytes) => Some(bytes.into()),
            Given::Panic(_) | Given::Text(_) | Given::Config => None,
        }
    }

    /// Returns the configuration, or an error if the check expects one.
    pub fn config(&self) -> Result<Config, Error> {
        Config::from_toml(self.config)
    }

    /// Runs the check, and returns the result in the form of [`end`].
    pub fn run(&self) -> String {
        let whole = self.outcome(None);
        if self.tests == "slices" && self.outcome(Some(7)) != whole {
            return "another outcome in slices".into();
        }
        end(&whole)
    }

    fn outcome(&self, slice: Option<u64>) -> Result<Outcome, Error> {
        let builder = Sandbox::builder().config(self.config()?);
        // Without the panic hook, which would print a message.
        let panics = || -> () { std::panic::resume_unwind(Box::new("as it was asked to")) };
        let sandbox = match self.given {
            Given::Panic(_) => builder.host_function("host", "panic", panics).build()?,
            _ => builder.build()?,
        };
        let module = match self.given {
            Given::Module(text) | Given::Panic(text) => sandbox.load(&wat::parse_str(text).unwrap_or_default())?,
            Given::Text(text) => sandbox.load_text(text)?,
            Given::Bytes(bytes) => sandbox.load(bytes)?,
            Given::Config => return Ok(Outcome::default()),
        };
        let mut run = sandbox.start(&module, b"some input")?;
        loop {
            if let Step::Done(outcome) = run.step(slice.unwrap_or(u64::MAX))? {
                return Ok(outcome);
            }
        }
    }
}

/// Formats a result: `done`, or the phase and the name of the error's variant, for a limit its key.
pub fn end(result: &Result<Outcome, Error>) -> String {
    match result {
        Ok(outcome) if outcome.log.dropped > 0 => "done, the log cut".into(),
        Ok(_) => "done".into(),
        Err(Error::Config(error)) => format!("configuration: {}", config_problem(&error.problem)),
        Err(Error::Module(error)) => format!("refused: {}", refused(error)),
        Err(Error::Call(error)) => format!("call: {error}"),
        Err(Error::Stopped(stopped)) => format!("stopped: {}", stop(&stopped.reason)),
        Err(Error::Isolation(error)) => format!("isolation: {error}"),
    }
}

fn config_problem(problem: &crate::error::ConfigProblem) -> &'static str {
    use crate::error::ConfigProblem as P;
    match problem {
        P::Syntax { .. } => "syntax",
        P::TooLong { .. } => "too long",
        P::UnknownKey { .. } => "unknown key",
        P::WrongType { .. } => "wrong type",
        P::OutOfRange { .. } => "out of range",
        P::Unreadable { .. } => "unreadable",
        P::UnknownWord { .. } => "unknown word",
        P::Unfit { .. } => "unfit",
        P::Directory { .. } => "directory",
        P::UnknownGrant { .. } => "unknown grant",
        P::Ungranted { .. } => "ungranted",
        P::Unenforceable { .. } => "unenforceable",
        P::Dispatch { .. } => "dispatch",
        P::HostFunction { .. } => "host function",
    }
}

fn refused(error: &ModuleError) -> &'static str {
    use ModuleError as M;
    match error {
        M::Empty => "empty",
        M::NotWasm { .. } => "not wasm",
        M::Component => "component",
        M::Version { .. } => "version",
        M::Malformed { .. } => "malformed",
        M::Invalid { .. } => "invalid",
        M::Unsupported { .. } => "unsupported",
        M::Limit { key, .. } => key,
        M::Imports { .. } => "imports",
        M::NoMemory { .. } => "no memory",
        M::Entry { .. } => "entry",
        M::Text { .. } => "text",
        M::HostMemory { .. } => "host memory",
        M::Engine { .. } => "engine",
        M::Worker(_) => "worker",
        M::Pinned { .. } => "pinned",
    }
}

fn stop(reason: &StopReason) -> &'static str {
    use StopReason as S;
    match reason {
        S::Limit(LimitExceeded::Fuel { .. }) => "fuel",
        S::Limit(LimitExceeded::Memory { .. }) => "memory",
        S::Limit(LimitExceeded::Table { .. }) => "table",
        S::Limit(LimitExceeded::Stack { .. }) => "stack",
        S::Limit(LimitExceeded::Output { .. }) => "output",
        S::Limit(LimitExceeded::HostCalls { .. }) => "host calls",
        S::Host(HostStop::Deadline { .. }) => "deadline",
        S::Host(HostStop::Injected { .. }) => "injected",
        S::Host(HostStop::Cancelled) => "cancelled",
        S::Guest(GuestFault::Trap(_)) => "trap",
        S::Guest(GuestFault::Failed { .. }) => "failed",
        S::Guest(GuestFault::Aborted { .. }) => "aborted",
        S::Guest(GuestFault::Status { .. }) => "status",
        S::Guest(GuestFault::Abi(_)) => "abi",
        S::Guest(GuestFault::Denied { .. }) => "denied",
        S::Host(HostStop::HostFunction { .. }) => "host function",
        S::Host(HostStop::HostPanic { .. }) => "host panic",
        S::Host(HostStop::HostMemory { .. }) => "host memory",
        S::Host(HostStop::Engine { .. }) => "engine",
        S::Host(HostStop::Replay { .. }) => "replay",
        S::Limit(LimitExceeded::Transcript { .. }) => "transcript",
        S::Host(HostStop::Worker(_)) => "worker",
    }
}
