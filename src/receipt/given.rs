//! All that a receipt is checked against.

use alloc::{collections::BTreeMap, string::String};

use super::excess::usual_ceiling;
use crate::{config::Config, files::FileBytes, transcript::Transcript};

/// Module, input and whatever else a receipt is checked against, with the most that it may ask for.
///
/// ```
/// use belljar::{Config, Profile, Receipt, ReceiptError, receipt::Given};
///
/// let wasm = std::fs::read("fixtures/guests/upper-c.wasm")?;
/// let config = Config::default();
/// let receipt = Receipt::of_run(&wasm, b"hello", &config, &belljar::execute(&wasm, b"hello", &config)).unwrap();
///
/// let given = Given::new(&wasm, b"hello");
/// receipt.verify_given(&given)?;
/// let little = Config::profile(Profile::Large).with_fuel(1_000);
/// assert!(matches!(receipt.verify_given(&given.with_ceiling(little)), Err(ReceiptError::Ceiling { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Given<'a> {
    pub(super) wasm: &'a [u8],
    pub(super) input: &'a [u8],
    pub(super) world: World<'a>,
    pub(super) ceiling: Config,
}

/// Whatever the run gets beside its input.
#[derive(Debug, Clone)]
pub(super) enum World<'a> {
    Nothing,
    Files(&'a BTreeMap<String, FileBytes>),
    Transcript(&'a Transcript),
}

impl<'a> Given<'a> {
    /// Takes the module and the input. The ceiling is [`Profile::Large`](crate::Profile::Large).
    pub fn new(wasm: &'a [u8], input: &'a [u8]) -> Given<'a> {
        Given { wasm, input, world: World::Nothing, ceiling: usual_ceiling() }
    }

    /// Gives a program of WASI its files; a transcript that was given before is left out.
    #[must_use]
    pub fn with_files(mut self, files: &'a BTreeMap<String, FileBytes>) -> Given<'a> {
        self.world = World::Files(files);
        self
    }

    /// Gives the transcript, which is played; files that were given before are left out.
    #[must_use]
    pub fn with_transcript(mut self, transcript: &'a Transcript) -> Given<'a> {
        self.world = World::Transcript(transcript);
        self
    }

    /// Sets the most that the receipt and the transcript may ask for: of this configuration `limits` and `module`
    /// count.
    #[must_use]
    pub fn with_ceiling(mut self, ceiling: Config) -> Given<'a> {
        self.ceiling = ceiling;
        self
    }
}
