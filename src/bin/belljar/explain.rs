//! Explanations of stops: `--explain`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use belljar::{
    Input, Sandbox, Stopped,
    explain::{Explanation, Rerun},
    record::{Effect, Transcript},
};

use crate::failure::Failure;

/// The explanation of a stop.
pub type Explained = Explanation;

/// Checks that this build can explain stops.
pub fn check() -> Result<(), Failure> {
    Ok(())
}

/// Has a recorded run again, and explains where it stopped.
pub fn explain(
    sandbox: &Sandbox,
    wasm: &[u8],
    input: &Input,
    transcript: &Transcript,
    stopped: &Stopped,
) -> Result<Explained, String> {
    let rerun = Rerun::of_transcript(transcript, wasm, input.clone());
    let rerun = rerun.ok_or("an argument of its call is damaged")?;
    sandbox.explain(&rerun, stopped).map_err(|error| error.to_string())
}

/// Explanations of the runs of one module with many inputs.
#[derive(Debug, Clone)]
pub struct Explainer {
    sandbox: Sandbox,
    wasm: Arc<[u8]>,
    busy: Busy,
}

/// Flag that is set while an explanation is made in the background.
pub type Busy = Arc<AtomicBool>;

impl Explainer {
    /// Returns the explanations of the runs of a module in a sandbox; an error if this build has none.
    pub fn new(sandbox: &Sandbox, wasm: Arc<[u8]>, busy: Busy) -> Result<Explainer, Failure> {
        Ok(Explainer { sandbox: sandbox.clone(), wasm, busy })
    }

    /// Returns whether the effects of runs must be recorded.
    pub fn needs_effects(&self) -> bool {
        self.sandbox.config().effect().is_some()
    }

    /// Returns the lines that explain where a run stopped.
    pub fn lines(&self, input: &[u8], effects: Vec<Effect>, stopped: &Stopped) -> Vec<String> {
        match self.sandbox.explain(&Rerun::new(&self.wasm, input).with_effects(effects), stopped) {
            Ok(explained) => explained.to_string().lines().map(String::from).collect(),
            Err(error) => vec![format!("no explanation: {error}")],
        }
    }

    /// Explains in another thread where a run stopped, unless that is done for another run at the moment: clients that
    /// make runs fail do not make explanations pile up. A run that may get something from the host is not explained:
    /// to record all runs for that would change what clients see.
    pub fn in_background(&self, input: Vec<u8>, stopped: &Stopped, then: impl FnOnce(Vec<String>) + Send + 'static) {
        if let Some(key) = self.sandbox.config().effect() {
            return then(vec![format!("no explanation: `{key}` uses the host, so the run cannot be had again")]);
        }
        if self.busy.swap(true, Ordering::Acquire) {
            return then(vec!["no explanation: another one is made at the moment".into()]);
        }
        let (explainer, stopped) = (self.clone(), stopped.clone());
        let explain = move || {
            let lines = explainer.lines(&input, Vec::new(), &stopped);
            explainer.busy.store(false, Ordering::Release);
            then(lines);
        };
        // Without a thread there is no explanation.
        if thread::Builder::new().name("explain".into()).spawn(explain).is_err() {
            self.busy.store(false, Ordering::Release);
        }
    }
}
