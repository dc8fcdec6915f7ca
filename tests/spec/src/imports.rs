//! The modules that a module imports from, valid or not.

use std::collections::BTreeSet;

use wasmparser::{Parser, Payload};

/// Lists the names of the modules, as far as they can be read.
pub fn modules(wasm: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        if let Payload::ImportSection(section) = payload {
            let imports = section.into_imports().map_while(Result::ok);
            names.extend(imports.map(|import| import.module.to_string()));
        }
    }
    names
}
