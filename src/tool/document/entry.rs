//! Entry of a document: a value in eight bytes.

/// Largest size of a string, array or object.
pub(super) const MAX_SIZE: usize = (1 << 28) - 1;

/// Value, or name of a member, followed by its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Type in 4 bits; in 28 bits the bytes of a string, or the number of items or members.
    head: u32,
    /// Number, or index of the rest.
    place: u32,
}

/// Entry, by type.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Int(i32),
    /// Float that is exact in this type.
    Float(f32),
    /// Index of the bits of a 64-bit number.
    Unsigned(usize),
    Signed(usize),
    Double(usize),
    /// Position of a string.
    Text {
        start: usize,
        size: usize,
    },
    /// Number of items, and index of the entry after them.
    Array {
        count: usize,
        end: usize,
    },
    /// Number of members, and index of their sorted names.
    Object {
        count: usize,
        order: usize,
    },
}

const NULL: u32 = 0;
const FALSE: u32 = 1;
const TRUE: u32 = 2;
const INT: u32 = 3;
const FLOAT: u32 = 4;
const UNSIGNED: u32 = 5;
const SIGNED: u32 = 6;
const DOUBLE: u32 = 7;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;
const OBJECT: u32 = 10;

impl Entry {
    pub(super) const NULL: Entry = Entry { head: NULL, place: 0 };

    pub(super) fn bool(value: bool) -> Entry {
        Entry { head: if value { TRUE } else { FALSE }, place: 0 }
    }

    pub(super) fn int(value: i32) -> Entry {
        Entry { head: INT, place: value.cast_unsigned() }
    }

    pub(super) fn float(value: f32) -> Entry {
        Entry { head: FLOAT, place: value.to_bits() }
    }

    pub(super) fn unsigned(place: usize) -> Option<Entry> {
        Entry::sized(UNSIGNED, 0, place)
    }

    pub(super) fn signed(place: usize) -> Option<Entry> {
        Entry::sized(SIGNED, 0, place)
    }

    pub(super) fn double(place: usize) -> Option<Entry> {
        Entry::sized(DOUBLE, 0, place)
    }

    pub(super) fn text(start: usize, size: usize) -> Option<Entry> {
        Entry::sized(TEXT, size, start)
    }

    pub(super) fn array(count: usize, end: usize) -> Option<Entry> {
        Entry::sized(ARRAY, count, end)
    }

    pub(super) fn object(count: usize, order: usize) -> Option<Entry> {
        Entry::sized(OBJECT, count, order)
    }

    fn sized(kind: u32, size: usize, place: usize) -> Option<Entry> {
        let size = u32::try_from(size).ok().filter(|_| size <= MAX_SIZE)?;
        Some(Entry { head: size << 4 | kind, place: u32::try_from(place).ok()? })
    }

    pub(super) fn kind(self) -> Kind {
        let (size, place) = ((self.head >> 4) as usize, self.place as usize);
        match self.head & 0xf {
            FALSE => Kind::Bool(false),
            TRUE => Kind::Bool(true),
            INT => Kind::Int(self.place.cast_signed()),
            FLOAT => Kind::Float(f32::from_bits(self.place)),
            UNSIGNED => Kind::Unsigned(place),
            SIGNED => Kind::Signed(place),
            DOUBLE => Kind::Double(place),
            TEXT => Kind::Text { start: place, size },
            ARRAY => Kind::Array { count: size, end: place },
            OBJECT => Kind::Object { count: size, order: place },
            _ => Kind::Null,
        }
    }
}
