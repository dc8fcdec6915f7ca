//! What is remembered of a module, as the bytes of a file that only who has the key can make.

use std::{string::String, vec::Vec};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use crate::pin::{Pin, hex};

/// Says what the file is, to whoever looks into it; its version is among the rules.
const MAGIC: &[u8] = b"belljar facts\n";
const MAC_BYTES: usize = 32;

/// A module under its rules, and the key.
pub(super) struct Entry<'k> {
    pin: Pin,
    key: &'k [u8; 32],
}

impl<'k> Entry<'k> {
    pub(super) fn of(pin: Pin, key: &'k [u8; 32]) -> Self {
        Entry { pin, key }
    }

    /// The name of its file.
    pub(super) fn name(&self) -> String {
        hex(Sha256::new_with_prefix(self.pin.module).chain_update(self.pin.rules).finalize().into())
    }

    /// Magic, module, rules, facts, and a MAC of all of that.
    pub(super) fn seal(&self, facts: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &self.pin.module, &self.pin.rules, facts].concat();
        bytes.extend_from_slice(&self.mac(&bytes).finalize().into_bytes());
        bytes
    }

    /// The facts, if all of it is what [`seal`](Self::seal) made for this module.
    pub(super) fn open<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (sealed, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        self.mac(sealed).verify_slice(mac).ok()?;
        let rest = sealed.strip_prefix(MAGIC)?.strip_prefix(&self.pin.module)?;
        rest.strip_prefix(&self.pin.rules)
    }

    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        // As HMAC fills a key that is shorter than a block.
        let mut block = [0; 64];
        block[..32].copy_from_slice(self.key);
        Hmac::<Sha256>::new(&block.into()).chain_update(bytes)
    }
}
