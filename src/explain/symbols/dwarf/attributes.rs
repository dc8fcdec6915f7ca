//! The attributes of an entry that matter here.

use gimli::{AttributeSpecification, AttributeValue, EntriesRaw};

use super::{
    Slice,
    budget::{Budget, Stop},
};

/// Value of an attribute, if the entry has it.
pub(super) type Value<'m> = Option<AttributeValue<Slice<'m>>>;

/// Attributes of an entry that matter here.
#[derive(Default)]
pub(super) struct Attributes<'m> {
    pub(super) name: Value<'m>,
    /// The mangled name, which says more than the name.
    pub(super) linkage_name: Value<'m>,
    /// The entry that has what this one lacks.
    pub(super) origin: Value<'m>,
    pub(super) low_pc: Value<'m>,
    pub(super) high_pc: Value<'m>,
    pub(super) ranges: Value<'m>,
    pub(super) call_file: Value<'m>,
    pub(super) call_line: Value<'m>,
    pub(super) call_column: Value<'m>,
    pub(super) comp_dir: Value<'m>,
    pub(super) stmt_list: Value<'m>,
    pub(super) str_offsets_base: Value<'m>,
    pub(super) addr_base: Value<'m>,
    pub(super) rnglists_base: Value<'m>,
}

impl<'m> Attributes<'m> {
    /// Reads the attributes of an entry, after its abbreviation.
    pub(super) fn read(
        entries: &mut EntriesRaw<'_, Slice<'m>>,
        specs: &[AttributeSpecification],
        budget: &mut Budget,
    ) -> Result<Attributes<'m>, Stop> {
        budget.take(specs.len())?;
        let mut all = Attributes::default();
        for spec in specs {
            let attribute = entries.read_attribute(*spec)?;
            let place = match attribute.name() {
                gimli::DW_AT_name => &mut all.name,
                gimli::DW_AT_linkage_name | gimli::DW_AT_MIPS_linkage_name => &mut all.linkage_name,
                gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => &mut all.origin,
                gimli::DW_AT_low_pc => &mut all.low_pc,
                gimli::DW_AT_high_pc => &mut all.high_pc,
                gimli::DW_AT_ranges => &mut all.ranges,
                gimli::DW_AT_call_file => &mut all.call_file,
                gimli::DW_AT_call_line => &mut all.call_line,
                gimli::DW_AT_call_column => &mut all.call_column,
                gimli::DW_AT_comp_dir => &mut all.comp_dir,
                gimli::DW_AT_stmt_list => &mut all.stmt_list,
                gimli::DW_AT_str_offsets_base => &mut all.str_offsets_base,
                gimli::DW_AT_addr_base | gimli::DW_AT_GNU_addr_base => &mut all.addr_base,
                gimli::DW_AT_rnglists_base | gimli::DW_AT_GNU_ranges_base => &mut all.rnglists_base,
                _ => continue,
            };
            *place = Some(attribute.value());
        }
        Ok(all)
    }
}
