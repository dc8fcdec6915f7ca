//! The pages on architecture and design name the files and the dependencies that there are.

use std::path::Path;

use super::{read, root, unit, walk};

/// The texts in backticks of a page.
fn quoted(page: &str) -> Vec<&str> {
    page.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_page_on_the_architecture_names_files_that_exist() {
    let page = read(Path::new("src/docs/architecture.md"));
    let is_path = |name: &&str| !name.contains(' ') && (name.ends_with(".rs") || name.ends_with('/'));
    let exists = |name: &str| root().join("src").join(name).exists() || root().join(name).exists();
    let quoted = quoted(&page);
    let missing: Vec<_> = quoted.iter().copied().filter(is_path).filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "src/docs/architecture.md names what is not there: {missing:?}");

    let units: std::collections::BTreeSet<_> = walk("src").iter().map(|path| unit(path)).collect();
    let named = |unit: &String| [format!("{unit}.rs"), format!("{unit}/")].iter().any(|name| quoted.contains(&&**name));
    let unnamed: Vec<_> = units.iter().filter(|unit| !named(unit)).collect();
    assert!(unnamed.is_empty(), "src/docs/architecture.md does not name {unnamed:?}");
}

#[test]
fn the_page_on_the_design_names_every_dependency() {
    let page = read(Path::new("src/docs/design.md"));
    let (_, section) = page.split_once("# Dependencies").unwrap();
    let quoted = quoted(section);
    let manifest: toml::Table = toml::from_str(&read(Path::new("Cargo.toml"))).unwrap();
    let of_targets = manifest["target"].as_table().unwrap().values().map(|target| &target["dependencies"]);
    for dependencies in std::iter::once(&manifest["dependencies"]).chain(of_targets) {
        for name in dependencies.as_table().unwrap().keys() {
            assert!(quoted.contains(&name.as_str()), "src/docs/design.md does not name `{name}`");
        }
    }
}
