//! Source locations, from DWARF.
//!
//! `gimli` reads the encoding. What is built on it here has no recursion, and a [`Budget`] for its steps and for what it
//! keeps: a few bytes of DWARF can refer to much, again and again.

use gimli::{EndianSlice, LittleEndian};

use self::{
    budget::{Budget, Stop},
    files::Files,
    lines::Lines,
    scopes::{Owner, Scopes},
    strings::Strings,
    units::Units,
    walk::Names,
};
use super::{
    bodies::{Bodies, Body},
    demangle::demangle,
    location::Location,
    problem::Problem,
    sections::Sections,
};

mod attributes;
mod budget;
mod files;
mod lines;
mod scopes;
mod strings;
mod units;
mod walk;

/// Most bytes of sections with debug information, those of the largest programs.
const MAX_BYTES: u64 = 256 << 20;

/// Most locations of an operator: a function, and functions inlined into each other. Those farther in are left out.
pub(super) const MAX_LOCATIONS: u32 = 64;

type Slice<'m> = EndianSlice<'m, LittleEndian>;
type Unit<'m> = gimli::Unit<Slice<'m>>;

/// Source locations of a module.
#[derive(Debug, Default)]
pub(super) struct Dwarf {
    lines: Lines,
    scopes: Scopes,
    /// Paths of files and names of functions.
    texts: Vec<Box<str>>,
}

impl Dwarf {
    /// Reads the debug information, as far as it can be read.
    pub(super) fn read(sections: &Sections<'_>, bodies: &Bodies, problems: &mut Vec<Problem>) -> Dwarf {
        let bytes = sections.debug_bytes();
        if bytes == 0 {
            return Dwarf::default();
        }
        if bytes > MAX_BYTES {
            problems.push(Problem::Size { bytes, limit: MAX_BYTES });
            return Dwarf::default();
        }
        let mut reader = Reader::new(sections, bodies, Budget::of(bytes));
        if let Err(Stop::Costly) = reader.read() {
            problems.push(Problem::Costly);
        }
        if let Some(first) = reader.first {
            problems.push(Problem::Damaged { parts: reader.damaged, first: first.to_string() });
        }
        Dwarf { lines: reader.lines.finish(), scopes: reader.scopes.finish(), texts: reader.texts.finish() }
    }

    /// Returns the locations of an address in a body, the innermost first.
    pub(super) fn locate(&self, body: &Body, address: u32) -> Vec<Location> {
        let text = |id: u32| self.text(id);
        let mut locations = Vec::new();
        let mut place = self.lines.at(body, address);
        for scope in self.scopes.at(body, address).into_iter().rev() {
            if let Some(place) = place
                && let Some(file) = text(place.file)
            {
                locations.push(Location::new(text(scope.name).map(demangle), file, place.line, place.column));
            }
            place = scope.call;
        }
        if locations.is_empty()
            && let Some(place) = self.lines.at(body, address)
            && let Some(file) = text(place.file)
        {
            locations.push(Location::new(None, file, place.line, place.column));
        }
        locations
    }

    /// Returns the number of the file and the line of an address in a body.
    pub(super) fn line(&self, body: &Body, address: u32) -> Option<(u32, u32)> {
        self.lines.at(body, address).map(|place| (place.file, place.line))
    }

    /// Returns a text by its number.
    pub(super) fn text(&self, number: u32) -> Option<&str> {
        self.texts.get(number as usize).map(|text| &**text)
    }
}

/// Place in a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// The file's path, by its number among the texts.
    file: u32,
    /// From 1; 0 for an operator without a line.
    line: u32,
    /// From 1; 0 for none.
    column: u32,
}

/// The reading of debug information.
struct Reader<'m> {
    sections: gimli::Dwarf<Slice<'m>>,
    bodies: &'m Bodies,
    budget: Budget,
    units: Units<'m>,
    files: Files,
    lines: Lines,
    scopes: Scopes,
    texts: Strings<'m>,
    names: Names,
    /// Number of functions that were read.
    owners: Owner,
    /// Number of parts that are damaged, and why the first is.
    damaged: u64,
    first: Option<gimli::Error>,
}

impl<'m> Reader<'m> {
    fn new(sections: &Sections<'m>, bodies: &'m Bodies, budget: Budget) -> Reader<'m> {
        let slice = |name: &str| EndianSlice::new(sections.debug(name), LittleEndian);
        let loaded = gimli::Dwarf::load(|id| Ok::<_, core::convert::Infallible>(slice(id.name())));
        let Ok(dwarf) = loaded;
        Reader {
            sections: dwarf,
            bodies,
            budget,
            units: Units::default(),
            files: Files::default(),
            lines: Lines::default(),
            scopes: Scopes::new(bodies.len()),
            texts: Strings::new(sections),
            names: Names::default(),
            owners: 0,
            damaged: 0,
            first: None,
        }
    }

    fn read(&mut self) -> Result<(), Stop> {
        let headers = self.read_units();
        self.go_on(headers)?;
        for index in 0..self.units.len() {
            let unit = self.read_unit(index);
            self.go_on(unit)?;
        }
        Ok(())
    }

    /// Counts damage and goes on behind it; only a spent budget ends the reading.
    fn go_on(&mut self, result: Result<(), Stop>) -> Result<(), Stop> {
        match result {
            Err(Stop::Damaged(error)) => {
                self.damaged += 1;
                self.first.get_or_insert(error);
                Ok(())
            }
            other => other,
        }
    }
}
