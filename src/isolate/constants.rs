//! The string constants of errors. A decoded constant is one of these, or the message is invalid.

use alloc::vec::Vec;

use super::layers::LAYERS;
use crate::{
    abi,
    config::Config,
    data::codec::{Codec, put_bytes, take_bytes},
};

/// A string constant of this crate. Decoding accepts only known ones.
impl Codec for &'static str {
    fn put(&self, to: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        find(core::str::from_utf8(take_bytes(from)?).ok()?)
    }
}

/// Constants besides the keys of the configuration and the entries of the ABI. A test compares them with the files that
/// use them.
const CONSTANTS: &[&str] = &[
    // load/scan.rs: file formats
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
    // load/scan.rs and load/operators.rs: unsupported features
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
    // load/scan.rs: units of limits that are not the unit of the key
    "bytes of initial memory",
    "initial table elements",
    // load.rs: the memory as an entry
    abi::MEMORY,
    "a memory",
    // host and machine: uses of host memory
    "a copy of guest memory",
    "files",
    "open files",
    "guest memory",
    "guest tables",
    "log",
    "output",
    "the guest's stack or tables",
];

/// Returns the constant that is equal to this text.
fn find(text: &str) -> Option<&'static str> {
    let keys = Config::keys().flat_map(|key| [key.path, key.unit]);
    let entries = abi::ENTRIES.iter().flat_map(|entry| [entry.name, entry.signature]);
    let capabilities = abi::refused::REFUSED.iter().map(|refused| refused.capability);
    let layers = LAYERS.iter().map(|layer| layer.name);
    let others = CONSTANTS.iter().copied();
    keys.chain(entries).chain(capabilities).chain(layers).chain(others).find(|constant| *constant == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the texts between quotes in a file, without those in comments.
    fn literals(file: &str) -> Vec<&str> {
        let lines = file.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
    }

    #[test]
    fn every_constant_is_known() {
        let scan = literals(include_str!("../load/scan.rs"));
        let operators = literals(include_str!("../load/operators.rs"));
        // Names of unsupported features end with the same word.
        let missing = scan.iter().chain(&operators).filter(|text| text.ends_with(" proposal"));
        let unknown: Vec<_> = missing.filter(|text| find(text).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");

        let looks = include_str!("../load/scan.rs").split("const KNOWN").nth(1).unwrap();
        let looks = looks.split("];").next().unwrap().lines().filter(|line| line.contains("(b\""));
        let unknown: Vec<_> = looks.filter(|line| literals(line).last().is_none_or(|w| find(w).is_none())).collect();
        assert!(unknown.is_empty(), "{unknown:?}");

        let files = [include_str!("../load/scan.rs"), include_str!("../load/operators.rs")];
        let limits = files.iter().flat_map(|file| file.lines().filter(|line| line.contains("limit(\"")));
        let unknown: Vec<_> = limits.flat_map(literals).filter(|text| find(text).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");

        let files = [
            include_str!("../host.rs"),
            include_str!("../run/machine.rs"),
            include_str!("../host/context.rs"),
            include_str!("../host/env.rs"),
            include_str!("../host/growth.rs"),
            include_str!("../wasi/fd.rs"),
            include_str!("../host/wasi/log.rs"),
            include_str!("../wasi/memory/data.rs"),
        ];
        let whats = files.iter().flat_map(|file| file.split("HostMemory { what: \"").skip(1));
        let whats: Vec<_> = whats.filter_map(|rest| rest.split('"').next()).collect();
        assert!(whats.len() > 5 && whats.iter().all(|what| find(what).is_some()), "{whats:?}");
    }
}
