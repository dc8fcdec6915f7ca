//! The compilation units.

use std::{collections::HashMap, sync::Arc};

use gimli::{
    Abbreviations, AttributeValue, DebugAbbrevOffset, DebugAddrBase, DebugInfoOffset, DebugLineOffset,
    DebugLocListsBase, DebugRngListsBase, DebugStrOffsetsBase, DwarfFileType, Reader as _, Section as _, UnitHeader,
    UnitOffset,
};

use super::{
    Reader, Slice, Unit,
    attributes::Attributes,
    budget::{Budget, Stop},
};

/// Bytes that a byte of abbreviations takes when it is read, at most: an abbreviation has five bytes at least.
const ABBREVIATION: usize = 32;

/// Compilation units, in the order of their offsets.
#[derive(Default)]
pub(super) struct Units<'m> {
    units: Vec<Root<'m>>,
    abbreviations: HashMap<usize, Arc<Abbreviations>>,
}

/// Compilation unit with what its root entry says.
#[derive(Clone)]
pub(super) struct Root<'m> {
    offset: usize,
    pub(super) unit: Arc<Unit<'m>>,
    pub(super) directory: Option<&'m [u8]>,
    pub(super) lines: Option<DebugLineOffset>,
}

impl<'m> Units<'m> {
    pub(super) fn len(&self) -> usize {
        self.units.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<Root<'m>> {
        self.units.get(index).cloned()
    }

    /// Returns the unit that has an offset, and the offset in it.
    pub(super) fn at(&self, offset: DebugInfoOffset) -> Option<(Arc<Unit<'m>>, UnitOffset)> {
        let index = self.units.partition_point(|root| root.offset <= offset.0).checked_sub(1)?;
        let unit = &self.units.get(index)?.unit;
        Some((Arc::clone(unit), offset.to_unit_offset(&unit.header)?))
    }
}

impl<'m> Reader<'m> {
    /// Reads the roots of all units.
    pub(super) fn read_units(&mut self) -> Result<(), Stop> {
        let mut headers = self.sections.units();
        while let Some(header) = headers.next()? {
            let root = self.read_root(header);
            let root = root.map(|root| self.units.units.extend(root));
            self.go_on(root)?;
        }
        Ok(())
    }

    fn read_root(&mut self, header: UnitHeader<Slice<'m>>) -> Result<Option<Root<'m>>, Stop> {
        self.budget.take(1)?;
        self.budget.keep(size_of::<Root<'_>>() + size_of::<Unit<'_>>())?;
        let Some(offset) = header.debug_info_offset() else { return Ok(None) };
        let abbreviations = self.abbreviations(header.debug_abbrev_offset())?;
        let mut entries = header.entries_raw(&abbreviations, None)?;
        let Some(root) = entries.read_abbreviation()? else { return Ok(None) };
        let root = Attributes::read(&mut entries, root.attributes(), &mut self.budget)?;

        let mut unit = empty(header, Arc::clone(&abbreviations));
        if let Some(AttributeValue::DebugStrOffsetsBase(base)) = root.str_offsets_base {
            unit.str_offsets_base = base;
        }
        if let Some(AttributeValue::DebugAddrBase(base)) = root.addr_base {
            unit.addr_base = base;
        }
        if let Some(AttributeValue::DebugRngListsBase(base)) = root.rnglists_base {
            unit.rnglists_base = base;
        }
        if let Some(value) = root.low_pc {
            unit.low_pc = self.sections.attr_address(&unit, value)?.unwrap_or_default();
        }
        let directory = root.comp_dir.and_then(|value| self.texts.text(&unit, value));
        let lines = match root.stmt_list {
            Some(AttributeValue::DebugLineRef(offset)) => Some(offset),
            _ => None,
        };
        Ok(Some(Root { offset: offset.0, unit: Arc::new(unit), directory, lines }))
    }

    /// Returns abbreviations by their offset, each read once.
    fn abbreviations(&mut self, offset: DebugAbbrevOffset) -> Result<Arc<Abbreviations>, Stop> {
        if let Some(read) = self.units.abbreviations.get(&offset.0) {
            return Ok(Arc::clone(read));
        }
        // They may overlap, so that each is counted before it is read.
        let bytes = length(self.sections.debug_abbrev.reader(), offset, &mut self.budget)?;
        self.budget.keep(bytes.saturating_mul(ABBREVIATION))?;
        let read = Arc::new(self.sections.debug_abbrev.abbreviations(offset)?);
        self.units.abbreviations.insert(offset.0, Arc::clone(&read));
        Ok(read)
    }
}

/// Returns the length of abbreviations: up to a code of zero, and attributes of each up to two zeros.
fn length(section: &Slice<'_>, offset: DebugAbbrevOffset, budget: &mut Budget) -> Result<usize, Stop> {
    let mut rest = *section;
    rest.skip(offset.0)?;
    let before = rest.len();
    while !rest.is_empty() && rest.read_uleb128()? != 0 {
        rest.skip_leb128()?;
        rest.skip(1)?;
        loop {
            budget.take(1)?;
            let (name, form) = (rest.read_uleb128()?, rest.read_uleb128()?);
            if form == u64::from(gimli::DW_FORM_implicit_const.0) {
                rest.skip_leb128()?;
            }
            if (name, form) == (0, 0) {
                break;
            }
        }
    }
    Ok(before - rest.len())
}

/// Returns a unit without what its root entry says.
fn empty<'m>(header: UnitHeader<Slice<'m>>, abbreviations: Arc<Abbreviations>) -> Unit<'m> {
    let (encoding, file) = (header.encoding(), DwarfFileType::Main);
    Unit {
        header,
        abbreviations,
        name: None,
        comp_dir: None,
        low_pc: 0,
        str_offsets_base: DebugStrOffsetsBase::default_for_encoding_and_file(encoding, file),
        addr_base: DebugAddrBase(0),
        loclists_base: DebugLocListsBase::default_for_encoding_and_file(encoding, file),
        rnglists_base: DebugRngListsBase::default_for_encoding_and_file(encoding, file),
        line_program: None,
        dwo_id: None,
    }
}
