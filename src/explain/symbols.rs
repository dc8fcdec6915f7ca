//! Symbols of a module: names of functions and locals, and source locations, from its custom sections.

use std::ops::Range;

use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

use self::{bodies::Bodies, dwarf::Dwarf, names::Names, problem::Problem, sections::Sections};
use crate::{explain::symbols::location::Location, observe::contain};

mod bodies;
mod demangle;
mod dwarf;
pub(crate) mod location;
mod names;
pub(crate) mod problem;
mod sections;
#[cfg(test)]
mod tests;

/// Names of functions and source locations, read from the custom sections of a module.
///
/// Names are data of the module: they may have control characters, and whatever shows them escapes them.
#[derive(Debug)]
pub(crate) struct Symbols {
    names: Names,
    dwarf: Dwarf,
    bodies: Bodies,
    problems: Vec<Problem>,
}

impl Symbols {
    /// Reads the symbols of a module, which need not be valid.
    ///
    /// What is damaged or beyond the limits is left out, and [`problems`](Symbols::problems) says so.
    pub(crate) fn read(module: &[u8]) -> Symbols {
        let mut problems = Vec::new();
        let parts = Parts::of(module, &mut problems);
        let names = contain(|| parts.names(&mut problems)).unwrap_or_else(|message| {
            problems.push(Problem::Panic { message });
            Names::default()
        });
        let dwarf = contain(|| Dwarf::read(&parts.sections, &parts.bodies, &mut problems)).unwrap_or_else(|message| {
            problems.push(Problem::Panic { message });
            Dwarf::default()
        });
        Symbols { names, dwarf, bodies: parts.bodies, problems }
    }

    /// Returns what was left out, and why.
    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the name of a function by its index in the module, where imported functions come first.
    ///
    /// It is the name of the section `name`, else of an export, else `module::name` of the import; demangled if it is a
    /// symbol of Rust or C++.
    pub(crate) fn function(&self, index: u32) -> Option<&str> {
        self.names.function(index)
    }

    /// Returns the number of functions, with imported ones.
    pub(crate) fn functions(&self) -> u32 {
        self.names.functions()
    }

    /// Returns the name of a local of a function, from the section `name`.
    pub(crate) fn local(&self, function: u32, local: u32) -> Option<&str> {
        self.names.local(function, local)
    }

    /// Returns the source locations of the operator at an offset in the bytes of the module: the innermost inlined
    /// function first, the function itself last. Without DWARF there are none.
    pub(crate) fn locate(&self, offset: u32) -> Vec<Location> {
        let Some((body, address)) = self.bodies.address(offset) else { return Vec::new() };
        self.dwarf.locate(&body, address)
    }

    /// Returns the file, by its number, and the line of the operator at an offset: those of the innermost inlined function.
    pub(crate) fn line(&self, offset: u32) -> Option<(u32, u32)> {
        let (body, address) = self.bodies.address(offset)?;
        self.dwarf.line(&body, address)
    }

    /// Returns the number of the body that has an offset.
    pub(crate) fn body(&self, offset: u32) -> Option<u32> {
        self.bodies.address(offset).map(|(body, _)| body.index)
    }

    /// Returns the path of a file by its number.
    pub(crate) fn file(&self, number: u32) -> Option<&str> {
        self.dwarf.text(number)
    }
}

/// The parts of a module that symbols come from, as far as it can be read.
#[derive(Default)]
struct Parts<'m> {
    sections: Sections<'m>,
    bodies: Bodies,
    /// Names of imported functions, in order.
    imports: Vec<String>,
    exports: Vec<(u32, &'m str)>,
}

impl<'m> Parts<'m> {
    fn of(module: &'m [u8], problems: &mut Vec<Problem>) -> Parts<'m> {
        let mut parts = Parts::default();
        for payload in Parser::new(0).parse_all(module) {
            if let Err(error) = payload.and_then(|payload| parts.add(payload)) {
                problems.push(Problem::Module { offset: error.offset() as u64 });
                break;
            }
        }
        parts
    }

    fn add(&mut self, payload: Payload<'m>) -> wasmparser::Result<()> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section {
                    let import = import?;
                    if let TypeRef::Func(_) = import.ty {
                        self.imports.push([import.module, "::", import.name].concat());
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.exports.push((export.index, export.name));
                    }
                }
            }
            Payload::CodeSectionStart { range, .. } => self.bodies.begin(range),
            Payload::CodeSectionEntry(body) => self.bodies.push(body.range()),
            Payload::CustomSection(section) => self.sections.add(section.name(), section.data()),
            _ => {}
        }
        Ok(())
    }

    fn names(&self, problems: &mut Vec<Problem>) -> Names {
        let functions = (self.imports.len() + self.bodies.len()).try_into().unwrap_or(u32::MAX);
        let mut names = Names::new(functions);
        if !names.read(self.sections.name) {
            problems.push(Problem::Names);
        }
        self.exports.iter().for_each(|(index, name)| names.add(*index, name));
        (0..).zip(&self.imports).for_each(|(index, name)| names.add(index, name));
        names
    }
}

/// Range of addresses: offsets in the contents of the code section.
type Addresses = Range<u32>;
