//! Which tools there are, and what becomes of them when their files change.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use super::{
    ENDLESS, begun,
    client::{Client, Tools, call, wasm},
};

fn changed(client: &mut Client) {
    client.wait(|message| message["method"] == "notifications/tools/list_changed");
}

/// A module that says nothing of itself takes a text and gives one.
#[test]
fn tools_are_listed() {
    let tools = Tools::of("listed", &["echo", "chatty"]);
    let mut client = Client::new(&[tools.path()]);
    let listed = client.ask("tools/list", json!({}))["result"].take();
    assert_eq!(listed.get("nextCursor"), None);
    let names: Vec<_> = listed["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["chatty", "echo"]);
    let echo = &listed["tools"][1];
    assert_eq!(echo["inputSchema"]["type"], "object");
    assert_eq!(echo["inputSchema"]["properties"]["input"]["type"], "string");
    assert_eq!(echo["inputSchema"]["required"], json!(["input"]));
    assert_eq!(echo.get("outputSchema"), None);
    let hints = json!({"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false});
    assert_eq!(echo["annotations"], hints);
}

/// Arguments that do not fit are an error that a model can mend.
#[test]
fn arguments_that_do_not_fit_are_errors_of_the_tool() {
    let tools = Tools::of("arguments", &["echo"]);
    let mut client = Client::new(&[tools.path()]);
    for arguments in [json!({}), json!({"input": 1}), json!({"input": null})] {
        let result = client.ask("tools/call", json!({"name": "echo", "arguments": arguments}))["result"].take();
        assert_eq!(result["isError"], true, "{arguments}");
        assert!(result["content"][0]["text"].as_str().unwrap().contains("input"), "{result}");
    }
    assert_eq!(client.ask("tools/call", json!({"name": "echo"}))["result"]["isError"], true);
}

/// The others are served, and who calls it is told why.
#[test]
fn a_bad_tool_takes_nothing_down() {
    let tools = Tools::of("bad", &["echo"]);
    tools.put("broken", b"\0asm nothing");
    tools.put("empty", b"");
    fs::write(tools.0.join("readme.txt"), "no tool").unwrap();
    fs::create_dir_all(tools.file("folder")).unwrap();
    let mut client = Client::new(&[tools.path()]);
    assert_eq!(client.tools(), ["echo"]);
    for file in ["broken", "empty"] {
        let place = format!("error: {}: ", tools.file(file).display());
        while !client.said().starts_with(&place) {}
    }
    let error = client.ask("tools/call", call("broken", ""))["error"].take();
    assert_eq!(error["code"], -32602);
    assert!(error["message"].as_str().unwrap().contains("broken.wasm"), "{error}");
    assert_eq!(client.call("echo", "on")["content"][0]["text"], "on");
}

/// Waits until this is said of a file, with the other one.
fn told(client: &mut Client, file: &Path, other: &Path) {
    let place = format!("error: {}: ", file.display());
    while !(client.said()).strip_prefix(&*place).is_some_and(|said| said.contains(other.to_str().unwrap())) {}
}

/// Of two modules that claim a name, neither is taken for the other; the policy says which is meant.
#[test]
fn a_name_that_two_files_claim_is_not_served() {
    let first = Tools::of("clash-a", &["echo"]);
    let second = Tools::of("clash-b", &["chatty"]);
    second.put("echo", &wasm("blob"));
    let mut client = Client::new(&[second.path(), first.path()]);
    assert_eq!(client.tools(), ["chatty"]);
    told(&mut client, &first.file("echo"), &second.file("echo"));
    told(&mut client, &second.file("echo"), &first.file("echo"));
    assert_eq!(client.ask("tools/call", call("echo", ""))["error"]["code"], -32602);
    // Where one goes, the other has the name.
    fs::remove_file(second.file("echo")).unwrap();
    changed(&mut client);
    assert_eq!(client.call("echo", "the first")["content"][0]["text"], "the first");

    second.put("echo", &wasm("blob"));
    let pin = belljar::record::Digest::of(&wasm("blob")).sha256;
    let policy = first.0.join("policy.toml");
    fs::write(&policy, format!("[tools.echo]\nsha256 = \"{pin}\"\n")).unwrap();
    let mut client = Client::new(&[first.path(), second.path(), "--config", policy.to_str().unwrap()]);
    assert_eq!(client.tools(), ["chatty", "echo"]);
    assert_eq!(client.call("echo", "")["content"][0]["type"], "resource");

    // The same module twice is one tool.
    second.put("echo", &wasm("echo"));
    let mut client = Client::new(&[first.path(), second.path()]);
    assert_eq!(client.call("echo", "twice")["content"][0]["text"], "twice");
}

/// A tool that is served keeps its name while its file is there, whatever comes beside it.
#[test]
fn a_name_that_is_served_is_not_taken_over() {
    let before = Tools::of("owner-a", &["chatty"]);
    let tools = Tools::of("owner-b", &["echo"]);
    let after = Tools::of("owner-c", &["chatty"]);
    let mut client = Client::new(&[before.path(), tools.path(), after.path()]);
    // The same file twice is one tool, which its first path has.
    assert_eq!(client.tools(), ["chatty", "echo"]);
    for other in [&before, &after] {
        other.put("echo", &wasm("blob"));
        told(&mut client, &other.file("echo"), &tools.file("echo"));
        changed(&mut client);
        assert_eq!(client.call("echo", "as ever")["content"][0]["text"], "as ever");
    }
    // While it cannot be loaded, no other file has its name.
    tools.put("echo", b"broken");
    changed(&mut client);
    assert_eq!(client.tools(), ["chatty"]);
    tools.put("echo", &wasm("echo"));
    changed(&mut client);
    assert_eq!(client.call("echo", "again")["content"][0]["text"], "again");
    fs::remove_file(after.file("echo")).unwrap();
    changed(&mut client);
    fs::remove_file(tools.file("echo")).unwrap();
    changed(&mut client);
    assert_eq!(client.call("echo", "")["content"][0]["type"], "resource");
}

#[test]
fn changes_of_files_are_served_and_told() {
    let tools = Tools::of("watch", &["echo"]);
    let mut client = Client::new(&[tools.path()]);
    assert_eq!(client.tools(), ["echo"]);

    tools.put("chatty", &wasm("chatty"));
    changed(&mut client);
    assert_eq!(client.tools(), ["chatty", "echo"]);

    tools.put("echo", &wasm("blob"));
    changed(&mut client);
    assert_eq!(client.call("echo", "")["content"][0]["type"], "resource");

    fs::remove_file(tools.file("chatty")).unwrap();
    changed(&mut client);
    assert_eq!(client.tools(), ["echo"]);
    assert_eq!(client.ask("tools/call", call("chatty", ""))["error"]["code"], -32602);

    tools.put("echo", b"broken");
    changed(&mut client);
    assert_eq!(client.tools(), Vec::<String>::new());
    tools.put("echo", &wasm("echo"));
    changed(&mut client);
    assert_eq!(client.call("echo", "again")["content"][0]["text"], "again");

    // The same bytes are no change, however new they are.
    tools.put("echo", &wasm("echo"));
    assert!(client.is_silent(Duration::from_millis(2_500)));
}

/// What runs goes on with the module that it began with.
#[test]
fn a_call_goes_on_when_its_file_changes() {
    let tools = Tools::of("running", &["spin", "echo"]);
    let mut client = Client::new(&[&[tools.path()], ENDLESS].concat());
    let spinning = client.request("tools/call", call("spin", ""));
    begun(&mut client);
    fs::remove_file(tools.file("spin")).unwrap();
    changed(&mut client);
    let waiting = client.request("tools/call", call("echo", "old"));
    tools.put("echo", &wasm("blob"));
    changed(&mut client);
    client.tell("notifications/cancelled", json!({"requestId": spinning}));
    assert_eq!(client.answer(waiting)["result"]["content"][0]["text"], "old");
    assert_eq!(client.tools(), ["echo"]);
}

const SCHEMAS: &str = r#"
name = "double"
version = "1.2.0"
title = "The double"
description = "Gives back what it is given."
[input]
type = "object"
properties = { n = { type = "integer", minimum = 0 }, deep = { type = "array", items = { type = "string" } } }
required = ["n"]
additionalProperties = false
[output]
type = "object"
properties = { n = { type = "integer", maximum = 100 } }
required = ["n"]
"#;

/// A module with a manifest.
fn packed(manifest: &str, module: &str) -> Vec<u8> {
    belljar::tool::Manifest::from_toml(manifest).unwrap().pack(&wasm(module)).unwrap()
}

#[test]
fn a_manifest_is_what_clients_are_told() {
    let tools = Tools::of("manifest", &[]);
    tools.put("file", &packed(SCHEMAS, "echo"));
    let mut client = Client::new(&[tools.path()]);
    let tool = client.ask("tools/list", json!({}))["result"]["tools"][0].take();
    assert_eq!((&tool["name"], &tool["title"]), (&json!("double"), &json!("The double")));
    assert_eq!(tool["description"], "Gives back what it is given.");
    let digest = belljar::record::Digest::of(&packed(SCHEMAS, "echo")).sha256;
    assert_eq!(tool["_meta"], json!({"belljar/sha256": digest, "belljar/version": "1.2.0"}));
    assert_eq!(tool["inputSchema"]["properties"]["n"], json!({"type": "integer", "minimum": 0}));
    assert_eq!(tool["outputSchema"]["properties"]["n"], json!({"type": "integer", "maximum": 100}));

    let mut call =
        |arguments: Value| client.ask("tools/call", json!({"name": "double", "arguments": arguments}))["result"].take();
    let result = call(json!({"n": 42, "deep": ["a"]}));
    assert_eq!((&result["isError"], &result["structuredContent"]), (&json!(false), &json!({"n": 42, "deep": ["a"]})));
    let text = result["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), result["structuredContent"]);

    // A model learns where its arguments are wrong; nothing is run.
    for (arguments, path) in
        [(json!({"n": -1}), "/n"), (json!({"n": "42"}), "/n"), (json!({"n": 1, "deep": ["a", 2]}), "/deep/1")]
    {
        let result = call(arguments.clone());
        assert_eq!((&result["isError"], &result["_meta"]), (&json!(true), &Value::Null));
        assert!(result["content"][0]["text"].as_str().unwrap().contains(path), "{arguments}: {result}");
    }
    for arguments in [json!({}), json!({"n": 1, "more": 2})] {
        assert_eq!(call(arguments)["isError"], true);
    }
    // The guest is held to its word as well.
    let result = call(json!({"n": 101}));
    assert_eq!((&result["isError"], result.get("structuredContent")), (&json!(true), None));
    assert!(result["content"][0]["text"].as_str().unwrap().contains("/n"), "{result}");
    assert!(result["_meta"]["belljar/fuel"].as_u64() > Some(0));
}

/// A pipe among the tools is told, and not waited for.
#[test]
#[cfg(unix)]
fn a_pipe_is_no_tool() {
    let tools = Tools::of("pipe", &["echo"]);
    for name in ["first", "second"] {
        assert!(std::process::Command::new("mkfifo").arg(tools.file(name)).status().unwrap().success());
    }
    let named = tools.0.join("first.wasm");
    for paths in [vec![tools.path()], vec![tools.path(), named.to_str().unwrap()]] {
        let mut client = Client::new(&paths);
        assert_eq!(client.tools(), ["echo"]);
        for name in ["first", "second"] {
            let place = format!("error: {}: ", tools.file(name).display());
            while !client.said().starts_with(&place) {}
        }
    }
}

/// Characters that could steer a terminal or reorder a line are escaped; values that are compared stay.
#[test]
fn texts_of_a_manifest_are_escaped() {
    let tools = Tools::of("escaped", &[]);
    let manifest = r#"
name = "hidden"
version = "1\u202e"
title = "a\u001b[2Jb\nc"
description = "one\u202e\ntwo\u200b"
[input]
type = "object"
title = "\u2066"
[input.properties.title]
description = "\u202d"
enum = ["\u202e"]
[input.properties.enum]
description = "\u202c"
"#;
    tools.put("file", &packed(manifest, "echo"));
    let mut client = Client::new(&[tools.path()]);
    let tool = client.ask("tools/list", json!({}))["result"]["tools"][0].take();
    assert_eq!(tool["title"], r"a\u{1b}[2Jb\nc");
    assert_eq!(tool["description"], "one\\u{202e}\ntwo\\u{200b}");
    assert_eq!(tool["_meta"]["belljar/version"], r"1\u{202e}");
    let schema = &tool["inputSchema"];
    assert_eq!(schema["title"], r"\u{2066}");
    assert_eq!(schema["properties"]["title"], json!({"description": r"\u{202d}", "enum": ["\u{202e}"]}));
    assert_eq!(schema["properties"]["enum"], json!({"description": r"\u{202c}"}));
}

/// Arguments and structured content are objects in MCP, whatever they are for the guest.
#[test]
fn other_values_are_members_of_objects() {
    let tools = Tools::of("members", &[]);
    let numbers = "type = \"array\"\nitems = { type = \"integer\" }\n";
    let manifest = format!("name = \"list\"\ndescription = \"The same.\"\n[input]\n{numbers}[output]\n{numbers}");
    tools.put("list", &packed(&manifest, "echo"));
    let mut client = Client::new(&[tools.path()]);
    let mut call =
        |arguments: Value| client.ask("tools/call", json!({"name": "list", "arguments": arguments}))["result"].take();
    let result = call(json!({"input": [1, 2]}));
    assert_eq!(
        (&result["structuredContent"], &result["content"][0]["text"]),
        (&json!({"result": [1, 2]}), &json!("[1,2]"))
    );
    let result = call(json!({"input": [1, "2"]}));
    assert!(result["content"][0]["text"].as_str().unwrap().contains("/input/1"), "{result}");
}

const CLOCK: &str = r#"
name = "clock"
description = "Asks for the time."
[requires]
wasi.clock = "host"
"#;

/// Who may read stderr learns what to add; who calls it, what is missing.
#[test]
fn a_tool_that_is_not_granted_what_it_requires_is_refused() {
    let tools = Tools::of("refused", &["echo"]);
    tools.put("clock", &packed(CLOCK, "clock"));
    let mut client = Client::new(&[tools.path()]);
    assert_eq!(client.tools(), ["echo"]);
    let error = client.ask("tools/call", call("clock", ""))["error"].take();
    assert_eq!(error["code"], -32602);
    let line = r#"wasi.clock = "host""#;
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("`wasi.clock`") && !message.contains(line), "{error}");
    let said = [client.said(), client.said()];
    assert!(said[1].starts_with("hint: ") && said[1].contains(line), "{said:?}");

    let mut client = Client::new(&[tools.path(), "--allow-clock", "--receipts"]);
    assert_eq!(client.tools(), ["clock", "echo"]);
    let result = client.call("clock", "");
    assert_eq!((&result["isError"], &result["content"][0]["text"]), (&json!(false), &json!("")));
    // Nobody could check a receipt of what the host's clock said.
    assert_eq!(result["_meta"].get("belljar/receipt"), None);
    assert!(result["_meta"]["belljar/fuel"].as_u64() > Some(0));
}

/// The hints are what a module can do with what it is given, and not what it says.
#[test]
fn hints_follow_from_what_is_granted() {
    let tools = Tools::of("hints", &["echo"]);
    let manifest =
        |name: &str, asks: &str| packed(&format!("name = \"{name}\"\ndescription = \"-\"\n[optional]\n{asks}"), "echo");
    tools.put("clock", &manifest("clock", "wasi.clock = \"host\""));
    tools.put("reader", &manifest("reader", "wasi.dirs = [{ guest = \"/data\", access = \"read\" }]"));
    tools.put("writer", &manifest("writer", "wasi.dirs = [{ guest = \"/data\", access = \"write\" }]"));
    let dir = format!("{}::/data", tools.path());
    let mut client = Client::new(&[tools.path(), "--allow-clock", "--allow-write", &dir]);
    let listed = client.ask("tools/list", json!({}))["result"]["tools"].take();
    let hints: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| {
            let hint = |name: &str| tool["annotations"][name].as_bool().unwrap();
            let hints = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"].map(hint);
            (tool["name"].as_str().unwrap(), hints)
        })
        .collect();
    let expected = [
        ("clock", [true, false, false, false]),
        // Without a manifest it has whatever is granted.
        ("echo", [false, true, false, false]),
        ("reader", [true, false, false, false]),
        ("writer", [false, true, false, false]),
    ];
    assert_eq!(hints, expected);
}

/// A policy grants to one tool what others do not get.
#[test]
fn a_policy_is_read() {
    let tools = Tools::of("policy", &["spin", "echo"]);
    let policy = tools.0.join("policy.toml");
    let hex = "0".repeat(64);
    fs::write(&policy, format!("[tools.spin]\nlimits.fuel = 5_000\n[tools.echo]\nsha256 = \"{hex}\"\n")).unwrap();
    let mut client = Client::new(&[tools.path(), "--config", policy.to_str().unwrap()]);
    assert_eq!(client.tools(), ["spin"], "another module of the name is refused");
    assert_eq!(client.call("spin", "")["_meta"]["belljar/stop"], json!({"fuel": {"limit": 5_000}}));
}

/// Usage is checked before anything is served.
#[test]
fn what_cannot_be_is_refused_at_the_start() {
    let tools = Tools::of("usage", &["echo"]);
    let (dir, missing) = (tools.path(), tools.file("missing"));
    for args in [
        &[missing.to_str().unwrap()][..],
        &[],
        &[dir, "--jobs", "0"],
        &[dir, "--max-message", "much"],
        &[dir, "--allow-host", "tools.example"],
        &[dir, "--listen", "127.0.0.1"],
        &[dir, "--listen", "127.0.0.1:0", "--allow-origin", "everybody"],
    ] {
        let output = super::client::belljar(args).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
        assert!(!output.stderr.is_empty());
    }
}

/// One after the other in the same place: nothing of one is left for the next.
#[test]
fn each_call_is_a_store_of_its_own() {
    let tools = Tools::of("stores", &["echo"]);
    let mut client = Client::new(&[tools.path()]);
    let (first, second) = (client.call("echo", "the same"), client.call("echo", "the same"));
    assert_eq!(first, second);
    // A receipt is made only if it is asked for.
    assert_eq!(first["_meta"].get("belljar/receipt"), None);
}

/// Where a call stopped is for the operator; the client's answer is the one without it.
#[test]
fn stops_are_explained_on_stderr() {
    let tools = Tools::of("explained", &["fails"]);
    let [mut usual, mut explained] =
        [&[][..], &["--explain"]].map(|args| Client::new(&[&[tools.path()], args].concat()));
    let answers = [&mut usual, &mut explained].map(|client| client.call("fails", "x"));
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["isError"], true);
    while !explained.said().contains(" - _start") {}
}
