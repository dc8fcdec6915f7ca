//! A digest of what belljar has done, fuel included: the same for the same seeds, in every build.

use belljar::Value;

use crate::{
    outcome::{Bound, End, TRAPS},
    subject::Ended,
};

/// A hash in the manner of FNV-1a, of words instead of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest(pub u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Takes in a word.
    pub fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x100_0000_01b3);
        self.0 ^= self.0 >> 29;
    }

    /// Takes in bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.word(u64::from(*byte)));
    }

    /// Takes in a value with its type.
    pub fn value(&mut self, value: &Value) {
        let (ty, bits) = match *value {
            Value::I32(v) => (1, u128::from(v as u32)),
            Value::I64(v) => (2, u128::from(v as u64)),
            Value::F32(v) => (3, u128::from(v.to_bits())),
            Value::F64(v) => (4, u128::from(v.to_bits())),
            Value::V128(v) => (5, v),
            other => panic!("a kind of value that is not known here: {other:?}"),
        };
        self.word(ty);
        self.word(bits as u64);
        self.word((bits >> 64) as u64);
    }

    /// Takes in the end of a call.
    pub fn ended(&mut self, Ended { end, fuel }: &Ended) {
        self.word(*fuel);
        match end {
            End::Done(values) => {
                self.word(values.len() as u64);
                values.iter().for_each(|value| self.value(value));
            }
            End::Trap(trap) => {
                let kind = TRAPS.iter().position(|(known, _)| known == trap).expect("all are known");
                self.word(1_000 + kind as u64);
            }
            End::Bound(Bound::Fuel) => self.word(2_000),
            End::Bound(Bound::Stack) => self.word(2_001),
        }
    }
}
