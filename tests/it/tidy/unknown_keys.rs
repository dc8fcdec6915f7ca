//! Types that are read from foreign bytes refuse keys that they do not have.

use std::collections::BTreeSet;

use super::{code, hold, is, read, walk, word};

/// A type that derives `Deserialize`.
struct Type {
    /// From its first `derive` to its name.
    attributes: String,
    name: String,
    /// It has named fields, of its own or of a variant.
    has_keys: bool,
}

/// The types of a file that derive `Deserialize`.
fn deserialized(text: &str) -> Vec<Type> {
    let code = code(text);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("#[derive(") {
        let rest = &code[at..];
        let Some(start) = ["struct ", "enum "].into_iter().filter_map(|kind| rest.find(kind)).min() else {
            continue;
        };
        let (attributes, item) = rest.split_at(start);
        let derives = attributes.split("#[derive(").skip(1).filter_map(|derive| derive.split(')').next());
        if !derives.flat_map(|derive| derive.split(',')).any(|name| name.trim() == "Deserialize") {
            continue;
        }
        let body = item.split_once("\n}").map_or(item, |(body, _)| body);
        let (head, fields) = body.split_once('{').unwrap_or((body, ""));
        let has_keys =
            if head.starts_with("struct ") { !head.contains(';') && !head.contains('(') } else { fields.contains('{') };
        let name = word(head.split_once(' ').map_or("", |(_, name)| name));
        found.push(Type { attributes: attributes.into(), name, has_keys });
    }
    found
}

#[test]
fn unknown_keys_are_refused() {
    let (mut broken, mut looked_at) = (BTreeSet::new(), 0);
    // Clients of the Debug Adapter Protocol send members of later versions, and their own.
    let is_checked = |path: &std::path::PathBuf| is(path, "rs") && !path.starts_with("src/bin/belljar/debug/dap");
    for path in walk("src").into_iter().filter(is_checked) {
        for ty in deserialized(&read(&path)) {
            looked_at += usize::from(ty.has_keys);
            if ty.has_keys && !ty.attributes.contains("deny_unknown_fields") {
                broken.insert(format!("{}: {}", path.display(), ty.name));
            }
        }
    }
    assert!(looked_at > 20, "{looked_at}");
    let known = [
        // Read from other types, which refuse them.
        "src/cache/pin.rs: Pin",
    ];
    hold("what is deserialized has `deny_unknown_fields`", broken, &known);
}

#[test]
fn a_type_without_the_attribute_is_found() {
    let of = |text: &str| deserialized(text).iter().map(|ty| (ty.name.clone(), ty.has_keys)).collect::<Vec<_>>();
    let text = "#[derive(Debug, Deserialize)]\n#[serde(default)]\npub(super) struct A<T> {\n    a: T,\n}\n";
    assert_eq!(of(text), [("A".to_string(), true)]);
    assert_eq!(of("#[derive(Deserialize)]\nenum B {\n    C { d: u8 },\n}\n"), [("B".to_string(), true)]);
    assert_eq!(of("#[derive(Deserialize)]\nenum B {\n    C(u8),\n}\n"), [("B".to_string(), false)]);
    assert_eq!(of("#[derive(Serialize)]\nstruct D {\n    e: u8,\n}\n"), []);
}
