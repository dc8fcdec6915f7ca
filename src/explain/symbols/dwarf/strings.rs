//! Texts of debug information.

use std::collections::HashMap;

use gimli::AttributeValue;

use super::{
    Slice, Unit,
    budget::{Budget, Stop},
};
use crate::explain::symbols::sections::Sections;

/// Most bytes of a text. Longer ones are cut; for paths this is what systems allow.
pub(super) const TEXT_BYTES: usize = 4096;

/// Bytes that a text takes besides its own: in the map, in the list, and as an allocation.
const ENTRY: usize = 96;

/// Bytes of a text that are copied and compared in one step.
const STEP_BYTES: usize = 64;

/// Texts of debug information, each kept once.
#[derive(Debug)]
pub(super) struct Strings<'m> {
    strings: &'m [u8],
    line_strings: &'m [u8],
    offsets: gimli::DebugStrOffsets<Slice<'m>>,
    numbers: HashMap<Box<str>, u32>,
}

impl<'m> Strings<'m> {
    pub(super) fn new(sections: &Sections<'m>) -> Strings<'m> {
        let offsets = Slice::new(sections.debug(".debug_str_offsets"), gimli::LittleEndian);
        Strings {
            strings: sections.debug(".debug_str"),
            line_strings: sections.debug(".debug_line_str"),
            offsets: gimli::DebugStrOffsets::from(offsets),
            numbers: HashMap::new(),
        }
    }

    /// Returns the text of an attribute, cut to [`TEXT_BYTES`]. Its end is looked for in these only, as many attributes
    /// may refer to one text.
    pub(super) fn text(&self, unit: &Unit<'m>, value: AttributeValue<Slice<'m>>) -> Option<&'m [u8]> {
        let (section, offset) = match value {
            AttributeValue::String(text) => (text.slice(), 0),
            AttributeValue::DebugStrRef(offset) => (self.strings, offset.0),
            AttributeValue::DebugLineStrRef(offset) => (self.line_strings, offset.0),
            AttributeValue::DebugStrOffsetsIndex(index) => {
                let offset = self.offsets.get_str_offset(unit.header.format(), unit.str_offsets_base, index);
                (self.strings, offset.ok()?.0)
            }
            _ => return None,
        };
        let rest = section.get(offset..)?;
        rest.get(..TEXT_BYTES).unwrap_or(rest).split(|byte| *byte == 0).next()
    }

    /// Keeps a text, and returns its number.
    pub(super) fn keep(&mut self, text: String, budget: &mut Budget) -> Result<u32, Stop> {
        budget.take(1 + text.len() / STEP_BYTES)?;
        if let Some(number) = self.numbers.get(&*text) {
            return Ok(*number);
        }
        budget.keep(text.len() + ENTRY)?;
        let number = self.numbers.len() as u32;
        self.numbers.insert(text.into(), number);
        Ok(number)
    }

    /// Returns the kept texts in the order of their numbers.
    pub(super) fn finish(self) -> Vec<Box<str>> {
        let mut texts: Vec<_> = self.numbers.into_iter().collect();
        texts.sort_unstable_by_key(|(_, number)| *number);
        texts.into_iter().map(|(text, _)| text).collect()
    }
}
