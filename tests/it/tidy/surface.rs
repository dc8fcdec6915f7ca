//! The public names: few are at the root, and none is exported twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{read, root};

/// The most names at the root, modules not counted.
const AT_ROOT: usize = 46;

/// The names that a file exports by `pub use`, of the modules that are `pub` in it or of the file itself.
fn exported(text: &str) -> Vec<&str> {
    let lists = text.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let words = lists.flat_map(|list| list.split(|c: char| "{},\n ".contains(c)));
    let names = words.filter(|word| !word.is_empty() && !word.ends_with("::"));
    names.map(|path| path.rsplit("::").next().unwrap()).collect()
}

#[test]
fn the_root_has_few_names_and_none_is_exported_twice() {
    let library = read(Path::new("src/lib.rs"));
    let list = &library[library.find("\npub use crate::{").unwrap()..];
    let at_root = exported(list.split(';').next().unwrap());
    assert!(at_root.contains(&"Sandbox") && at_root.len() <= AT_ROOT, "{} names: {at_root:?}", at_root.len());

    let modules = library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let files: BTreeSet<_> = modules.map(|module| PathBuf::from(format!("src/{module}.rs"))).collect();
    assert!(files.len() > 7 && files.iter().all(|file| root().join(file).exists()), "{files:?}");
    let mut places = BTreeMap::<String, usize>::new();
    for text in files.iter().map(|file| read(file)).chain([library]) {
        exported(&text).into_iter().for_each(|name| *places.entry(name.into()).or_default() += 1);
    }
    places.retain(|_, count| *count > 1);
    assert!(places.is_empty(), "exported twice: {places:?}");
}
