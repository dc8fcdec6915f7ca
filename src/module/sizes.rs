//! Sizes that a module claims of its parts.
//!
//! The parser adds them to where it is before it looks whether there are so many bytes. On 32 bits that sum can
//! overflow, and the parser panics. So a part that claims to be larger than the whole is refused before, on
//! every target alike. All else that is wrong with a size is left to the parser.

use wasmparser::{BinaryReader, ConstExpr};

use crate::error::ModuleError;

/// Refuses parts that are larger than the module: sections, functions, and segments of data.
pub(super) fn check(bytes: &[u8]) -> Result<(), ModuleError> {
    let mut sizes = Sizes { whole: bytes.len(), too_large: None };
    sizes.module(BinaryReader::new(bytes, 0));
    match sizes.too_large {
        Some(offset) => Err(ModuleError::Malformed { offset: offset as u64, message: "unexpected end-of-file".into() }),
        None => Ok(()),
    }
}

/// Whether no part of a name section claims to be larger than the section.
pub(super) fn names_fit(section: &[u8]) -> bool {
    let mut sizes = Sizes { whole: section.len(), too_large: None };
    let mut reader = BinaryReader::new(section, 0);
    while reader.read_u8().is_ok() && sizes.part(&mut reader).is_some() {}
    sizes.too_large.is_none()
}

struct Sizes {
    whole: usize,
    /// Where the first part begins that is.
    too_large: Option<usize>,
}

// `None` is where it ends, for whatever reason.
impl Sizes {
    fn module(&mut self, mut reader: BinaryReader<'_>) -> Option<()> {
        const CODE: u8 = 10;
        const DATA: u8 = 11;
        reader.read_bytes(8).ok()?;
        loop {
            let id = reader.read_u8().ok()?;
            let mut section = self.part(&mut reader)?;
            match id {
                CODE => self.parts(&mut section, |_| Some(())),
                DATA => self.parts(&mut section, segment),
                _ => Some(()),
            };
            if self.too_large.is_some() {
                return None;
            }
        }
    }

    /// A list of parts, each after what else there is of it.
    fn parts(&mut self, section: &mut BinaryReader<'_>, before: fn(&mut BinaryReader<'_>) -> Option<()>) -> Option<()> {
        for _ in 0..section.read_var_u32().ok()? {
            before(section)?;
            self.part(section)?;
        }
        Some(())
    }

    fn part<'a>(&mut self, reader: &mut BinaryReader<'a>) -> Option<BinaryReader<'a>> {
        let size = reader.read_var_u32().ok()? as usize;
        if size > self.whole {
            self.too_large = Some(reader.original_position());
            return None;
        }
        reader.skip(|reader| reader.read_bytes(size).map(drop)).ok()
    }
}

/// What stands before the bytes of a segment: its memory, if it is not the first, and its place.
fn segment(reader: &mut BinaryReader<'_>) -> Option<()> {
    const PASSIVE: u32 = 1;
    const OF_MEMORY: u32 = 2;
    let kind = reader.read_var_u32().ok()?;
    if kind == OF_MEMORY {
        reader.read_var_u32().ok()?;
    }
    if kind != PASSIVE {
        reader.read::<ConstExpr<'_>>().ok()?;
    }
    Some(())
}
