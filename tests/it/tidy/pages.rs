//! Pages name the files, dependencies and headings that there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{is, read, root, unit, walk};

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

    let units: BTreeSet<_> = walk("src").iter().map(|path| unit(path)).collect();
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

/// The anchors that rustdoc makes of the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let heading = |line: &str| {
        is_code ^= line.starts_with("```");
        let title = line.trim_start_matches('#');
        (!is_code && title.len() < line.len()).then(|| title.trim().to_lowercase())
    };
    let kept = |c: char| (c.is_alphanumeric() || "_-".contains(c)).then_some(c).or((c == ' ').then_some('-'));
    page.lines().filter_map(heading).map(|title| title.chars().filter_map(kept).collect()).collect()
}

/// A link to a heading that is gone leads to the top of its page, and nothing else tells.
#[test]
fn links_lead_to_headings_that_exist() {
    let pages = walk("src/docs").into_iter().filter(|path| is(path, "md"));
    let named =
        |path: std::path::PathBuf| (path.file_stem().unwrap().to_str().unwrap().to_owned(), anchors(&read(&path)));
    let pages: BTreeMap<_, _> = pages.map(named).collect();
    let (mut checked, mut broken) = (0, Vec::new());
    for path in walk("src").iter().filter(|path| is(path, "md") || is(path, "rs")) {
        let text = read(path);
        for (at, _) in text.match_indices("crate::docs::") {
            let link = &text[at + "crate::docs::".len()..];
            let end = link.find(|c: char| !(c.is_alphanumeric() || "_-#".contains(c))).unwrap_or(link.len());
            let Some((page, anchor)) = link[..end].split_once('#') else { continue };
            checked += 1;
            if !pages.get(page).is_some_and(|anchors| anchors.contains(anchor)) {
                broken.push(format!("{}: {page}#{anchor}", path.display()));
            }
        }
    }
    assert!(broken.is_empty() && checked > 20, "{checked} links: {broken:?}");
}
