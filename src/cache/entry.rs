//! One cache entry: module information, authenticated with HMAC-SHA-256.

use std::{string::String, vec::Vec};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use crate::{cache::pin::Pin, data::hex};

/// Start of every entry. The format version is among the rules.
const MAGIC: &[u8] = b"belljar facts\n";
const MAC_BYTES: usize = 32;

/// Key of the cache, and the pin of the module: its bytes and rules.
pub(super) struct Entry<'k> {
    pin: Pin,
    key: &'k [u8; 32],
}

impl<'k> Entry<'k> {
    pub(super) fn of(pin: Pin, key: &'k [u8; 32]) -> Self {
        Entry { pin, key }
    }

    /// Returns the name of its file.
    pub(super) fn name(&self) -> String {
        hex::encode(&Sha256::new_with_prefix(self.pin.module).chain_update(self.pin.rules).finalize())
    }

    /// Returns the file's contents: magic, module, rules, module information, and a MAC of all of these.
    pub(super) fn seal(&self, info: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &self.pin.module, &self.pin.rules, info].concat();
        bytes.extend_from_slice(&self.mac(&bytes).finalize().into_bytes());
        bytes
    }

    /// Returns the module information if [`seal`](Self::seal) made these bytes for this module with this key.
    pub(super) fn open<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (sealed, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        self.mac(sealed).verify_slice(mac).ok()?;
        let rest = sealed.strip_prefix(MAGIC)?.strip_prefix(&self.pin.module)?;
        rest.strip_prefix(&self.pin.rules)
    }

    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        // HMAC pads a shorter key with zeros to a block.
        let mut block = [0; 64];
        block[..32].copy_from_slice(self.key);
        Hmac::<Sha256>::new(&block.into()).chain_update(bytes)
    }
}
