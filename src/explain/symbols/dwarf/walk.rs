//! The entries of a unit: functions, and functions inlined into them.

use std::collections::HashMap;

use gimli::{AttributeValue, DebugInfoOffset, Range, RangeListsOffset, RawRngListEntry};

use super::{
    MAX_LOCATIONS, Place, Reader, Slice, Unit,
    attributes::{Attributes, Value},
    budget::Stop,
    files::Table,
    scopes::{Owner, Scope},
    units::Root,
};
use crate::explain::symbols::names::raw;

/// Most entries from which one takes its name, each referring to the next. Compilers write up to three.
const MAX_ORIGINS: usize = 16;

/// Most functions with an address that are defined in each other. Compilers write up to two.
const MAX_OPEN: usize = 256;

/// Bytes that the name of an entry takes in the map.
const NAME: usize = 48;

/// Number of no text.
const NONE: u32 = u32::MAX;

/// Names of entries, by their offsets in the section: many calls of one function may be inlined.
pub(super) type Names = HashMap<usize, u32>;

/// Scope whose entries are being read.
#[derive(Clone, Copy)]
struct Open {
    depth: isize,
    level: u32,
    owner: Owner,
}

impl<'m> Reader<'m> {
    /// Reads the lines of a unit, then its functions.
    pub(super) fn read_unit(&mut self, index: usize) -> Result<(), Stop> {
        let Some(root) = self.units.get(index) else { return Ok(()) };
        let lines = self.read_lines(&root);
        let mut table = None;
        let lines = lines.map(|read| table = read);
        self.go_on(lines)?;
        self.read_entries(&root, &mut table)
    }

    fn read_entries(&mut self, root: &Root<'m>, table: &mut Option<Table<'m>>) -> Result<(), Stop> {
        let unit = &*root.unit;
        let mut entries = unit.header.entries_raw(&unit.abbreviations, None)?;
        let mut open = Vec::<Open>::new();
        while !entries.is_empty() {
            let depth = entries.next_depth();
            self.budget.take(1)?;
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            let specs = abbreviation.attributes();
            while open.last().is_some_and(|scope| scope.depth >= depth) {
                open.pop();
            }
            let next = match abbreviation.tag() {
                gimli::DW_TAG_subprogram => Some(Open { depth, level: 0, owner: self.new_owner() }),
                gimli::DW_TAG_inlined_subroutine => {
                    let inner = |scope: &Open| Open { depth, level: scope.level + 1, ..*scope };
                    open.last().map(inner).filter(|scope| scope.level < MAX_LOCATIONS)
                }
                _ => None,
            };
            let Some(next) = next.filter(|_| open.len() < MAX_OPEN) else {
                self.budget.take(specs.len())?;
                entries.skip_attributes(specs)?;
                continue;
            };
            let attributes = Attributes::read(&mut entries, specs, &mut self.budget)?;
            let is_there = self.read_scope(root, table, next, &attributes)?;
            // What is inlined into a function that is not there is nowhere.
            let level = if is_there || next.level > 0 { next.level } else { MAX_LOCATIONS };
            open.push(Open { level, ..next });
        }
        Ok(())
    }

    fn new_owner(&mut self) -> Owner {
        self.owners += 1;
        self.owners
    }

    /// Reads a function, or one that is inlined. Returns whether it has an address in the module.
    fn read_scope(
        &mut self,
        root: &Root<'m>,
        table: &mut Option<Table<'m>>,
        open: Open,
        attributes: &Attributes<'m>,
    ) -> Result<bool, Stop> {
        if attributes.low_pc.is_none() && attributes.ranges.is_none() {
            return Ok(false);
        }
        let name = self.name(&root.unit, attributes)?;
        let call = match (attributes.call_file, table) {
            (Some(AttributeValue::FileIndex(file)), Some(table)) => self.file(root, table, file)?,
            _ => None,
        };
        let number = |value: Value<'m>| value.and_then(|value| value.udata_value()?.try_into().ok()).unwrap_or(0);
        let (line, column) = (number(attributes.call_line), number(attributes.call_column));
        let call = call.map(|file| Place { file, line, column }).filter(|place| place.line > 0);
        self.scopes.push(Scope { name, call }, &mut self.budget)?;
        self.read_ranges(&root.unit, open, attributes)
    }

