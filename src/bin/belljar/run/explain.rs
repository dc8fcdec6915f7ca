//! `run --explain`: where a run stopped.

use belljar::{
    Input, Sandbox, Stopped,
    explain::{Explanation, Rerun},
    record::Transcript,
};

use crate::failure::Failure;

/// The explanation of a stop.
pub type Explained = Explanation;

/// Has a run again, and explains where it stopped.
pub fn explain(
    sandbox: &Sandbox,
    wasm: &[u8],
    input: &Input,
    transcript: &Transcript,
    stopped: &Stopped,
) -> Result<Explained, Failure> {
    let rerun = Rerun::of_transcript(transcript, wasm, input.clone());
    let rerun = rerun.ok_or_else(|| Failure::transcript("an argument of its call is damaged"))?;
    sandbox.explain(&rerun, stopped).map_err(Failure::of)
}
