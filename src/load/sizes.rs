//! Check of the sizes that a module claims for its parts.
//!
//! The parser adds a size to its position before it checks that the bytes exist. On 32-bit targets that sum can
//! overflow, and the parser panics. So a part that claims to be larger than the whole module is refused before, on
//! all targets. All other errors in sizes are left to the parser.

use wasmparser::{BinaryReader, ConstExpr};

use crate::error::ModuleError;

/// Checks that no part claims to be larger than the module: sections, functions, and data segments.
pub(super) fn check(bytes: &[u8]) -> Result<(), ModuleError> {
    let mut sizes = Sizes { whole: bytes.len(), too_large: None };
    sizes.module(BinaryReader::new(bytes, 0));
    match sizes.too_large {
        Some(offset) => Err(ModuleError::Malformed { offset: offset as u64, message: "unexpected end-of-file".into() }),
        None => Ok(()),
    }
}

/// Checks that no part of a name section claims to be larger than the section.
pub(super) fn names_fit(section: &[u8]) -> bool {
    let mut sizes = Sizes { whole: section.len(), too_large: None };
    let mut reader = BinaryReader::new(section, 0);
    while reader.read_u8().is_ok() && sizes.part(&mut reader).is_some() {}
    sizes.too_large.is_none()
}

struct Sizes {
    whole: usize,
    /// The position of the first part that is larger than the whole.
    too_large: Option<usize>,
}

// `None` is the end, for whatever reason.
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

    /// Reads a list of parts; `before` reads what precedes the size of each.
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

/// Reads what precedes the bytes of a data segment: its memory, if it is not the first, and its offset.
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
