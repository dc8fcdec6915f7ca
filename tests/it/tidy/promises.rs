//! Tables of promises in the documentation name the test that holds each, and there is such a test.

use std::path::Path;

use super::{is, read, walk};

/// The names of tests in the last column of the tables that begin with `| promise`.
fn named(page: &Path) -> Vec<String> {
    let text = read(page);
    let is_table = |line: &&str| line.starts_with('|');
    let mut named = Vec::new();
    let mut lines = text.lines();
    while lines.any(|line| line.starts_with("| promise")) {
        for row in lines.by_ref().skip(1).take_while(is_table) {
            let cell = row.trim_end_matches('|').rsplit('|').next().unwrap();
            named.extend(cell.split('`').skip(1).step_by(2).map(String::from));
        }
    }
    named
}

#[test]
fn each_promise_has_a_test() {
    let tests: String =
        walk("tests").iter().chain(&walk("src")).filter(|path| is(path, "rs")).map(|p| read(p)).collect();
    let pages = walk("src/docs");
    let named: Vec<_> = pages.iter().filter(|path| is(path, "md")).flat_map(|page| named(page)).collect();
    assert!(named.len() > 5, "{named:?}");
    for name in named {
        let is_file = super::root().join(&name).exists();
        let function = format!("fn {}(", name.rsplit("::").next().unwrap());
        assert!(is_file || tests.contains(&function), "there is no `{name}`");
    }
}
