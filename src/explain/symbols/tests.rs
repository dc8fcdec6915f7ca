//! Tests of symbols: those of real modules, damaged ones, and ones that are made to be costly.

use super::{Symbols, location::Location};
use crate::data::binary;

mod hostile;
mod mutated;
mod names;

/// A module with DWARF: functions inlined into each other, and one that the linker removed.
const INLINED: &[u8] = include_bytes!("../../../fixtures/explain/inlined.wasm");

/// A module with names and lines.
const TRAP: &[u8] = include_bytes!("../../../fixtures/guests/trap.wasm");

/// Returns the contents of the code section as a range.
fn code(module: &[u8]) -> std::ops::Range<usize> {
    binary::sections(module).find(|(id, _)| *id == 10).unwrap().1
}

/// Returns functions with lines and columns at an address.
fn at(module: &[u8], address: u32) -> Vec<(Option<String>, u32, Option<u32>)> {
    let locations = Symbols::read(module).locate(code(module).start as u32 + address);
    locations.into_iter().map(|one| (one.function, one.line, one.column)).collect()
}

fn place(function: &str, line: u32, column: u32) -> (Option<String>, u32, Option<u32>) {
    (Some(function.into()), line, Some(column))
}

#[test]
fn functions_inlined_into_each_other() {
    let symbols = Symbols::read(INLINED);
    assert_eq!(symbols.problems(), []);
    let innermost = &symbols.locate(code(INLINED).start as u32 + 7)[0];
    let over = "shapes::Box<int>::over(int) const";
    assert_eq!(*innermost, Location::new(Some(over.into()), "explain/inlined.cpp", 15, 73));
    let (twice, area) = ("shapes::twice(shapes::Box<int> const&, int)", "shapes::area(int, int)");
    assert_eq!(at(INLINED, 7), [place(over, 15, 73), place(twice, 26, 18), place(area, 31, 10)]);
    assert_eq!(at(INLINED, 0xa), [place(twice, 26, 12), place(area, 31, 10)]);
    assert_eq!(at(INLINED, 0xb), [place(area, 31, 3)]);
    assert_eq!(at(INLINED, 0x1f), [place("execute", 40, 23)]);
    // Between bodies, before them, and behind them.
    for address in [0, 1, 0xc, 0x36, 0x37] {
        assert_eq!(at(INLINED, address), [], "{address}");
    }
}

/// Linkers give functions that they remove the address -1, and older ones 0, where others are now.
#[test]
fn functions_that_the_linker_removed_hide_no_others() {
    let at_zero: Vec<u8> = with_debug(INLINED, |bytes| {
        let places: Vec<_> = bytes.windows(4).enumerate().filter(|(_, four)| *four == [0xff; 4]).collect();
        let places: Vec<_> = places.into_iter().map(|(at, _)| at).collect();
        places.into_iter().for_each(|at| bytes[at..at + 4].fill(0));
    });
    assert_ne!(at_zero, INLINED);
    for address in 0..0x38 {
        assert_eq!(at(&at_zero, address), at(INLINED, address), "{address}");
    }
}

#[test]
fn lines_without_functions() {
    let (start, symbols) = (code(TRAP).start as u32, Symbols::read(TRAP));
    assert_eq!(symbols.problems(), []);
    assert_eq!(symbols.locate(start + 0x4d), [Location::new(None, "./trap.c", 47, 26)]);
    assert_eq!(symbols.locate(start + 2), [Location::new(None, "./trap.c", 41, 0)]);
    // The compiler gave it no line, but gave one to what is before it.
    assert_eq!(symbols.locate(start + 0x90), [Location::new(None, "./trap.c", 34, 13)]);
    assert!(symbols.locate(start - 1).is_empty() && symbols.locate(0).is_empty());
    assert!(symbols.locate(u32::MAX).is_empty());
}

#[test]
fn a_module_without_symbols() {
    let module = wat::parse_str("(module (func (param i32)))").unwrap();
    let symbols = Symbols::read(&module);
    assert_eq!(symbols.problems(), []);
    assert_eq!((symbols.function(0), symbols.local(0, 0)), (None, None));
    assert!((0..100).all(|offset| symbols.locate(offset).is_empty()));
}

/// Changes the contents of each section of debug information, and of the names.
fn with_debug(module: &[u8], mut change: impl FnMut(&mut Vec<u8>)) -> Vec<u8> {
    let mut changed = module[..8].to_vec();
    for (id, range) in binary::sections(module) {
        let contents = &module[range];
        let name_len = usize::from(contents[0]);
        let is_ours = id == 0 && [&b"name"[..], b".debug"].iter().any(|start| contents[1..].starts_with(start));
        if !is_ours {
            binary::section(&mut changed, id, contents);
            continue;
        }
        let (name, rest) = contents.split_at(1 + name_len);
        let mut rest = rest.to_vec();
        change(&mut rest);
        binary::section(&mut changed, 0, &[name, &rest].concat());
    }
    changed
}

/// Numbers that look random: the same ones in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}
