//! The line programs, and the files that they name.

use std::collections::HashSet;

use gimli::{ColumnType, DebugLineOffset, LineProgramHeader, Reader as _, Section as _};

use super::{
    Place, Reader, Slice,
    budget::Stop,
    strings::{Strings, TEXT_BYTES},
    units::Root,
};
use crate::explain::symbols::demangle::cut;

/// Most bytes of the header of a line program. It suffices for tens of thousands of files, and bounds the memory that
/// each of them takes while it is read, up to a hundred times of its size.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// Line programs that have been run: one may be that of many units.
#[derive(Default)]
pub(super) struct Files {
    run: HashSet<usize>,
}

/// The files of a unit.
pub(super) struct Table<'m> {
    header: LineProgramHeader<Slice<'m>>,
    /// For each file that has been named, the number of its path among the texts.
    paths: Vec<Option<u32>>,
}

impl<'m> Reader<'m> {
    /// Runs the line program of a unit, unless another unit has the same, and returns its files.
    pub(super) fn read_lines(&mut self, root: &Root<'m>) -> Result<Option<Table<'m>>, Stop> {
        let Some(offset) = root.lines else { return Ok(None) };
        let unit = &*root.unit;
        let steps = sizes(self.sections.debug_line.reader(), offset)?;
        self.budget.take(steps)?;
        let program = self.sections.debug_line.program(offset, unit.header.address_size(), None, None)?;
        let header = program.header().clone();
        // The numbers of files begin with 1 before DWARF 5.
        let files = header.file_names().len() + 1;
        let mut table = Table { header, paths: vec![None; files] };
        if !self.files.run.insert(offset.0) {
            return Ok(Some(table));
        }
        let mut rows = program.rows();
        let result = loop {
            let row = match rows.next_row() {
                Ok(Some((_, row))) => *row,
                Ok(None) => break Ok(()),
                Err(error) => break Err(Stop::from(error)),
            };
            let Ok(address) = u32::try_from(row.address()) else {
                self.lines.abandon();
                continue;
            };
            if row.end_sequence() {
                self.lines.end(address, self.bodies, &mut self.budget)?;
                continue;
            }
            let column = match row.column() {
                ColumnType::LeftEdge => 0,
                ColumnType::Column(column) => column.get().try_into().unwrap_or(0),
            };
            let line = row.line().map_or(0, |line| line.get().try_into().unwrap_or(0));
            let file = self.file(root, &mut table, row.file_index())?;
            let place = Place { file: file.unwrap_or(u32::MAX), line, column };
            self.lines.push(address, place, &mut self.budget)?;
        };
        self.lines.abandon();
        self.go_on(result)?;
        Ok(Some(table))
    }

    /// Returns the number of the path of a file, by its number in the table.
    pub(super) fn file(&mut self, root: &Root<'m>, table: &mut Table<'m>, index: u64) -> Result<Option<u32>, Stop> {
        let Some(place) = usize::try_from(index).ok().and_then(|index| table.paths.get_mut(index)) else {
            return Ok(None);
        };
        if place.is_none() {
            let Some(path) = path(&self.texts, root, &table.header, index) else { return Ok(None) };
            *place = Some(self.texts.keep(path, &mut self.budget)?);
        }
        Ok(*place)
    }
}

/// Returns the steps of a line program, which are no more than its bytes.
fn sizes(section: &Slice<'_>, offset: DebugLineOffset) -> Result<usize, Stop> {
    let mut rest = *section;
    rest.skip(offset.0)?;
    let (length, format) = rest.read_initial_length()?;
    let mut program = rest.split(length)?;
    if program.read_u16()? >= 5 {
        // Sizes of addresses and of segments.
        program.skip(2)?;
    }
    let header = program.read_length(format)?;
    if header as u64 > MAX_HEADER_BYTES {
        return Err(Stop::Damaged(gimli::Error::UnsupportedOffset));
    }
    Ok(length)
}

/// Returns the path of a file: its name, below its directory, below that of the compilation.
fn path(texts: &Strings<'_>, root: &Root<'_>, header: &LineProgramHeader<Slice<'_>>, index: u64) -> Option<String> {
    let file = header.file(index)?;
    let mut path = String::from_utf8_lossy(root.directory.unwrap_or_default()).into_owned();
    // Directory 0 is that of the compilation.
    let directory = (file.directory_index() > 0).then(|| file.directory(header)).flatten();
    for value in directory.into_iter().chain([file.path_name()]) {
        join(&mut path, &String::from_utf8_lossy(texts.text(&root.unit, value)?));
    }
    Some(cut(&path, TEXT_BYTES).into())
}

/// Appends a path, which replaces what is there if it is absolute.
fn join(path: &mut String, part: &str) {
    let has_drive = |path: &str, separator: &str| path.get(1..).is_some_and(|rest| rest.starts_with(separator));
    let is_windows = |path: &str| path.starts_with('\\') || has_drive(path, ":\\");
    if part.starts_with('/') || has_drive(part, ":/") || is_windows(part) {
        path.clear();
    } else if !path.is_empty() && !path.ends_with(['/', '\\']) {
        path.push(if is_windows(path) { '\\' } else { '/' });
    }
    path.push_str(part);
}
