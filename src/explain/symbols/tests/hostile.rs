//! Modules with little debug information that refers to much.

use super::Symbols;
use crate::{
    data::binary::{leb, section},
    explain::symbols::{dwarf::MAX_LOCATIONS, problem::Problem},
};

/// Address of the function.
const FUNCTION: u32 = 2;

/// Tags.
const SUBPROGRAM: u8 = 0x2e;
const INLINED: u8 = 0x1d;
const UNIT: u8 = 0x11;

/// Forms.
const ADDR: u8 = 0x01;
const DATA1: u8 = 0x0b;
const DATA4: u8 = 0x06;
const FLAG_PRESENT: u8 = 0x19;
const REF4: u8 = 0x13;
const SEC_OFFSET: u8 = 0x17;
const STRP: u8 = 0x0e;

/// Returns an abbreviation; `more` attributes take no bytes where it is used.
fn abbreviation(code: u8, tag: u8, has_children: bool, attributes: &[(u8, u8)], more: usize) -> Vec<u8> {
    let mut bytes = vec![code, tag, has_children.into()];
    attributes.iter().for_each(|(name, form)| bytes.extend([*name, *form]));
    (0..more).for_each(|_| bytes.extend([0x3f, FLAG_PRESENT]));
    bytes.extend([0, 0]);
    bytes
}

/// Returns a unit of DWARF 4 with abbreviations at an offset.
fn unit(abbreviations: u32, entries: &[u8]) -> Vec<u8> {
    let header = [&4u16.to_le_bytes()[..], &abbreviations.to_le_bytes(), &[4]].concat();
    [&((header.len() + entries.len()) as u32).to_le_bytes()[..], &header, entries].concat()
}

/// Returns a module with a function of 64 bytes, and sections.
fn module(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut module = wat::parse_str("(module (func))").unwrap();
    module.truncate(8 + 6 + 4);
    let body = [&[0][..], &[0x01; 62], &[0x0b]].concat();
    section(&mut module, 10, &[&[1][..], &leb(body.len() as u32), &body].concat());
    for (name, contents) in sections {
        section(&mut module, 0, &[&leb(name.len() as u32), name.as_bytes(), contents].concat());
    }
    module
}

/// Returns the symbols of a module, and the number of locations of its function.
fn read(sections: &[(&str, &[u8])]) -> (Symbols, usize) {
    let module = module(sections);
    let symbols = Symbols::read(&module);
    let locations = symbols.locate(super::code(&module).start as u32 + FUNCTION + 1).len();
    (symbols, locations)
}

/// A line program of DWARF 4: one file, `more` bytes of directories, and a line for all of the function.
fn lines(more: usize) -> Vec<u8> {
    let lengths = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
    let directories = b"d\0".repeat(more / 2);
    let header = [&[1, 1, 1, 0xfb, 14, 13][..], &lengths, &directories, b"\0a.c\0\0\0\0\0"].concat();
    let program = [&[0, 5, 2][..], &FUNCTION.to_le_bytes(), &[1, 2, 60, 0, 1, 1]].concat();
    let rest = [&4u16.to_le_bytes()[..], &(header.len() as u32).to_le_bytes(), &header, &program].concat();
    [&(rest.len() as u32).to_le_bytes()[..], &rest].concat()
}

/// Attributes of a unit: its lines.
const LINES: [(u8, u8); 1] = [(0x10, SEC_OFFSET)];

/// Attributes of a function: where it begins, and its size.
const PLACE: [(u8, u8); 2] = [(0x11, ADDR), (0x12, DATA4)];

/// The entry of the unit, with its children behind it.
const ROOT: [u8; 5] = [1, 0, 0, 0, 0];

/// Returns an entry with [`PLACE`].
fn placed(code: u8) -> Vec<u8> {
    [&[code][..], &FUNCTION.to_le_bytes(), &60u32.to_le_bytes()].concat()
}

/// More of them than there are locations for an operator.
#[test]
fn functions_inlined_without_end() {
    let call = [(0x58, DATA1), (0x59, DATA1)];
    let inlined = [&PLACE[..], &call].concat();
    let abbreviations = [
        abbreviation(1, UNIT, true, &LINES, 0),
        abbreviation(2, SUBPROGRAM, true, &PLACE, 0),
        abbreviation(3, INLINED, true, &inlined, 0),
    ];
    let inner = [&placed(3)[..], &[1, 5]].concat();
    for deep in [0, 5, 1_000] {
        let info = unit(0, &[&ROOT[..], &placed(2), &inner.repeat(deep)].concat());
        let sections: &[(&str, &[u8])] =
            &[(".debug_abbrev", &abbreviations.concat()), (".debug_info", &info), (".debug_line", &lines(0))];
        let (symbols, locations) = read(sections);
        assert_eq!((symbols.problems(), locations), (&[][..], (deep + 1).min(MAX_LOCATIONS as usize)));
    }
    // Functions defined in each other, likewise.
    let info = unit(0, &[&ROOT[..], &placed(2).repeat(1_000)].concat());
    let sections: &[(&str, &[u8])] =
        &[(".debug_abbrev", &abbreviations.concat()), (".debug_info", &info), (".debug_line", &lines(0))];
    assert_eq!(read(sections).1, 1);
}

