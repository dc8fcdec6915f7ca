//! The guests that are tools: what `fixtures/guests/tools` has of them, and the examples they give.

use std::fs;

use belljar::tool::{Manifest, Policy, Tool, ToolError};

use super::{built, folder};

/// The guests that say what they are: in the `tool.toml` beside their source.
fn tools() -> Vec<(String, Manifest, Vec<u8>)> {
    let text = |name: &String| fs::read_to_string(folder().join(name).join("tool.toml")).ok();
    let tools = built().into_iter().filter_map(|name| {
        let manifest = Manifest::from_toml(&text(&name)?).unwrap();
        let wasm = fs::read(folder().join(format!("{name}.wasm"))).unwrap();
        Some((name, manifest, wasm))
    });
    tools.collect()
}

#[test]
fn packed_files_are_the_guests_with_what_they_say_of_themselves() {
    let named: Vec<_> = tools().into_iter().map(|(name, ..)| format!("{name}.wasm")).collect();
    assert_eq!(named, ["dates.wasm", "jsonquery.wasm", "markdown.wasm"]);
    let files = fs::read_dir(folder().join("tools")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, named);
    for (name, manifest, wasm) in tools() {
        assert_eq!(manifest.name, name);
        let packed = fs::read(folder().join(format!("tools/{name}.wasm"))).unwrap();
        assert!(packed == manifest.pack(&wasm).unwrap(), "{name}: `fixtures/guests/build.sh --pack` packs it anew");
    }
}

#[test]
fn examples_of_tools_hold_with_nothing_granted_but_the_defaults() {
    for (name, manifest, wasm) in tools() {
        let tool = Tool::load(&manifest.pack(&wasm).unwrap(), "another.wasm", &Policy::default()).unwrap();
        assert_eq!(tool.name(), name);
        assert!(tool.is_pure() && tool.is_read_only() && !tool.is_open_world(), "{name}");
        assert!(manifest.examples.len() > 1 || name == "markdown", "{name}");
        for example in &manifest.examples {
            let what = format!("{name}: {:?}", example.description);
            let input = match (&manifest.input, example.input.as_str()) {
                (None, Some(text)) => text.as_bytes().to_vec(),
                _ => tool.encode(&example.input).unwrap(),
            };
            let output = tool.start(input).unwrap().finish().unwrap().output;
            let answer = tool.decode(&output).unwrap();
            let expected = example.output.as_ref().unwrap();
            match answer.structured {
                Some(value) => assert_eq!(value.get("result").unwrap_or(&value), expected, "{what}"),
                None => assert_eq!(answer.text.as_deref(), expected.as_str(), "{what}"),
            }
        }
    }
}

/// What does not fit is told by the schema, before the guest has to.
#[test]
fn schemas_of_tools_take_what_the_tools_take() {
    let paths = |name: &str, arguments: &str| -> Vec<String> {
        let (_, manifest, wasm) = tools().into_iter().find(|(other, ..)| other == name).unwrap();
        let tool = Tool::load(&manifest.pack(&wasm).unwrap(), "", &Policy::default()).unwrap();
        match tool.encode(&serde_json::from_str(arguments).unwrap()) {
            Ok(_) => Vec::new(),
            Err(ToolError::Input(all)) => all.into_iter().map(|mismatch| mismatch.path).collect(),
            Err(error) => panic!("{error}"),
        }
    };
    let none: [&str; 0] = [];
    assert_eq!(paths("dates", r#"{"date":"-9999-01-01","add":{"years":-1e7,"days":1.0},"until":"9999-12-31"}"#), none);
    assert_eq!(paths("dates", r#"{"date":5,"until":null}"#), ["/date", "/until"]);
    assert_eq!(paths("dates", r#"{"date":"1-1-1"}"#), ["/date"]);
    assert_eq!(paths("dates", r#"{"date":"2024-01-01","add":{"weeks":0.5}}"#), ["/add/weeks"]);
    assert_eq!(paths("dates", r#"{"date":"2024-01-01","add":{"weeks":10000001}}"#), ["/add/weeks"]);
    assert_eq!(paths("dates", r#"{"date":"2024-01-01","add":{"hours":1}}"#), ["/add"]);
    assert_eq!(paths("dates", "{}"), [""]);
    assert_eq!(paths("jsonquery", r#"{"path":"/a/~0b/~1/","doc":null}"#), none);
    assert_eq!(paths("jsonquery", r#"{"path":"a","doc":null}"#), ["/path"]);
    assert_eq!(paths("jsonquery", r#"{"path":"/~2","doc":null}"#), ["/path"]);
    assert_eq!(paths("jsonquery", r#"{"path":""}"#), [""]);
}