    fn read_ranges(&mut self, unit: &Unit<'m>, open: Open, attributes: &Attributes<'m>) -> Result<bool, Stop> {
        let list = attributes.ranges.map(|value| self.sections.attr_ranges_offset(unit, value)).transpose()?;
        if let Some(list) = list.flatten() {
            return self.read_range_list(unit, open, list);
        }
        let address = |value: Value<'m>| value.map_or(Ok(None), |value| self.sections.attr_address(unit, value));
        let Some(begin) = address(attributes.low_pc)? else { return Ok(false) };
        let end = match attributes.high_pc {
            Some(AttributeValue::Udata(size)) => begin.checked_add(size),
            _ => address(attributes.high_pc)?,
        };
        let range = Range { begin, end: end.unwrap_or(begin) };
        self.scopes.extend(open.level, open.owner, &range, self.bodies, &mut self.budget)
    }

    fn read_range_list(&mut self, unit: &Unit<'m>, open: Open, list: RangeListsOffset) -> Result<bool, Stop> {
        let mut is_there = false;
        let mut base = unit.low_pc;
        let address = |index| self.sections.address(unit, index);
        let mut list = self.sections.raw_ranges(unit, list)?;
        while let Some(entry) = list.next()? {
            self.budget.take(1)?;
            let (begin, end) = match entry {
                RawRngListEntry::BaseAddress { addr } => {
                    base = addr;
                    continue;
                }
                RawRngListEntry::BaseAddressx { addr } => {
                    base = address(addr)?;
                    continue;
                }
                RawRngListEntry::AddressOrOffsetPair { begin, end } | RawRngListEntry::OffsetPair { begin, end } => {
                    (base.saturating_add(begin), base.saturating_add(end))
                }
                RawRngListEntry::StartxEndx { begin, end } => (address(begin)?, address(end)?),
                RawRngListEntry::StartxLength { begin, length } => {
                    let begin = address(begin)?;
                    (begin, begin.saturating_add(length))
                }
                RawRngListEntry::StartEnd { begin, end } => (begin, end),
                RawRngListEntry::StartLength { begin, length } => (begin, begin.saturating_add(length)),
            };
            let range = Range { begin, end };
            is_there |= self.scopes.extend(open.level, open.owner, &range, self.bodies, &mut self.budget)?;
        }
        Ok(is_there)
    }

    /// Returns the number of the name of an entry: the mangled one, else the short one, else that of the entry that it
    /// refers to.
    fn name(&mut self, unit: &Unit<'m>, attributes: &Attributes<'m>) -> Result<u32, Stop> {
        if let Some(name) = self.own_name(unit, attributes)? {
            return Ok(name);
        }
        let Some(origin) = attributes.origin else { return Ok(NONE) };
        let Some(first) = self.target(unit, origin) else { return Ok(NONE) };
        if let Some(name) = self.names.get(&first.0) {
            return Ok(*name);
        }
        let mut next = Some(first);
        let mut name = NONE;
        for _ in 0..MAX_ORIGINS {
            let Some((unit, offset)) = next.and_then(|offset| self.units.at(offset)) else { break };
            let mut entries = unit.header.entries_raw(&unit.abbreviations, Some(offset))?;
            let Some(abbreviation) = entries.read_abbreviation()? else { break };
            let attributes = Attributes::read(&mut entries, abbreviation.attributes(), &mut self.budget)?;
            if let Some(own) = self.own_name(&unit, &attributes)? {
                name = own;
                break;
            }
            next = attributes.origin.and_then(|origin| self.target(&unit, origin));
        }
        self.budget.keep(NAME)?;
        self.names.insert(first.0, name);
        Ok(name)
    }

    fn own_name(&mut self, unit: &Unit<'m>, attributes: &Attributes<'m>) -> Result<Option<u32>, Stop> {
        let text = |value: Value<'m>| self.texts.text(unit, value?);
        let Some(name) = text(attributes.linkage_name).or_else(|| text(attributes.name)) else { return Ok(None) };
        self.texts.keep(raw(name), &mut self.budget).map(Some)
    }

    /// Returns the offset in the section that a reference refers to.
    fn target(&self, unit: &Unit<'m>, value: AttributeValue<Slice<'m>>) -> Option<DebugInfoOffset> {
        match value {
            AttributeValue::DebugInfoRef(offset) => Some(offset),
            AttributeValue::UnitRef(offset) => offset.to_debug_info_offset(&unit.header),
            _ => None,
        }
    }
}
