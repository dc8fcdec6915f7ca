//! Digests of bytes.

use alloc::string::String;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::data::hex;

/// A digest of bytes: their number, and their SHA-256
/// ([FIPS 180-4](https://csrc.nist.gov/pubs/fips/180-4/upd1/final)).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Digest {
    /// The number of bytes.
    pub bytes: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl Digest {
    /// Computes the digest of bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest::of_parts([bytes])
    }

    /// Computes the digest of bytes that come in parts.
    pub(crate) fn of_parts(parts: impl IntoIterator<Item: AsRef<[u8]>>) -> Digest {
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        for part in parts {
            hash.update(part.as_ref());
            bytes += part.as_ref().len() as u64;
        }
        Digest { bytes, sha256: hex::encode(&hash.finalize()) }
    }
}
