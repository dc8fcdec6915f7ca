//! Messages of Protocol Buffers.

use alloc::vec::Vec;

/// A message that is being written: fields of numbers and of bytes.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

/// The type of a field that is a number.
const VARINT: u64 = 0;

/// The type of a field with a length: bytes, a text, a message or packed numbers.
const LENGTH: u64 = 2;

impl Message {
    /// Adds a number. Zero is what a field is that is left out.
    pub(super) fn number(&mut self, field: u64, number: u64) {
        if number != 0 {
            self.varint(field << 3 | VARINT);
            self.varint(number);
        }
    }

    /// Adds a list of numbers.
    pub(super) fn packed(&mut self, field: u64, numbers: &[u64]) {
        let mut packed = Message::default();
        numbers.iter().for_each(|number| packed.varint(*number));
        self.message(field, &packed);
    }

    /// Adds a message.
    pub(super) fn message(&mut self, field: u64, message: &Message) {
        self.bytes(field, &message.0);
    }

    /// Adds bytes or a text.
    pub(super) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | LENGTH);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Returns the number of bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes seven bits a byte, the lowest first; each byte but the last has its highest bit set.
    fn varint(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}
