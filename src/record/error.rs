//! Errors of receipts and transcripts that are refused.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde_json::Value as Json;
use thiserror::Error as ThisError;

use super::{
    ceiling::{self, Excess},
    rules::Rules,
};
use crate::{
    data::{
        digest::Digest,
        text::{escape, quote},
    },
    error::Error,
};

/// Why a transcript cannot be read or replayed.
#[derive(Debug, Clone, PartialEq, ThisError)]
#[non_exhaustive]
pub enum TranscriptError {
    /// It is longer than a transcript may be.
    #[error("the transcript has {size} bytes; at most {limit} are read")]
    TooLong {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A line is not in the form of a transcript.
    #[error("line {line} is not a line of a transcript: {}", escape(.message, 256))]
    Syntax {
        /// Its number; the first is 1.
        line: u64,
        /// What is wrong; not part of the stable interface.
        message: String,
    },
    /// It has another version of the form.
    #[error("the transcript has version {found}; this build reads version {expected}")]
    Version {
        /// Its version.
        found: u64,
        /// [`TRANSCRIPT_VERSION`](crate::record::TRANSCRIPT_VERSION).
        expected: u32,
    },
    /// It was recorded under other rules, under which other results can be right.
    #[error("recorded by {found}; this build has {expected}")]
    Rules {
        /// The transcript's.
        found: Rules,
        /// This build's.
        expected: Rules,
    },
    /// It is of another module or input.
    #[error("the transcript is of another {what}: expected SHA-256 {}, found {}", .expected.sha256, .found.sha256)]
    Other {
        /// `module` or `input`.
        what: &'static str,
        /// The transcript's.
        expected: Digest,
        /// The digest of the bytes that were passed.
        found: Digest,
    },
    /// Its limits are above the ceiling. Nothing was loaded or run.
    #[error("its configuration is above the ceiling: {}", ceiling::list(.above))]
    Ceiling {
        /// Each limit that is above.
        above: Vec<Excess>,
    },
    /// The module cannot be run with it.
    #[error(transparent)]
    Run(#[from] Error),
}

/// Why a receipt does not hold, or cannot be checked here.
#[derive(Debug, Clone, PartialEq, ThisError)]
#[non_exhaustive]
pub enum ReceiptError {
    /// It is longer than a receipt may be.
    #[error("the receipt has {size} bytes; at most {limit} are read")]
    TooLong {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is not a receipt.
    #[error("not a receipt: {}", escape(.message, 256))]
    Syntax {
        /// What is wrong, with line and column; not part of the stable interface.
        message: String,
    },
    /// It has another version of the form.
    #[error("the receipt has version {found}; this build reads version {expected}")]
    Version {
        /// Its version.
        found: u64,
        /// [`RECEIPT_VERSION`](crate::record::RECEIPT_VERSION).
        expected: u32,
    },
    /// The run had other rules, under which other results can be right.
    #[error("run by {found}; this build has {expected}")]
    Rules {
        /// The receipt's.
        found: Rules,
        /// This build's.
        expected: Rules,
    },
    /// The run received something from the host environment, which only its transcript has
    /// ([`Receipt::verify_with_transcript`](crate::record::Receipt::verify_with_transcript)). Nothing is asked of this
    /// host because a receipt says so.
    #[error("the run used the host environment; verify it with its transcript")]
    NeedsTranscript,
    /// It is of a run without a transcript.
    #[error("the receipt is of a run without a transcript")]
    NoTranscript,
    /// The transcript cannot be replayed.
    #[error("the transcript: {0}")]
    Transcript(#[from] TranscriptError),
    /// Its limits are above the ceiling. Nothing was loaded or run.
    #[error("its configuration is above the ceiling: {}", ceiling::list(.above))]
    Ceiling {
        /// Each limit that is above.
        above: Vec<Excess>,
    },
    /// The run ended by a fault of its host, which need not occur again.
    #[error("a fault of the host ended the run, which cannot be repeated: {reason}")]
    NotReproducible {
        /// How it ended, as in the receipt.
        reason: Json,
    },
    /// Something differs from the receipt.
    #[error("{}", list(.differences))]
    Differs {
        /// Each field, by its path.
        differences: Vec<Difference>,
    },
}

/// A field that differs from the receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Its path: `usage.fuel`.
    pub field: String,
    /// The value in the receipt, as JSON.
    pub receipt: String,
    /// The value that was found, as JSON. A run that goes past the fuel of the receipt is stopped there: it has
    /// `"more than N"` at `usage.fuel`, and no other field is compared.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [receipt, found] = [&self.receipt, &self.found].map(|json| escape(json, 128));
        write!(f, "{} is {found}; the receipt says {receipt}", quote(&self.field))
    }
}

fn list(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
