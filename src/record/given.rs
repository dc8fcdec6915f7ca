//! The inputs of a verification.

use alloc::{collections::BTreeMap, string::String};

use super::{ceiling::default_ceiling, transcript::Transcript};
use crate::{config::Config, data::files::FileBytes};

/// The module, the input and all else that a receipt is verified with, and the ceiling of its limits.
///
/// ```
/// use belljar::{Config, Profile, record::{Given, Receipt, ReceiptError}};
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
    pub(super) environment: Environment<'a>,
    pub(super) ceiling: Config,
}

/// What the run receives beside its input.
#[derive(Debug, Clone)]
pub(super) enum Environment<'a> {
    Nothing,
    Files(&'a BTreeMap<String, FileBytes>),
    Transcript(&'a Transcript),
}

impl<'a> Given<'a> {
    /// Starts with the module and the input. The ceiling is [`Profile::Large`](crate::Profile::Large).
    pub fn new(wasm: &'a [u8], input: &'a [u8]) -> Given<'a> {
        Given { wasm, input, environment: Environment::Nothing, ceiling: default_ceiling() }
    }

    /// Sets the files of a WASI program, in place of a transcript.
    #[must_use]
    pub fn with_files(mut self, files: &'a BTreeMap<String, FileBytes>) -> Given<'a> {
        self.environment = Environment::Files(files);
        self
    }

    /// Sets the transcript to replay, in place of files.
    #[must_use]
    pub fn with_transcript(mut self, transcript: &'a Transcript) -> Given<'a> {
        self.environment = Environment::Transcript(transcript);
        self
    }

    /// Sets the ceiling: `limits` and `module` of the receipt and of the transcript may not be above those of this
    /// configuration. Its other keys do not count.
    #[must_use]
    pub fn with_ceiling(mut self, ceiling: Config) -> Given<'a> {
        self.ceiling = ceiling;
        self
    }
}
