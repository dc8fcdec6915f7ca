//! `belljar mcp` as it is on the wire: lines of JSON over stdio.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

mod client;
mod http;
#[cfg(target_os = "linux")]
mod memory;
mod protocol;
mod tools;
mod wire;

use client::{Client, Tools, call};

/// What is logged, by level.
fn logged(told: &[Value]) -> Vec<(&str, &str, &str)> {
    let messages = told.iter().filter(|message| message["method"] == "notifications/message");
    messages.map(|message| of(&message["params"])).collect()
}

fn of(params: &Value) -> (&str, &str, &str) {
    let text = |key: &str| params[key].as_str().unwrap_or_default();
    (text("logger"), text("level"), text("data"))
}

#[test]
fn a_call_has_its_text_its_price_and_its_receipt() {
    let tools = Tools::of("text", &["echo"]);
    let mut client = Client::new(&[tools.path(), "--receipts"]);
    let result = client.call("echo", "hällo");
    assert_eq!(result["content"], json!([{"type": "text", "text": "hällo"}]));
    assert_eq!((&result["isError"], &result["structuredContent"]), (&json!(false), &Value::Null));

    let meta = &result["_meta"];
    assert_eq!(meta["belljar/usage"]["input_bytes"], 6);
    assert!(meta["belljar/fuel"].as_u64() > Some(0));
    assert_eq!(meta["belljar/fuel"], meta["belljar/usage"]["fuel"]);
    let receipt = belljar::record::Receipt::from_json(&meta["belljar/receipt"].to_string()).unwrap();
    receipt.verify(&client::wasm("echo"), "hällo".as_bytes()).unwrap();
}

#[test]
fn what_is_no_text_is_a_resource() {
    let tools = Tools::of("blob", &["blob"]);
    let mut client = Client::new(&[tools.path()]);
    let resource = json!({"uri": "belljar:blob/output", "mimeType": "application/octet-stream", "blob": "AP+A"});
    assert_eq!(client.call("blob", "")["content"], json!([{"type": "resource", "resource": resource}]));
}

/// A model reads what the guest said, and why it ended.
#[test]
fn a_guest_that_is_stopped_is_an_error_with_its_own_words() {
    let tools = Tools::of("fails", &["fails", "spin", "echo"]);
    let mut client = Client::new(&[tools.path(), "--fuel-limit", "100K", "--receipts"]);
    let result = client.call("fails", "");
    let texts = ["the guest failed: no such unit", "output until then:\nhalf an ", "log:\nwarn: looking it up"];
    let content: Vec<_> = texts.iter().map(|text| json!({"type": "text", "text": text})).collect();
    assert_eq!((&result["isError"], &result["content"]), (&json!(true), &json!(content)));
    assert_eq!(result["_meta"]["belljar/stop"], json!({"failed": {"message": "no such unit"}}));
    let receipt = result["_meta"]["belljar/receipt"].to_string();
    belljar::record::Receipt::from_json(&receipt).unwrap().verify(&client::wasm("fails"), b"").unwrap();

    let result = client.call("spin", "");
    assert_eq!(result["isError"], true);
    assert_eq!(result["_meta"]["belljar/stop"], json!({"fuel": {"limit": 100_000}}));
    // What an operator can do about it, an operator reads.
    assert_eq!(result["content"][0]["text"].as_str().unwrap().lines().count(), 1);
    let said = [client.said(), client.said()];
    assert!(said[0].starts_with("error: spin: "), "{said:?}");
    assert_eq!(said[1], "hint: raise it with `--fuel-limit` if the guest may use more");
    assert_eq!(client.call("echo", "after")["content"][0]["text"], "after");
}

/// The client says what it wants to hear; the guest's name is on each message, before the answer.
#[test]
fn messages_of_the_log_are_notifications() {
    let tools = Tools::of("log", &["chatty"]);
    let mut client = Client::new(&[tools.path()]);
    client.call("chatty", "");
    let all = [("error", "error"), ("warning", "warn "), ("info", "info "), ("debug", "debug"), ("debug", "trace")];
    let expected =
        |count: usize| all[..count].iter().map(|(level, text)| ("chatty", *level, *text)).collect::<Vec<_>>();
    assert_eq!(logged(&client.told), expected(3));
    for (level, count) in [("debug", 5), ("notice", 2), ("emergency", 0), ("warning", 2), ("error", 1), ("info", 3)] {
        client.told.clear();
        assert_eq!(client.ask("logging/setLevel", json!({"level": level}))["result"], json!({}));
        client.call("chatty", "");
        assert_eq!(logged(&client.told), expected(count), "{level}");
    }
    assert_eq!(client.ask("logging/setLevel", json!({"level": "loud"}))["error"]["code"], -32602);
}

/// Progress is fuel; it only grows, and comes before the answer.
#[test]
fn fuel_is_progress_where_it_is_asked_for() {
    let tools = Tools::of("progress", &["spin", "chatty"]);
    let mut client = Client::new(&[tools.path(), "--fuel-limit", "10M"]);
    let mut params = call("spin", "");
    params["_meta"] = json!({"progressToken": "mine"});
    let id = client.request("tools/call", params);
    let result = client.answer(id)["result"].take();
    let progress: Vec<_> = client.told.iter().filter(|message| message["method"] == "notifications/progress").collect();
    assert!(progress.iter().all(|p| p["params"]["progressToken"] == "mine" && p["params"]["total"] == 10e6));
    let fuel: Vec<_> = progress.iter().map(|p| p["params"]["progress"].as_f64().unwrap()).collect();
    assert!(fuel.windows(2).all(|pair| pair[0] < pair[1]), "{fuel:?}");
    assert_eq!(fuel.last().copied(), result["_meta"]["belljar/fuel"].as_f64());

    client.told.clear();
    client.call("chatty", "");
    assert!(client.told.iter().all(|message| message["method"] != "notifications/progress"));
}

