//! Records of runs: receipts, which anyone can verify, and transcripts of what runs received from the host environment,
//! which replay them without it.

mod ceiling;
mod error;
mod given;
mod receipt;
mod replay;
mod rules;
mod transcript;
mod verify;

pub use self::{
    ceiling::Excess,
    error::{Difference, ReceiptError, TranscriptError},
    given::Given,
    receipt::{MAX_RECEIPT_BYTES, RECEIPT_VERSION, Receipt},
    rules::{Entry, Rules},
    transcript::{Declared, MAX_TRANSCRIPT_BYTES, TRANSCRIPT_VERSION, Transcript, TranscriptHeader},
};
pub use crate::{
    data::digest::Digest,
    recorder::effect::{Bytes, Effect, HostAction, HostEnd},
};
