//! Receipts and transcripts: records of runs, and their verification.

mod error;
mod excess;
mod given;
mod receipt;
mod replay;
mod rules;
mod transcript;
mod verify;

pub use self::{
    error::{Difference, ReceiptError, TranscriptError},
    excess::Excess,
    given::Given,
    receipt::{MAX_RECEIPT_BYTES, RECEIPT_VERSION, Receipt},
    rules::{Entry, Rules},
    transcript::{Declared, Header, MAX_TRANSCRIPT_BYTES, TRANSCRIPT_VERSION, Transcript},
};
