//! No two files of the program import each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, is, read, walk};

/// A module as the names that lead to it, without the crate.
type Module = Vec<String>;

const PROGRAM: &str = "src/bin/belljar";

/// Expands the tree of names at the start of a text: `a::{b, c::d}` is `a::b` and `a::c::d`. Returns the rest of the text.
fn expand<'a>(text: &'a str, before: &Module, found: &mut Vec<Module>) -> &'a str {
    let (mut path, mut rest) = (before.clone(), text);
    loop {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if end > 0 {
            path.push(rest[..end].to_string());
            rest = &rest[end..];
        } else if let Some(list) = rest.strip_prefix('{') {
            rest = list.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                rest = expand(rest, &path, found);
                rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
                rest = rest.trim_start_matches(',').trim_start();
            }
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        match rest.strip_prefix("::") {
            Some(next) => rest = next,
            None => {
                found.push(path);
                return rest;
            }
        }
    }
}

/// The modules that a module names in its code.
fn named(module: &Module, code: &str, modules: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let children = modules.keys().filter(|other| other.len() == module.len() + 1 && other.starts_with(module));
    let children: Vec<_> = children.map(|child| child[module.len()].as_str()).collect();
    let mut found = BTreeSet::new();
    for first in ["crate", "super", "self"].into_iter().chain(children) {
        for (at, _) in code.match_indices(&format!("{first}::")) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let mut paths = Vec::new();
            expand(&code[at..], &Module::new(), &mut paths);
            for path in paths {
                let up = path.iter().take_while(|name| *name == "super").count();
                let (from, names) = match path[0].as_str() {
                    "crate" => (0, &path[1..]),
                    "self" => (module.len(), &path[1..]),
                    "super" => (module.len() - up, &path[up..]),
                    _ => (module.len(), &path[..]),
                };
                let whole: Module = module[..from].iter().chain(names).cloned().collect();
                let longest = (from..=whole.len()).rev().find(|end| modules.contains_key(&whole[..*end]));
                found.extend(longest.map(|end| whole[..end].to_vec()).filter(|other| other != module));
            }
        }
    }
    found
}

#[test]
fn the_files_of_the_program_import_each_other_in_no_circle() {
    let modules = walk(PROGRAM).into_iter().filter(|path| is(path, "rs") && !path.ends_with("tests.rs")).map(|path| {
        let text = code(&read(&path));
        let name = path.strip_prefix(PROGRAM).unwrap().with_extension("");
        let names = name.iter().map(|name| name.to_str().unwrap().to_string());
        let module: Module = if name.as_os_str() == "main" { Module::new() } else { names.collect() };
        (module, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_string())
    });
    let modules: BTreeMap<_, _> = modules.collect();
    let mut left: BTreeMap<_, _> =
        modules.iter().map(|(module, code)| (module.clone(), named(module, code, &modules))).collect();
    assert!(left[&vec!["run".to_string()]].contains(&vec!["options".to_string()]), "imports are not found");
    assert!(left[&vec!["run".to_string()]].contains(&vec!["run".to_string(), "live".to_string()]));
    // What imports nothing that is left is in no circle.
    loop {
        let before = left.len();
        let names: BTreeSet<_> = left.keys().cloned().collect();
        left.retain(|_, imported| imported.iter().any(|module| names.contains(module)));
        if left.len() == before {
            break;
        }
    }
    let circle: Vec<_> = left.keys().map(|module| module.join("/")).collect();
    assert!(circle.is_empty(), "files that import each other, and those that import these: {circle:?}");
}
