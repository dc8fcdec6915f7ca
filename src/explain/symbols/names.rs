//! Names of functions and locals.

use std::{collections::BTreeMap, sync::OnceLock};

use wasmparser::BinaryReader;

use super::demangle::{NAME_BYTES, cut, demangle};

/// Subsection of the section `name` with names of functions.
const FUNCTIONS: u8 = 1;

/// Subsection of the section `name` with names of locals.
const LOCALS: u8 = 2;

/// Names of functions and locals.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Number of functions of the module.
    count: u32,
    functions: BTreeMap<u32, Name>,
    /// In the order of functions and locals.
    locals: Vec<Local>,
    /// Contents of the section that names of locals are in.
    section: Box<[u8]>,
}

#[derive(Debug)]
struct Name {
    raw: Box<str>,
    /// The name as it is shown. A run shows few of many.
    shown: OnceLock<Box<str>>,
}

#[derive(Debug)]
struct Local {
    function: u32,
    local: u32,
    start: u32,
    len: u32,
}

impl Names {
    /// Returns the number of functions.
    pub(super) fn functions(&self) -> u32 {
        self.count
    }

    /// Creates the names of a module with a number of functions, without one.
    pub(super) fn new(count: u32) -> Names {
        Names { count, ..Names::default() }
    }

    /// Adds a name of a function that has none. Empty ones do not count.
    pub(super) fn add(&mut self, index: u32, name: &str) {
        self.add_bytes(index, name.as_bytes());
    }

    fn add_bytes(&mut self, index: u32, name: &[u8]) {
        if index < self.count && !name.is_empty() {
            self.functions.entry(index).or_insert_with(|| Name { raw: raw(name).into(), shown: OnceLock::new() });
        }
    }

    /// Reads the section `name`. Returns whether it is whole.
    pub(super) fn read(&mut self, section: &[u8]) -> bool {
        let whole = self.subsections(section).is_ok();
        if !self.locals.is_empty() {
            self.section = section.into();
        }
        whole
    }

    fn subsections(&mut self, section: &[u8]) -> wasmparser::Result<()> {
        let mut reader = BinaryReader::new(section, 0);
        let mut seen = [false; 256];
        while !reader.eof() {
            let id = reader.read_u8()?;
            let subsection = reader.read_reader()?;
            // One of a kind is allowed, and more would be work without end.
            let again = seen.get_mut(usize::from(id)).is_none_or(|seen| core::mem::replace(seen, true));
            match id {
                FUNCTIONS if !again => self.read_functions(subsection)?,
                LOCALS if !again => self.read_locals(subsection)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_functions(&mut self, mut reader: BinaryReader<'_>) -> wasmparser::Result<()> {
        for _ in 0..reader.read_var_u32()? {
            let index = reader.read_var_u32()?;
            let len = reader.read_var_u32()?;
            self.add_bytes(index, reader.read_bytes(len as usize)?);
        }
        Ok(())
    }

    fn read_locals(&mut self, mut reader: BinaryReader<'_>) -> wasmparser::Result<()> {
        let mut last = None;
        for _ in 0..reader.read_var_u32()? {
            let function = reader.read_var_u32()?;
            for _ in 0..reader.read_var_u32()? {
                let local = reader.read_var_u32()?;
                let name = reader.read_reader()?;
                let (start, len) = (name.original_position() as u32, name.bytes_remaining() as u32);
                // The search needs the order that the format prescribes.
                if len > 0 && last.is_none_or(|last| last < (function, local)) {
                    last = Some((function, local));
                    self.locals.push(Local { function, local, start, len });
                }
            }
        }
        Ok(())
    }

    /// Returns the name of a function, demangled.
    pub(super) fn function(&self, index: u32) -> Option<&str> {
        let name = self.functions.get(&index)?;
        Some(name.shown.get_or_init(|| demangle(&name.raw).into()))
    }

    /// Returns the name of a local, as far as it is text.
    pub(super) fn local(&self, function: u32, local: u32) -> Option<&str> {
        let at = self.locals.binary_search_by_key(&(function, local), |one| (one.function, one.local)).ok()?;
        let Local { start, len, .. } = *self.locals.get(at)?;
        let name = self.section.get(start as usize..)?.get(..len as usize)?;
        let name = name.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        Some(cut(name, NAME_BYTES)).filter(|name| !name.is_empty())
    }
}

/// Returns bytes as text; of a long name, enough to see that it is one.
pub(super) fn raw(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(..=NAME_BYTES).unwrap_or(name)).into_owned()
}
