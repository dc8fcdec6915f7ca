//! What is no message, no request, no method or no parameter; versions.

use serde_json::{Value, json};

use super::client::{Client, PATIENCE, Tools, call, hello};

const PARSE: i64 = -32700;
const REQUEST: i64 = -32600;
const METHOD: i64 = -32601;
const PARAMS: i64 = -32602;

/// Lines that are answered with an error: the id of the answer, and its code.
fn wrong() -> Vec<(Vec<u8>, Value, i64)> {
    let text = |text: &str, id: Value, code| (text.as_bytes().to_vec(), id, code);
    let deep = "[".repeat(300);
    let mut lines = vec![
        text("nonsense", Value::Null, PARSE),
        text("{", Value::Null, PARSE),
        text("{}x", Value::Null, PARSE),
        text(r#"{"jsonrpc":"2.0","id":1,"method":"ping"#, Value::Null, PARSE),
        text(&deep, Value::Null, PARSE),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}".to_vec(), Value::Null, PARSE),
        (b"\0\0\0".to_vec(), Value::Null, PARSE),
        text("null", Value::Null, REQUEST),
        text("[]", Value::Null, REQUEST),
        text(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, Value::Null, REQUEST),
        text("{}", Value::Null, REQUEST),
        text(r#"{"jsonrpc":"2.0"}"#, Value::Null, REQUEST),
        text(r#"{"id":1,"method":"ping"}"#, json!(1), REQUEST),
        text(r#"{"jsonrpc":"1.0","id":"a","method":"ping"}"#, json!("a"), REQUEST),
        text(r#"{"jsonrpc":"2.0","id":1}"#, json!(1), REQUEST),
        text(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, Value::Null, REQUEST),
        text(r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, Value::Null, REQUEST),
        text(r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, Value::Null, REQUEST),
        text(r#"{"jsonrpc":"2.0","id":1,"method":1}"#, json!(1), REQUEST),
        text(r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, json!(1), REQUEST),
        text(r#"{"jsonrpc":"2.0","id":1,"method":"no/such"}"#, json!(1), METHOD),
        text(r#"{"jsonrpc":"2.0","id":1,"method":""}"#, json!(1), METHOD),
    ];
    for method in ["prompts/list", "resources/list", "resources/templates/list", "tasks/get"] {
        lines.push(text(&json!({"jsonrpc": "2.0", "id": 1, "method": method}).to_string(), json!(1), METHOD));
    }
    for (method, params) in [
        ("tools/call", Value::Null),
        ("tools/call", json!({})),
        ("tools/call", json!({"name": 1})),
        ("tools/call", json!({"name": "echo", "arguments": "hello"})),
        ("tools/call", json!({"name": "no such"})),
        ("tools/call", json!([])),
        ("tools/list", json!({"cursor": "no such"})),
        ("tools/list", json!({"cursor": 1})),
        ("tools/list", json!("all")),
        ("logging/setLevel", json!({})),
        ("initialize", json!({})),
    ] {
        let message = json!({"jsonrpc": "2.0", "id": "b", "method": method, "params": params});
        lines.push(text(&message.to_string(), json!("b"), PARAMS));
    }
    lines
}

#[test]
fn what_is_wrong_is_answered_and_the_server_goes_on() {
    let tools = Tools::of("wrong", &["echo"]);
    let mut client = Client::new(&[tools.path()]);
    for (line, id, code) in wrong() {
        let shown = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
        client.write(&line);
        let answer = client.read();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{shown}: {answer}");
        assert_eq!(answer["jsonrpc"], "2.0");
    }
    assert_eq!(client.call("echo", "on")["content"][0]["text"], "on");
}

/// What asks for no answer gets none, whatever is wrong with it.
#[test]
fn nobody_answers_a_notification() {
    let tools = Tools::of("notes", &["echo"]);
    let mut client = Client::new(&[tools.path()]);
    client.tell("notifications/cancelled", json!({}));
    client.tell("notifications/no/such", json!({"a": [1]}));
    client.tell("tools/list", json!({}));
    client.write(b"");
    client.write(b"  ");
    client.send(&json!({"jsonrpc": "2.0", "id": 77, "result": {}}));
    client.send(&json!({"jsonrpc": "2.0", "id": 78, "error": {"code": 1, "message": "no"}}));
    let ping = client.request("ping", json!({}));
    assert_eq!(client.read(), json!({"jsonrpc": "2.0", "id": ping, "result": {}}));
}

/// Two requests with one id could not be told apart.
#[test]
fn an_id_is_taken_while_it_is_not_answered() {
    let tools = Tools::of("twice", &["spin"]);
    let mut client = Client::new(&[&[tools.path()], super::ENDLESS].concat());
    let spinning = client.request("tools/call", call("spin", ""));
    super::begun(&mut client);
    client.send(&json!({"jsonrpc": "2.0", "id": spinning, "method": "ping"}));
    assert_eq!(client.answer(spinning)["error"]["code"], REQUEST);
    client.tell("notifications/cancelled", json!({"requestId": spinning}));
    client.send(&json!({"jsonrpc": "2.0", "id": spinning, "method": "ping"}));
    assert_eq!(client.answer(spinning)["result"], json!({}));
}

/// A line that is too long is not kept, and the next one is read.
#[test]
fn a_message_that_is_too_large_is_refused() {
    let tools = Tools::of("large", &["echo"]);
    let mut client = Client::new(&[tools.path(), "--max-message", "1MiB", "--fuel-limit", "1G"]);
    let fits = "x".repeat((1 << 20) - 200);
    assert_eq!(client.call("echo", &fits)["content"][0]["text"], fits.as_str());
    let exactly = |size: usize| {
        let ping = r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#;
        format!("{ping}{}", " ".repeat(size - ping.len()))
    };
    client.write(exactly(1 << 20).as_bytes());
    assert_eq!(client.read()["id"], 5);
    for size in [(1 << 20) + 1, 40 << 20] {
        client.write(exactly(size).as_bytes());
        let answer = client.read();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(REQUEST), &Value::Null), "{size}");
    }
    assert_eq!(client.call("echo", "on")["content"][0]["text"], "on");
}

#[test]
fn versions_are_negotiated() {
    let tools = Tools::of("versions", &["echo"]);
    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        // Batches are a part of it, which are not answered.
        ("2025-03-26", "2024-11-05"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
        ("2999-01-01", "2025-11-25"),
    ] {
        let mut client = Client::start(&[tools.path()]);
        let result = client.ask("initialize", hello(asked))["result"].take();
        assert_eq!(result["protocolVersion"], agreed, "{asked}");
        assert_eq!(result["serverInfo"]["name"], "belljar");
        assert_eq!(result["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(result["capabilities"], json!({"logging": {}, "tools": {"listChanged": true}}));
        assert!(result["instructions"].as_str().is_some_and(|text| text.contains("sandbox")));
    }
}

/// Whatever comes before the handshake, it can still be done.
#[test]
fn before_the_handshake_only_a_ping_is_answered() {
    let tools = Tools::of("early", &["echo"]);
    let mut client = Client::start(&[tools.path()]);
    assert_eq!(client.ask("ping", json!({}))["result"], json!({}));
    client.tell("notifications/initialized", json!({}));
    client.tell("notifications/cancelled", json!({"requestId": 1}));
    client.send(&json!({"jsonrpc": "2.0", "id": 9, "result": {}}));
    client.write(b"nonsense");
    assert_eq!(client.read()["error"]["code"], PARSE);
    assert_eq!(client.ask("tools/list", json!({}))["error"]["code"], PARAMS);
    assert_eq!(client.ask("tools/call", call("echo", "x"))["error"]["code"], PARAMS);
    assert_eq!(client.ask("initialize", hello("2025-11-25"))["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(client.tools(), ["echo"]);
}

/// Clients of 2026-07-28 say with each request who they are, and which messages they want.
#[test]
fn newer_clients_need_no_handshake() {
    let tools = Tools::of("newer", &["chatty"]);
    let mut client = Client::start(&[tools.path()]);
    let meta = |more: Value| {
        let mut meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        meta.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        meta
    };
    let discovered = client.ask("server/discover", json!({"_meta": meta(json!({}))}))["result"].take();
    assert!(discovered["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{discovered}");
    let mut params = call("chatty", "");
    params["_meta"] = meta(json!({}));
    assert_eq!(client.ask("tools/call", params.clone())["result"]["content"][0]["text"], "done");
    assert_eq!(super::logged(&client.told), []);
    params["_meta"] = meta(json!({"io.modelcontextprotocol/logLevel": "warning"}));
    client.ask("tools/call", params);
    assert_eq!(super::logged(&client.told), [("chatty", "error", "error"), ("chatty", "warning", "warn ")]);

    // And they ask to be told of other tools.
    let wanted = json!({"notifications": {"toolsListChanged": true}, "_meta": meta(json!({}))});
    client.request("subscriptions/listen", wanted);
    client.wait(|message| message["method"] == "notifications/subscriptions/acknowledged");
    tools.put("echo", &super::client::wasm("echo"));
    client.wait(|message| message["method"] == "notifications/tools/list_changed");
}

/// Many at once, each with its own answer.
#[test]
fn each_request_has_its_answer() {
    let tools = Tools::of("many", &["echo", "fails"]);
    let mut client = Client::new(&[tools.path(), "--jobs", "4"]);
    let asked: Vec<_> = (0..300)
        .map(|number: u32| {
            let tool = if number.is_multiple_of(3) { "fails" } else { "echo" };
            (number, client.request("tools/call", call(tool, &number.to_string())))
        })
        .collect();
    let begun = std::time::Instant::now();
    for (number, id) in asked {
        let result = client.answer(id)["result"].take();
        let text = result["content"][0]["text"].as_str().unwrap();
        let expected =
            if number.is_multiple_of(3) { "the guest failed: no such unit".into() } else { number.to_string() };
        assert_eq!((text, &result["isError"]), (expected.as_str(), &json!(number.is_multiple_of(3))));
    }
    assert!(begun.elapsed() < PATIENCE);
}
