//! No two files import each other, directly or through others.

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

/// The modules of a folder, with their code.
fn modules(folder: &str, left_out: &[&str]) -> BTreeMap<Module, String> {
    let files = walk(folder).into_iter().filter(|path| is(path, "rs") && !path.ends_with("tests.rs"));
    let modules = files.map(|path| {
        let text = code(&read(&path));
        let name = path.strip_prefix(folder).unwrap().with_extension("");
        let names = name.iter().map(|name| name.to_str().unwrap().to_string());
        let module: Module =
            if ["main", "lib"].iter().any(|root| name.as_os_str() == *root) { Module::new() } else { names.collect() };
        (module, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_string())
    });
    modules.filter(|(module, _)| !module.first().is_some_and(|first| left_out.contains(&&**first))).collect()
}

/// The modules that are in circles, and those that import these.
fn circles(mut left: BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    // What imports nothing that is left is in no circle.
    loop {
        let before = left.len();
        let names: BTreeSet<_> = left.keys().cloned().collect();
        left.retain(|_, imported| imported.iter().any(|module| names.contains(module)));
        if left.len() == before {
            return left.keys().map(|module| module.join("/")).collect();
        }
    }
}

#[test]
fn the_files_of_the_program_import_each_other_in_no_circle() {
    let modules = modules(PROGRAM, &[]);
    let imports: BTreeMap<_, _> =
        modules.iter().map(|(module, code)| (module.clone(), named(module, code, &modules))).collect();
    assert!(imports[&vec!["run".to_string()]].contains(&vec!["options".to_string()]), "imports are not found");
    assert!(imports[&vec!["run".to_string()]].contains(&vec!["run".to_string(), "live".to_string()]));
    let circles = circles(imports);
    assert!(circles.is_empty(), "files that import each other, and those that import these: {circles:?}");
}

/// A file may use what its parent has: the parent is where its part begins.
#[test]
fn the_files_of_the_library_import_each_other_in_no_circle() {
    let modules = modules("src", &["bin", "docs"]);
    let of_others = |module: &Module, code: &String| {
        let mut imported = named(module, code, &modules);
        imported.retain(|other| !module.starts_with(other));
        (module.clone(), imported)
    };
    let imports: BTreeMap<_, _> =
        modules.iter().filter(|(module, _)| !module.is_empty()).map(|(m, code)| of_others(m, code)).collect();
    let path = |path: &str| path.split('/').map(String::from).collect::<Module>();
    assert!(imports[&path("load/scan")].contains(&path("load/refusal")), "imports are not found");
    let circles = circles(imports);
    assert!(circles.is_empty(), "files that import each other, and those that import these: {circles:?}");
}
