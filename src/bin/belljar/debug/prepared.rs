//! A run that is about to be debugged.

use belljar::{
    Sandbox,
    explain::{Debugger, Rerun},
};

use crate::{
    console::Console,
    failure::Failure,
    job::{self, Job, JobArgs},
    progress::Progress,
    source::Source,
};

/// A run that is about to be debugged.
#[derive(Debug)]
pub struct Prepared {
    source: Source,
    sandbox: Sandbox,
    wasm: Vec<u8>,
    job: Job,
}

impl Prepared {
    /// Reads the module and the input. Stdin is not the input: it has the commands.
    pub fn new(args: &JobArgs, console: &Console) -> Result<Prepared, Failure> {
        let mut args = args.clone();
        if args.input.is_none() {
            args.input_text.get_or_insert_default();
        }
        let source = args.source()?;
        let (sandbox, _) = args.sandbox(console)?;
        let wasm = source.module(args.text, &sandbox)?;
        let about = sandbox.validate(&wasm).map_err(|error| source.failure(error))?;
        let job = args.job(&source, &about, console)?;
        Ok(Prepared { source, sandbox, wasm, job })
    }

    /// Has the run, and returns its debugger.
    pub fn debugger(&self, console: &Console) -> Result<Debugger<'_>, Failure> {
        let rerun = Rerun::new(&self.wasm, self.job.input.clone());
        let call = self.job.call.iter();
        let rerun = call.fold(rerun, |rerun, (function, arguments)| rerun.with_call(function, arguments));
        let mut progress = Progress::new(self.sandbox.config().limits.fuel, console);
        let debugger = self.sandbox.first_debugger(&rerun, |usage| progress.tick(console, || usage.fuel));
        console.clear_progress();
        debugger.map_err(|error| job::not_started(&self.source, error))
    }
}