/// Waits until a tool has begun, as its log says.
fn begun(client: &mut Client) {
    client.wait(|message| message["params"]["data"] == "begun");
}

const ENDLESS: &[&str] = &["--profile", "large", "--jobs", "1"];

/// The only place is free again, and nothing is said of the call that was cancelled.
#[test]
fn a_cancelled_call_really_stops() {
    let tools = Tools::of("cancel", &["spin", "echo"]);
    let mut client = Client::new(&[&[tools.path()], ENDLESS].concat());
    let spinning = client.request("tools/call", call("spin", ""));
    begun(&mut client);
    let waiting = client.request("tools/call", call("echo", "waits"));
    let given_up = client.request("tools/call", call("spin", ""));
    assert!(client.is_silent(Duration::from_millis(300)));
    client.tell("notifications/cancelled", json!({"requestId": given_up, "reason": "not needed"}));
    client.tell("notifications/cancelled", json!({"requestId": spinning}));
    client.tell("notifications/cancelled", json!({"requestId": 12_345}));
    assert_eq!(client.answer(waiting)["result"]["content"][0]["text"], "waits");
    assert_eq!(client.call("echo", "on")["content"][0]["text"], "on");
    let answered = |id: i64| client.told.iter().any(|message| message["id"] == id);
    assert!(!answered(spinning) && !answered(given_up));
}

/// Others wait in the order in which they came.
#[test]
fn only_so_many_calls_run_at_once() {
    let tools = Tools::of("jobs", &["spin", "echo"]);
    let mut client = Client::new(&[tools.path(), "--profile", "large", "--jobs", "2"]);
    let first = client.request("tools/call", call("spin", ""));
    begun(&mut client);
    assert_eq!(client.call("echo", "beside it")["content"][0]["text"], "beside it");
    let second = client.request("tools/call", call("spin", ""));
    begun(&mut client);
    let third = client.request("tools/call", call("spin", ""));
    let last = client.request("tools/call", call("echo", "last"));
    assert!(client.is_silent(Duration::from_millis(300)));
    client.tell("notifications/cancelled", json!({"requestId": first}));
    begun(&mut client);
    client.tell("notifications/cancelled", json!({"requestId": third}));
    client.tell("notifications/cancelled", json!({"requestId": second}));
    assert_eq!(client.answer(last)["result"]["content"][0]["text"], "last");
}

/// A call for which there is no room is answered at once, and those that wait keep theirs.
#[test]
fn a_full_queue_is_an_answer() {
    let tools = Tools::of("queue", &["spin", "echo"]);
    let mut client = Client::new(&[&[tools.path(), "--queue", "1"], ENDLESS].concat());
    let spinning = client.request("tools/call", call("spin", ""));
    begun(&mut client);
    let waiting = client.request("tools/call", call("echo", "waits"));
    let refused = client.request("tools/call", call("echo", "does not"));
    assert_eq!(client.answer(refused)["result"]["isError"], true);
    client.tell("notifications/cancelled", json!({"requestId": spinning}));
    assert_eq!(client.answer(waiting)["result"]["content"][0]["text"], "waits");
}

/// What is asked is answered, if it does not take long; what takes long is cancelled.
#[test]
fn the_end_of_stdin_is_the_end() {
    let tools = Tools::of("end", &["spin", "echo"]);
    let mut client = Client::new(&[tools.path()]);
    let id = client.request("tools/call", call("echo", "quickly"));
    let (rest, status) = client.end();
    assert_eq!(status.code(), Some(0));
    assert_eq!(rest.iter().filter(|message| message["id"] == id).count(), 1, "{rest:?}");

    let mut client = Client::new(&[&[tools.path()], ENDLESS].concat());
    let spinning = client.request("tools/call", call("spin", ""));
    begun(&mut client);
    let waiting = client.request("tools/call", call("echo", ""));
    let begun = Instant::now();
    let (rest, status) = client.end();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(status.code(), Some(0));
    for id in [spinning, waiting] {
        let answer = rest.iter().find(|message| message["id"] == id).expect("an answer");
        assert_eq!(answer["result"]["isError"], true);
    }

    let (rest, status) = Client::start(&[tools.path()]).end();
    assert_eq!((rest.len(), status.code()), (0, Some(0)), "nobody has shaken hands");
}

#[test]
#[cfg(unix)]
fn signals_end_it() {
    let tools = Tools::of("signals", &["spin"]);
    for signal in ["-TERM", "-INT"] {
        let mut client = Client::new(&[&[tools.path()], ENDLESS].concat());
        client.request("tools/call", call("spin", ""));
        begun(&mut client);
        let kill = std::process::Command::new("kill").args([signal, &client.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        assert_eq!(client::ended(&mut client.child).code(), Some(0), "{signal}");
    }
}

/// A client that reads nothing more ends it too.
#[test]
fn a_client_that_hangs_up_is_gone() {
    let tools = Tools::of("hangs-up", &["echo"]);
    let mut child = client::belljar(&[tools.path()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    std::io::Write::write_all(&mut stdin, format!("{message}\n").as_bytes()).unwrap();
    assert_eq!(client::ended(&mut child).code(), Some(0));
}
