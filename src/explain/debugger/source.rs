//! The functions and lines of a module.

use alloc::{collections::BTreeMap, collections::BTreeSet, vec::Vec};

use crate::{explain::symbols::Symbols, load::instrument::Instrument};

/// The names and lines of a module, and the operators that belong to them.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) symbols: Symbols,
    /// The operators at which a line begins: in the order of the module another line is before them.
    lines: BTreeMap<(u32, u32), Vec<u32>>,
}

impl Source {
    pub(super) fn new(wasm: &[u8], instrument: &Instrument) -> Source {
        let symbols = Symbols::read(wasm);
        let mut lines = BTreeMap::<_, Vec<_>>::new();
        let (mut before, mut body) = (None, None);
        for at in instrument.tables.steps.operators.iter().copied() {
            let here = (symbols.line(at), symbols.body(at));
            if let (Some(line), true) = (here.0, here != (before, body)) {
                lines.entry(line).or_default().push(at);
            }
            (before, body) = here;
        }
        Source { symbols, lines }
    }

    /// Returns the operators at which a line begins.
    pub(super) fn line_starts(&self) -> BTreeSet<u32> {
        self.lines.values().flatten().copied().collect()
    }

    /// Returns the operators at which the line of an operator begins; `None` if it has no line.
    pub(super) fn starts_of_line(&self, at: u32) -> Option<BTreeSet<u32>> {
        let line = self.symbols.line(at)?;
        Some(self.lines.get(&line).map_or_else(BTreeSet::new, |starts| starts.iter().copied().collect()))
    }

    pub(super) fn functions_named(&self, name: &str) -> Vec<u32> {
        let is_it = |full: &str| full == name || full.strip_suffix(name).is_some_and(|before| before.ends_with("::"));
        (0..self.symbols.functions())
            .filter(|index| self.symbols.function(*index).is_some_and(is_it))
            .take(MAX_NAMED)
            .collect()
    }

    pub(super) fn operators_of_line(&self, file: &str, line: u32) -> Vec<u32> {
        let file = file.replace('\\', "/");
        let is_it = |path: &str| {
            let path = path.replace('\\', "/");
            let ends = |long: &str, short: &str| {
                long.strip_suffix(short).is_some_and(|before| before.is_empty() || before.ends_with('/'))
            };
            // An editor knows where the file is here, the module where it was compiled.
            ends(&path, &file) || ends(&file, &path) || is_same_name(&path, &file)
        };
        let of_file =
            self.lines.iter().filter(|((number, at), _)| *at == line && self.symbols.file(*number).is_some_and(is_it));
        let mut found: Vec<_> = of_file.flat_map(|(_, starts)| starts).copied().collect();
        found.sort_unstable();
        found
    }

    pub(super) fn files(&self) -> Vec<&str> {
        let numbers: BTreeSet<_> = self.lines.keys().map(|(file, _)| *file).collect();
        numbers.into_iter().filter_map(|number| self.symbols.file(number)).collect()
    }

    /// Returns the range of offsets of the body of the function that has an operator.
    pub(super) fn body(&self, at: u32) -> Option<u32> {
        self.symbols.body(at)
    }
}

/// Most functions of one name that are looked for.
const MAX_NAMED: usize = 1_000;

/// Returns whether two paths are of files with one name, one of them absolute: it may have been moved since it was compiled.
fn is_same_name(path: &str, file: &str) -> bool {
    file.contains('/') && path.rsplit('/').next() == file.rsplit('/').next()
}
