//! The words that errors have in them as constants: what arrives is one of these, or no answer.

use super::walls::WALLS;
use crate::{abi, config::Config};

/// Words beside the keys of the configuration and the entries of the ABI. A test compares them with
/// the files they stand in.
const WORDS: &[&str] = &[
    // module/scan.rs: what bytes look like
    "an ELF executable",
    "a Windows executable",
    "a Mach-O executable",
    "LLVM bitcode",
    "a static library",
    "gzip data",
    "a zip archive",
    "zstd data",
    "HTML or XML",
    "JSON",
    "WebAssembly text",
    // module/scan.rs and module/operators.rs: what is not run
    "an unknown operator",
    "the custom-page-sizes proposal",
    "the exceptions proposal",
    "the function-references or gc proposal",
    "the function-references proposal",
    "the gc proposal",
    "the memory-control proposal",
    "the memory64 proposal",
    "the relaxed-simd proposal",
    "the shared-everything-threads proposal",
    "the stack-switching proposal",
    "the threads proposal",
    "the wide-arithmetic proposal",
    // module/scan.rs: what is counted, where it is not all that a key counts
    "bytes of initial memory",
    "initial table elements",
    // module.rs: the memory as an entry
    abi::MEMORY,
    "a memory",
    // host and machine: what memory was for
    "a copy of guest memory",
    "files",
    "open files",
    "guest memory",
    "guest tables",
    "log",
    "output",
    "the guest's stack or tables",
];

/// The constant that is equal to this text.
pub(super) fn known(text: &str) -> Option<&'static str> {
    let keys = Config::keys().flat_map(|key| [key.path, key.unit]);
    let entries = abi::ENTRIES.iter().flat_map(|entry| [entry.name, entry.signature]);
    let powers = abi::refused::REFUSED.iter().map(|refused| refused.capability);
    let walls = WALLS.iter().map(|wall| wall.name);
    keys.chain(entries).chain(powers).chain(walls).chain(WORDS.iter().copied()).find(|word| *word == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All texts between quotes in a file, but for those of its own tests.
    fn literals(file: &str) -> Vec<&str> {
        let lines = file.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
    }

    #[test]
    fn every_word_is_known() {
        let scan = literals(include_str!("../module/scan.rs"));
        let operators = literals(include_str!("../module/operators.rs"));
        // Whatever is a sentence about what is missing, by the words they have in common.
        let missing = scan.iter().chain(&operators).filter(|text| text.ends_with(" proposal"));
        let unknown: Vec<_> = missing.filter(|text| known(text).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");

        let looks = include_str!("../module/scan.rs").split("const KNOWN").nth(1).unwrap();
        let looks = looks.split("];").next().unwrap().lines().filter(|line| line.contains("(b\""));
        let unknown: Vec<_> = looks.filter(|line| literals(line).last().is_none_or(|w| known(w).is_none())).collect();
        assert!(unknown.is_empty(), "{unknown:?}");

        let files = [include_str!("../module/scan.rs"), include_str!("../module/operators.rs")];
        let limits = files.iter().flat_map(|file| file.lines().filter(|line| line.contains("limit(\"")));
        let unknown: Vec<_> = limits.flat_map(literals).filter(|text| known(text).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");

        let files = [
            include_str!("../host.rs"),
            include_str!("../machine.rs"),
            include_str!("../host/context.rs"),
            include_str!("../host/env.rs"),
            include_str!("../host/growth.rs"),
            include_str!("../wasi/fd.rs"),
            include_str!("../wasi/log.rs"),
            include_str!("../wasi/memory/data.rs"),
        ];
        let whats = files.iter().flat_map(|file| file.split("HostMemory { what: \"").skip(1));
        let whats: Vec<_> = whats.filter_map(|rest| rest.split('"').next()).collect();
        assert!(whats.len() > 5 && whats.iter().all(|what| known(what).is_some()), "{whats:?}");
    }
}
