//! A set of inputs that are made to harm the process that runs them, each with the end it has to
//! come to.
//!
//! It ships with the crate, so that a program can be asked whether it holds on the machine it runs on:
//!
//! ```
//! let attack = belljar::hostile::attacks().find(|attack| attack.name == "fuel-empty-loop").unwrap();
//! assert_eq!(attack.build().run(), attack.expected);
//! ```

extern crate std;

use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

use crate::{Config, Error, ModuleError, Outcome, Sandbox, StopReason};

mod costly;
mod engine;
mod format;
mod load;
mod operators;
mod rewritten;
mod run;
mod text;
#[cfg(feature = "json")]
mod tool;
#[cfg(feature = "wasi")]
mod wasi;
mod wasm;

/// A hostile input, and how it has to end.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// What it is called.
    pub name: &'static str,
    /// What it tries, in a line.
    pub tries: &'static str,
    /// What stands against it: a key of the configuration, a fault of the engine (`B1` to `B9`), or `format`.
    pub against: &'static str,
    /// How it has to end, as [`Input::run`] tells it.
    pub expected: &'static str,
    make: fn() -> Input,
}

/// All of them, in the order in which they are told.
///
/// Where a panic ends the process, host functions that panic are left out: nothing could hold them.
pub fn attacks() -> impl Iterator<Item = Attack> {
    let parts: &[&'static [Attack]] = &[
        run::ATTACKS,
        load::ATTACKS,
        format::ATTACKS,
        engine::ATTACKS,
        operators::ATTACKS,
        rewritten::ATTACKS,
        costly::ATTACKS,
        text::ATTACKS,
        #[cfg(feature = "json")]
        tool::ATTACKS,
        #[cfg(feature = "wasi")]
        wasi::ATTACKS,
    ];
    parts.iter().copied().flatten().copied().filter(|attack| !(cfg!(panic = "abort") && attack.against == "B9"))
}

impl Attack {
    /// Makes the input. What it takes to make it is not part of what it costs.
    pub fn build(&self) -> Input {
        (self.make)()
    }
}

/// What is handed to the library.
#[derive(Debug, Clone)]
pub struct Input {
    kind: Kind,
    config: Config,
    input: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Modules, each loaded and run.
    Modules(Vec<Vec<u8>>),
    /// The text form of a module, loaded and run.
    Text(String),
    /// A configuration.
    Toml(String),
    /// A manifest, and a value for its schema of inputs.
    #[cfg(feature = "json")]
    Tool(String, String),
    /// A module, loaded and run so many times.
    Again(Vec<u8>, u32),
    /// A module whose import `host.panic` panics.
    Panic(Vec<u8>),
}

impl Input {
    fn new(kind: Kind) -> Self {
        Input { kind, config: Config::default(), input: Vec::new() }
    }

    fn with(mut self, change: fn(Config) -> Config) -> Self {
        self.config = change(self.config);
        self
    }

    fn with_input(mut self, size: usize) -> Self {
        self.input = vec![b'x'; size];
        self
    }

    /// The same with less fuel, for builds that are slow: what does not come to its end then is
    /// stopped for want of it.
    #[must_use]
    pub fn with_fuel_at_most(mut self, fuel: u64) -> Self {
        self.config.limits.fuel = self.config.limits.fuel.min(fuel);
        self
    }

    /// The modules in it that are in the binary form, in order; one that is run over and over is there once.
    pub fn modules(&self) -> &[Vec<u8>] {
        match &self.kind {
            Kind::Modules(all) => all,
            Kind::Again(wasm, _) | Kind::Panic(wasm) => core::slice::from_ref(wasm),
            Kind::Text(_) | Kind::Toml(_) => &[],
            #[cfg(feature = "json")]
            Kind::Tool(..) => &[],
        }
    }

    /// The text form of a module, if that is what it is.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The configuration under which it is loaded and run.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the guest may read.
    pub fn input(&self) -> &[u8] {
        &self.input
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        match &self.kind {
            Kind::Modules(all) => all.iter().map(Vec::len).sum(),
            Kind::Text(text) | Kind::Toml(text) => text.len(),
            #[cfg(feature = "json")]
            Kind::Tool(text, value) => text.len() + value.len(),
            Kind::Again(wasm, _) | Kind::Panic(wasm) => wasm.len(),
        }
    }