/// Returns whether reading ends because it is costly.
fn is_costly(sections: &[(&str, &[u8])]) -> bool {
    read(sections).0.problems().contains(&Problem::Costly)
}

#[test]
fn attributes_without_bytes() {
    for (count, costly) in [(10, false), (6_000, true)] {
        let abbreviations =
            [abbreviation(1, UNIT, true, &[], 0), abbreviation(2, SUBPROGRAM, false, &[], count)].concat();
        let info = unit(0, &[&[1][..], &vec![2; count]].concat());
        assert_eq!(is_costly(&[(".debug_abbrev", &abbreviations), (".debug_info", &info)]), costly);
    }
}

#[test]
fn one_list_of_ranges_for_many_functions() {
    let abbreviations =
        [abbreviation(1, UNIT, true, &[], 0), abbreviation(2, SUBPROGRAM, false, &[(0x55, SEC_OFFSET)], 0)].concat();
    for (count, costly) in [(10, false), (6_000, true)] {
        let info = unit(0, &[&[1][..], &[2, 0, 0, 0, 0].repeat(count)].concat());
        let range = [FUNCTION.to_le_bytes(), (FUNCTION + 1).to_le_bytes()].concat();
        let ranges = [&range.repeat(count)[..], &[0; 8]].concat();
        let sections: &[(&str, &[u8])] =
            &[(".debug_abbrev", &abbreviations), (".debug_info", &info), (".debug_ranges", &ranges)];
        assert_eq!(is_costly(sections), costly);
    }
}

#[test]
fn abbreviations_in_each_other() {
    for (count, costly) in [(10, false), (6_000, true)] {
        // Each unit has all that are behind its own first one.
        let all: Vec<_> = (0..count).map(|code: u32| [&leb(code + 1)[..], &[SUBPROGRAM, 0, 0, 0]].concat()).collect();
        let offsets = all.iter().scan(0, |at, one| Some(core::mem::replace(at, *at + one.len() as u32)));
        let info: Vec<u8> = offsets.take(count as usize / 10).flat_map(|offset| unit(offset, &[1])).collect();
        assert_eq!(is_costly(&[(".debug_abbrev", &all.concat()), (".debug_info", &info)]), costly);
    }
}

#[test]
fn one_line_program_for_many_units() {
    let abbreviations = abbreviation(1, UNIT, false, &LINES, 0);
    for (count, costly) in [(10, false), (6_000, true)] {
        let info = unit(0, &ROOT).repeat(count);
        let lines = lines(count);
        let sections: &[(&str, &[u8])] =
            &[(".debug_abbrev", &abbreviations), (".debug_info", &info), (".debug_line", &lines)];
        assert_eq!(is_costly(sections), costly);
    }
    // A header that is too large for any unit.
    let sections: &[(&str, &[u8])] =
        &[(".debug_abbrev", &abbreviations), (".debug_info", &unit(0, &ROOT)), (".debug_line", &lines(2 << 20))];
    assert!(matches!(read(sections).0.problems(), [Problem::Damaged { parts: 1, .. }]));
}

#[test]
fn long_names_that_are_parts_of_each_other() {
    let function = [&PLACE[..], &[(3, STRP)]].concat();
    let abbreviations =
        [abbreviation(1, UNIT, true, &[], 0), abbreviation(2, SUBPROGRAM, false, &function, 0)].concat();
    for (count, costly) in [(10, false), (6_000u32, true)] {
        let texts: Vec<u8> = (0..count).map(|at| b'a' + (at.wrapping_mul(at) >> 7) as u8 % 26).collect();
        let entries = (0..count).flat_map(|offset| [&placed(2)[..], &offset.to_le_bytes()].concat());
        let info = unit(0, &[1].into_iter().chain(entries).collect::<Vec<_>>());
        let sections: &[(&str, &[u8])] =
            &[(".debug_abbrev", &abbreviations), (".debug_info", &info), (".debug_str", &texts)];
        assert_eq!(is_costly(sections), costly);
    }
}

/// Entries that take their names from each other.
#[test]
fn references_in_circles() {
    let function = [&PLACE[..], &[(0x31, REF4)]].concat();
    let abbreviations =
        [abbreviation(1, UNIT, true, &LINES, 0), abbreviation(2, SUBPROGRAM, false, &function, 0)].concat();
    let root = 11 + ROOT.len() as u32;
    for origin in [0, 11, root, root + 13, u32::MAX] {
        let entries = [placed(2), origin.to_le_bytes().to_vec(), placed(2), root.to_le_bytes().to_vec()].concat();
        let info = unit(0, &[&ROOT[..], &entries].concat());
        let sections: &[(&str, &[u8])] =
            &[(".debug_abbrev", &abbreviations), (".debug_info", &info), (".debug_line", &lines(0))];
        let (symbols, locations) = read(sections);
        assert!(symbols.problems().len() <= 1 && locations == 1, "{origin}: {:?}", symbols.problems());
    }
}
