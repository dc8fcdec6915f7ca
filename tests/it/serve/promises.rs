//! The page's table of promises: each names a test that is there.

use std::fs;

#[test]
fn each_promise_has_a_test() {
    let root = env!("CARGO_MANIFEST_DIR");
    let page = fs::read_to_string(format!("{root}/src/docs/serve.md")).unwrap();
    let table = page.split("| promise | bound | test |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows: Vec<_> = table.lines().skip(2).collect();
    assert!(rows.len() > 10);
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [promise, bound, test] = cells[..] else { panic!("{row}") };
        assert!(!promise.is_empty() && !bound.is_empty());
        let (file, name) = test.trim_matches('`').split_once("::").unwrap();
        let tests = fs::read_to_string(format!("{root}/tests/it/serve/{file}.rs")).unwrap();
        assert!(tests.contains(&format!("#[test]\nfn {name}() {{")), "{test}");
    }
}