    /// Hands it to the library, and tells how that ended: `done`, or the phase and the cause. Of
    /// several modules it tells all the ends there were, sorted.
    pub fn run(self) -> String {
        let Input { kind, config, input } = self;
        if let Kind::Toml(text) = kind {
            return end(&Config::from_toml(&text).map(|_| Outcome::default()));
        }
        #[cfg(feature = "json")]
        if let Kind::Tool(manifest, value) = &kind {
            return tool::end(manifest, value);
        }
        let panics = matches!(kind, Kind::Panic(_));
        let sandbox = match sandbox(config, panics) {
            Ok(sandbox) => sandbox,
            Err(error) => return end(&Err(error)),
        };
        let run = |wasm: &[u8]| end(&sandbox.load(wasm).and_then(|module| sandbox.run(&module, input.as_slice())));
        match kind {
            Kind::Modules(all) => {
                let mut ends: Vec<_> = all.iter().map(|wasm| run(wasm)).collect();
                ends.sort_unstable();
                ends.dedup();
                ends.join(", ")
            }
            Kind::Text(text) => {
                end(&sandbox.load_text(&text).and_then(|module| sandbox.run(&module, input.as_slice())))
            }
            Kind::Again(wasm, times) => (0..times).fold(String::new(), |_, _| run(&wasm)),
            Kind::Panic(wasm) => run(&wasm),
            Kind::Toml(_) => String::new(),
            #[cfg(feature = "json")]
            Kind::Tool(..) => String::new(),
        }
    }
}

impl From<Vec<u8>> for Input {
    fn from(wasm: Vec<u8>) -> Self {
        Input::new(Kind::Modules(vec![wasm]))
    }
}

impl From<wasm::Wasm> for Input {
    fn from(wasm: wasm::Wasm) -> Self {
        wasm.build().into()
    }
}

fn sandbox(config: Config, panics: bool) -> Result<Sandbox, Error> {
    let builder = Sandbox::builder().config(config);
    if panics {
        // Without the panic hook, whose message would be on the screen of whoever asks.
        builder.host_function("host", "panic", || -> () { std::panic::resume_unwind(Box::new("as it was asked to")) })
    } else {
        builder
    }
    .build()
}

/// An end in words that name the variant, and of a limit its key.
fn end(result: &Result<Outcome, Error>) -> String {
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

fn config_problem(problem: &crate::ConfigProblem) -> &'static str {
    use crate::ConfigProblem as P;
    match problem {
        P::Syntax { .. } => "syntax",
        P::TooLong { .. } => "too long",
        P::UnknownKey { .. } => "unknown key",
        P::WrongType { .. } => "wrong type",
        P::OutOfRange { .. } => "out of range",
        P::UnknownWord { .. } => "unknown word",
        P::Unfit { .. } => "unfit",
        P::Directory { .. } => "directory",
        P::UnknownGrant { .. } => "unknown grant",
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
        S::Fuel { .. } => "fuel",
        S::Memory { .. } => "memory",
        S::Table { .. } => "table",
        S::Stack { .. } => "stack",
        S::Output { .. } => "output",
        S::HostCalls { .. } => "host calls",
        S::Deadline { .. } => "deadline",
        S::Injected { .. } => "injected",
        S::Cancelled => "cancelled",
        S::Trap(_) => "trap",
        S::Failed { .. } => "failed",
        S::Aborted { .. } => "aborted",
        S::Status { .. } => "status",
        S::Abi(_) => "abi",
        S::Denied { .. } => "denied",
        S::HostFunction { .. } => "host function",
        S::HostPanic { .. } => "host panic",
        S::HostMemory { .. } => "host memory",
        S::Engine { .. } => "engine",
        S::Replay { .. } => "replay",
        S::Transcript { .. } => "transcript",
        S::Worker(_) => "worker",
    }
}
