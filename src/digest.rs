//! Bytes by their SHA-256 and their number.

use alloc::string::String;
use core::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Stands for bytes: their number, and their SHA-256
/// ([FIPS 180-4](https://csrc.nist.gov/pubs/fips/180-4/upd1/final)).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Digest {
    /// How many bytes there are.
    pub bytes: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest::of_parts([bytes])
    }

    pub(crate) fn of_parts(parts: impl IntoIterator<Item: AsRef<[u8]>>) -> Digest {
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        for part in parts {
            hash.update(part.as_ref());
            bytes += part.as_ref().len() as u64;
        }
        let mut sha256 = String::with_capacity(64);
        for byte in hash.finalize() {
            let _ = write!(sha256, "{byte:02x}");
        }
        Digest { bytes, sha256 }
    }
}
