//! The map of a module: its blocks, branches and lines, and their counters.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use wasmparser::{Parser, Payload, TypeRef};

use super::walk::{Block, Branch, Lines, Numbers, walk};
use crate::{
    data::digest::Digest,
    explain::symbols::{Symbols, location::Location},
    load::instrument::Counter,
    run::machine::Called,
};

/// The blocks, branches and lines of a module, and their counters.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) module: Digest,
    pub(super) functions: Vec<Function>,
    /// Paths of files, and lines in them, in order.
    pub(super) lines: Vec<(String, u32)>,
    pub(super) problems: Vec<String>,
}

/// A function that the module defines.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) function: u32,
    pub(super) name: Option<String>,
    pub(super) location: Option<Location>,
    pub(super) blocks: Vec<Block>,
    pub(super) branches: Vec<Branch>,
}

/// A function that did not get to its end, since the run ended in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unfinished {
    pub(super) function: u32,
    /// The offset of the last operator that ran or began to, or of one before it in its block.
    pub(super) block: u32,
    /// The offset of the last operator that ran or began to; those behind it in its block did not.
    pub(super) at: u32,
}

impl Unfinished {
    pub(super) fn of(called: &Called) -> Unfinished {
        Unfinished { function: called.function, block: called.at, at: called.at }
    }
}

impl Map {
    /// Returns the map of a valid module with these counters.
    pub(super) fn new(wasm: &[u8], counters: &[Counter]) -> Map {
        let symbols = Symbols::read(wasm);
        let number = |counter: &Counter| ((counter.function, counter.opener), counter.number as usize);
        let numbers: Numbers = counters.iter().map(number).collect();
        let mut map = Map {
            module: Digest::of(wasm),
            functions: Vec::new(),
            lines: Vec::new(),
            problems: symbols.problems().iter().map(ToString::to_string).collect(),
        };
        let mut lines = Lines::new(&symbols);
        // The module has been loaded, so there is no error.
        let _ = map.read(wasm, &symbols, &mut lines, &numbers);
        map.sort_lines(lines, &symbols);
        map
    }

    fn read(
        &mut self,
        wasm: &[u8],
        symbols: &Symbols,
        lines: &mut Lines<'_>,
        numbers: &Numbers,
    ) -> wasmparser::Result<()> {
        let mut function = 0;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports {
                        function += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let (blocks, branches) = walk(function, &body, lines, numbers)?;
                    let with_line = blocks.iter().flat_map(|block| &block.lines).next();
                    self.functions.push(Function {
                        function,
                        name: symbols.function(function).map(String::from),
                        location: with_line.and_then(|line| symbols.locate(line.first).pop()),
                        blocks,
                        branches,
                    });
                    function += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Brings the lines to the order of files and lines.
    fn sort_lines(&mut self, lines: Lines<'_>, symbols: &Symbols) {
        let path = |file: u32| symbols.file(file).unwrap_or_default();
        let mut sorted: Vec<(&str, u32, usize)> =
            lines.list.iter().zip(0..).map(|((file, line), number)| (path(*file), *line, number)).collect();
        sorted.sort_unstable();
        let mut places = alloc::vec![0; sorted.len()];
        for (new, (.., old)) in sorted.iter().enumerate() {
            if let Some(place) = places.get_mut(*old) {
                *place = new;
            }
        }
        let place = |line: &mut usize| *line = places.get(*line).copied().unwrap_or_default();
        for function in &mut self.functions {
            function.blocks.iter_mut().flat_map(|block| &mut block.lines).for_each(|line| place(&mut line.line));
            function.branches.iter_mut().filter_map(|branch| branch.line.as_mut()).for_each(place);
        }
        self.lines = sorted.into_iter().map(|(file, line, _)| (file.into(), line)).collect();
    }
}
