//! The operators that instruments add to functions.

use alloc::vec::Vec;

use crate::data::{
    binary::{i32_const, leb, leb64, local_get, local_set},
    value::ValueType,
};

/// The indices of what an instrument adds to a module.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Indices {
    /// The first of the added types, which are in the order of [`super::PROBES`].
    pub(super) types: u32,
    /// The table of the host's functions.
    pub(super) table: u32,
    pub(super) memory: u32,
    /// The first of the added globals.
    pub(super) globals: u32,
}

/// A global that an instrument adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    /// The end of the stack of frames, or the node of the function that is called next.
    Pointer = 0,
    /// The operator that runs next.
    Position = 1,
    /// The operator of the last tail call, or 0 if another call was announced later.
    Tail = 2,
    /// The segment whose steps have been counted last.
    Segment = 3,
}

impl Global {
    pub(crate) const COUNT: u32 = 4;
}

/// A sequence of operators.
pub(super) struct Code {
    pub(super) bytes: Vec<u8>,
    indices: Indices,
}

/// A width in bytes of loads and stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Four,
    Eight,
}

impl Code {
    pub(super) fn new(indices: Indices) -> Self {
        Code { bytes: Vec::new(), indices }
    }

    pub(super) fn byte(&mut self, byte: u8) -> &mut Self {
        self.bytes.push(byte);
        self
    }

    pub(super) fn constant(&mut self, value: i32) -> &mut Self {
        self.bytes.extend(i32_const(value));
        self
    }

    /// Appends an `i64.const` of a number below 2^63.
    pub(super) fn long(&mut self, mut value: u64) -> &mut Self {
        self.bytes.push(0x42);
        while value >= 0x40 {
            self.bytes.push(value as u8 & 0x7f | 0x80);
            value >>= 7;
        }
        self.byte(value as u8)
    }

    pub(super) fn get(&mut self, local: u32) -> &mut Self {
        self.bytes.extend(local_get(local));
        self
    }

    pub(super) fn set(&mut self, local: u32) -> &mut Self {
        self.bytes.extend(local_set(local));
        self
    }

    pub(super) fn global_get(&mut self, global: Global) -> &mut Self {
        self.bytes.push(0x23);
        self.bytes.extend(leb(self.indices.globals + global as u32));
        self
    }

    pub(super) fn global_set(&mut self, global: Global) -> &mut Self {
        self.bytes.push(0x24);
        self.bytes.extend(leb(self.indices.globals + global as u32));
        self
    }

    /// Appends a load from the added memory.
    pub(super) fn load(&mut self, width: Width, offset: u32) -> &mut Self {
        let (opcode, align) = if width == Width::Four { (0x28, 2) } else { (0x29, 3) };
        self.access(opcode, align, offset)
    }

    /// Appends a store to the added memory. Its operands are two locals, or a constant and a local.
    pub(super) fn store(&mut self, width: Width, offset: u32) -> &mut Self {
        let (opcode, align) = if width == Width::Four { (0x36, 2) } else { (0x37, 3) };
        self.access(opcode, align, offset)
    }

    /// Appends a store of a value of a type other than a reference to the added memory. Its operands are a constant and a
    /// local.
    pub(super) fn store_value(&mut self, ty: ValueType, offset: u32) -> &mut Self {
        match ty {
            ValueType::I32 => self.access(0x36, 2, offset),
            ValueType::I64 => self.access(0x37, 3, offset),
            ValueType::F32 => self.access(0x38, 2, offset),
            ValueType::F64 => self.access(0x39, 3, offset),
            ValueType::V128 => self.byte(0xfd).access(0x0b, 4, offset),
            ValueType::FuncRef | ValueType::ExternRef => self,
        }
    }

    fn access(&mut self, opcode: u8, align: u32, offset: u32) -> &mut Self {
        self.bytes.push(opcode);
        // An alignment of 64 or more means that the index of a memory follows.
        match self.indices.memory {
            0 => self.bytes.extend(leb(align)),
            memory => self.bytes.extend([leb(align | 64), leb(memory)].concat()),
        }
        self.bytes.extend(leb64(offset.into()));
        self
    }

    /// Appends the call of a function of the host, by its slot in the host's table and its type.
    pub(super) fn call(&mut self, slot: u32, ty: u32) -> &mut Self {
        self.constant(slot as i32).byte(0x11);
        self.bytes.extend([leb(self.indices.types + ty), leb(self.indices.table)].concat());
        self
    }

    /// Appends operators that add a constant to a number in the added memory.
    pub(super) fn add(&mut self, address: Address, offset: u32, added: u64, through: u32) -> &mut Self {
        const ADD: u8 = 0x7c;
        self.address(address).load(Width::Eight, offset).long(added).byte(ADD).set(through);
        self.address(address).get(through).store(Width::Eight, offset)
    }

    fn address(&mut self, address: Address) -> &mut Self {
        match address {
            Address::Start => self.constant(0),
            Address::Local(local) => self.get(local),
        }
    }
}

/// The base of an access to the added memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    Start,
    Local(u32),
}
