//! The custom sections that symbols are read from.

/// Contents of the custom sections that symbols are read from; empty where the module has none. Of two sections with a
/// name, the first is used.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Sections<'m> {
    pub(super) name: &'m [u8],
    debug: [&'m [u8]; DEBUG.len()],
}

/// Sections of DWARF that locations of functions and lines need.
const DEBUG: [&str; 9] = [
    ".debug_abbrev",
    ".debug_addr",
    ".debug_info",
    ".debug_line",
    ".debug_line_str",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_str",
    ".debug_str_offsets",
];

impl<'m> Sections<'m> {
    /// Adds a custom section, if it is one of them.
    pub(super) fn add(&mut self, name: &str, contents: &'m [u8]) {
        let place = match name {
            "name" => Some(&mut self.name),
            _ => DEBUG.iter().zip(&mut self.debug).find(|(debug, _)| **debug == name).map(|(_, place)| place),
        };
        if let Some(place) = place
            && place.is_empty()
        {
            *place = contents;
        }
    }

    /// Returns a section of DWARF.
    pub(super) fn debug(&self, name: &str) -> &'m [u8] {
        DEBUG.iter().zip(&self.debug).find(|(debug, _)| **debug == name).map(|(_, place)| *place).unwrap_or_default()
    }

    /// Returns the size of all sections of DWARF.
    pub(super) fn debug_bytes(&self) -> u64 {
        self.debug.iter().map(|section| section.len() as u64).sum()
    }
}
