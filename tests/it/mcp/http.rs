//! `belljar mcp --listen`, as bytes over TCP.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    client::{Tools, call, hello, wasm},
    logged,
    wire::{Reply, Server},
};

fn request(id: u32, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// Shakes hands, and gives the name of the session.
pub fn session(server: &Server) -> String {
    let reply = server.post(&[], &request(0, "initialize", hello("2025-11-25")));
    assert_eq!(reply.status, 200);
    let session = reply.headers["mcp-session-id"].clone();
    let events = reply.events();
    assert_eq!(events[0]["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(events.len(), 1);
    let named = [("mcp-session-id", &*session)];
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(server.post(&named, &initialized).status, 202);
    session
}

/// Asks within a session.
fn ask(server: &Server, session: &str, message: &Value) -> Reply {
    server.post(&[("mcp-session-id", session), ("mcp-protocol-version", "2025-11-25")], message)
}

fn answer(server: &Server, session: &str, message: &Value) -> Value {
    ask(server, session, message).events().pop().unwrap()
}

/// All that belongs to a call comes on its own stream, in order.
#[test]
fn a_call_has_a_stream_with_its_log_and_progress() {
    let tools = Tools::of("http", &["echo", "chatty"]);
    let server = Server::start(&[tools.path()]);
    let session = session(&server);
    let listed = answer(&server, &session, &request(1, "tools/list", json!({})));
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 2);

    let mut params = call("chatty", "");
    params["_meta"] = json!({"progressToken": 7});
    let events = ask(&server, &session, &request(2, "tools/call", params)).events();
    assert_eq!(
        logged(&events),
        [("chatty", "error", "error"), ("chatty", "warning", "warn "), ("chatty", "info", "info ")]
    );
    assert_eq!(events[3]["params"]["progressToken"], 7);
    assert_eq!((&events[4]["id"], &events[4]["result"]["content"][0]["text"]), (&json!(2), &json!("done")));
    assert_eq!(events.len(), 5);

    // Levels are the session's own.
    let other = self::session(&server);
    assert_eq!(
        answer(&server, &other, &request(1, "logging/setLevel", json!({"level": "emergency"})))["result"],
        json!({})
    );
    assert_eq!(ask(&server, &other, &request(2, "tools/call", call("chatty", ""))).events().len(), 1);
    assert_eq!(ask(&server, &session, &request(3, "tools/call", call("chatty", ""))).events().len(), 4);
}

const ENDLESS: &[&str] = &["--profile", "large", "--jobs", "1"];

/// Whichever way a client goes: the only place is free again.
#[test]
fn a_client_that_is_gone_frees_its_place() {
    let tools = Tools::of("http-gone", &["echo", "spin"]);
    let server = Server::start(&[&[tools.path()], ENDLESS].concat());
    // The place is free before the id is.
    let spin = |session: &str, id: u32| {
        let mut stream = ask(&server, session, &request(id, "tools/call", call("spin", "")));
        assert_eq!(stream.event().unwrap()["params"]["data"], "begun");
        stream
    };
    let works = |session: &str| {
        let answer = answer(&server, session, &request(6, "tools/call", call("echo", "on")));
        assert_eq!(answer["result"]["content"][0]["text"], "on");
    };
    // It says so.
    let first = session(&server);
    let stream = spin(&first, 5);
    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}});
    assert_eq!(ask(&server, &first, &cancelled).status, 202);
    assert_eq!(stream.events(), Vec::<Value>::new(), "what is cancelled is not answered");
    works(&first);
    // It hangs up.
    drop(spin(&first, 8));
    works(&first);
    // It ends the session.
    let stream = spin(&first, 9);
    assert_eq!(server.ask("DELETE", &[("mcp-session-id", &first)], "").status, 204);
    assert_eq!(stream.events(), Vec::<Value>::new());
    assert_eq!(ask(&server, &first, &request(7, "ping", json!({}))).status, 404);
    works(&session(&server));
}

/// Two requests with one id could not be told apart.
#[test]
fn an_id_is_taken_while_it_is_not_answered() {
    let tools = Tools::of("http-twice", &["spin", "echo"]);
    let server = Server::start(&[&[tools.path()], ENDLESS].concat());
    let session = session(&server);
    let mut stream = ask(&server, &session, &request(5, "tools/call", call("spin", "")));
    assert_eq!(stream.event().unwrap()["params"]["data"], "begun");
    let refused = ask(&server, &session, &request(5, "ping", json!({})));
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!(-32600)));
    assert_eq!(answer(&server, &session, &request(6, "ping", json!({})))["result"], json!({}));
}

/// Over the stream that is open for it, or the next one.
#[test]
fn other_tools_are_told_to_who_listens() {
    let tools = Tools::of("http-watch", &["echo"]);
    let server = Server::start(&[tools.path()]);
    let session = session(&server);
    let listen = || server.ask("GET", &[("mcp-session-id", &session)], "");
    let mut stream = listen();
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    tools.put("chatty", &wasm("chatty"));
    assert_eq!(stream.event().unwrap()["method"], "notifications/tools/list_changed");
    drop(stream);
    thread::sleep(Duration::from_millis(200));
    tools.put("blob", &wasm("blob"));
    thread::sleep(Duration::from_millis(2_500));
    assert_eq!(listen().event().unwrap()["method"], "notifications/tools/list_changed");
}

/// A page in a browser, and a name that was made to lead here, are none of this machine's programs.
#[test]
fn other_sites_are_kept_out() {
    let tools = Tools::of("http-sites", &["echo"]);
    let server =
        Server::start(&[tools.path(), "--allow-origin", "http://localhost:6274", "--allow-host", "tools.example"]);
    let port = server.at.rsplit(':').next().unwrap();
    let hello = request(0, "initialize", hello("2025-11-25"));
    let status = |headers: &[(&str, &str)]| server.post(headers, &hello).status;
    for (host, expected) in [
        (format!("localhost:{port}"), 200),
        (format!("127.0.0.1:{port}"), 200),
        (format!("[::1]:{port}"), 200),
        ("tools.example".into(), 200),
        (format!("evil.example:{port}"), 403),
        ("tools.example.evil.example".into(), 403),
        ("127.0.0.1.evil.example".into(), 403),
        ("".into(), 400),
    ] {
        assert_eq!(status(&[("host", &host)]), expected, "{host}");
    }
    for (origin, expected) in [
        ("http://localhost:6274", 200),
        ("http://localhost:6275", 403),
        ("https://localhost:6274", 403),
        ("http://localhost", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
    ] {
        assert_eq!(status(&[("origin", origin)]), expected, "{origin}");
    }
    // A browser asks first, and lets the page see the answer.
    let page = [("origin", "http://localhost:6274")];
    let asked = server.ask("OPTIONS", &page, "");
    assert_eq!((asked.status, &*asked.headers["access-control-allow-origin"]), (204, page[0].1));
    let answered = server.post(&page, &hello);
    assert_eq!(answered.headers["access-control-expose-headers"], "mcp-session-id");
    let other = server.ask("OPTIONS", &[("origin", "https://evil.example")], "");
    assert_eq!((other.status, other.headers.get("access-control-allow-origin")), (403, None));
}

/// What is wrong is answered as it is over stdio, and with a status.
#[test]
fn what_is_wrong_has_a_status() {
    let tools = Tools::of("http-wrong", &["echo"]);
    let server = Server::start(&[tools.path(), "--max-message", "1MiB"]);
    let session = session(&server);
    let named = ("mcp-session-id", &*session);
    for (body, code) in [
        ("nonsense", -32700),
        ("", -32700),
        ("[]", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#, -32602),
    ] {
        let reply = server.ask("POST", &[named], body);
        assert_eq!((reply.status, &*reply.headers["content-type"]), (400, "application/json"), "{body}");
        assert_eq!(reply.json()["error"]["code"], code, "{body}");
    }
    let unknown = answer(&server, &session, &request(1, "no/such", json!({})));
    assert_eq!(unknown["error"]["code"], -32601);

    let ping = request(1, "ping", json!({}));
    let status = |headers: &[(&str, &str)]| server.post(headers, &ping).status;
    assert_eq!(status(&[]), 400, "without a session");
    assert_eq!(status(&[("mcp-session-id", "00000000-0000-0000-0000-000000000000")]), 404);
    assert_eq!(status(&[named, ("mcp-protocol-version", "1999-01-01")]), 400);
    assert_eq!(status(&[named, ("accept", "text/html")]), 406);
    assert_eq!(status(&[named, ("content-type", "text/plain")]), 415);
    for method in ["PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"] {
        assert_eq!(server.ask(method, &[named], "").status, 405, "{method}");
    }
    let long = format!("{}{}", ping, " ".repeat(1 << 20));
    let reply = server.ask("POST", &[named], &long);
    assert_eq!((reply.status, reply.json()["error"]["code"].as_i64()), (413, Some(-32600)));
    assert_eq!(answer(&server, &session, &ping)["result"], json!({}));
}

/// Bytes that are no HTTP end the connection, and nothing else.
#[test]
fn what_is_no_http_is_refused() {
    let tools = Tools::of("http-bytes", &["echo"]);
    let server = Server::start(&[tools.path()]);
    let host = format!("host: {}", server.at);
    for (bytes, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        (format!("GET /mcp HTTP/9.9\r\n{host}\r\n\r\n"), 400),
        (format!("POST /mcp HTTP/1.1\r\n{host}\r\ncontent-length: -1\r\n\r\n"), 400),
        (format!("POST /mcp HTTP/1.1\r\n{host}\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc"), 400),
        (format!("GET /mcp HTTP/1.1\r\n{host}\r\nx: {}\r\n\r\n", "x".repeat(1 << 20)), 431),
        (format!("GET /other HTTP/1.1\r\n{host}\r\n\r\n"), 404),
    ] {
        assert_eq!(server.send(bytes.as_bytes()).status, status, "{:?}", &bytes[..bytes.len().min(60)]);
    }
    assert!(!session(&server).is_empty());
}

/// More clients than places, and some that never say anything.
#[test]
fn many_clients_are_served() {
    let tools = Tools::of("http-many", &["echo", "fails", "spin"]);
    let server = Server::start(&[tools.path(), "--jobs", "2", "--fuel-limit", "1M"]);
    let silent: Vec<_> = (0..50).map(|_| std::net::TcpStream::connect(&server.at).unwrap()).collect();
    thread::scope(|scope| {
        for client in 0..40 {
            let server = &server;
            scope.spawn(move || {
                let session = session(server);
                for id in 1..5 {
                    let text = format!("{client}-{id}");
                    let (tool, expected) = match (client + id) % 4 {
                        0 => ("fails", "the guest failed: no such unit"),
                        1 => ("spin", "stopped: the fuel limit of 1000000 is used up"),
                        _ => ("echo", &*text),
                    };
                    let answer = answer(server, &session, &request(id, "tools/call", call(tool, &text)));
                    assert_eq!(answer["id"], id);
                    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
                    assert_eq!(text.lines().next(), Some(expected));
                }
            });
        }
    });
    drop(silent);
}

/// Clients of 2026-07-28 have no session; who hangs up has cancelled.
#[test]
fn newer_clients_have_no_session() {
    let tools = Tools::of("http-newer", &["chatty", "spin"]);
    let server = Server::start(&[&[tools.path()], ENDLESS].concat());
    let ask = |id: u32, tool: &str, level: &str| {
        let mut params = call(tool, "");
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/logLevel": level,
        });
        let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", tool)];
        server.post(&headers, &request(id, "tools/call", params))
    };
    let mut spinning = ask(1, "spin", "info");
    assert_eq!(spinning.event().unwrap()["params"]["data"], "begun");
    drop(spinning);
    let events = ask(2, "chatty", "error").events();
    assert_eq!(logged(&events), [("chatty", "error", "error")]);
    assert_eq!(events.last().unwrap()["result"]["content"][0]["text"], "done");
}

/// A signal ends what runs, and the program.
#[test]
#[cfg(unix)]
fn a_signal_ends_the_server() {
    let tools = Tools::of("http-signal", &["spin"]);
    let mut server = Server::start(&[&[tools.path()], ENDLESS].concat());
    let session = session(&server);
    let mut stream = ask(&server, &session, &request(5, "tools/call", call("spin", "")));
    assert_eq!(stream.event().unwrap()["params"]["data"], "begun");
    let kill = std::process::Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    assert_eq!(super::client::ended(&mut server.child).code(), Some(0));
}

/// A client that reads nothing of what its call logs keeps its place until the deadline, and no longer: another has it
/// then. What was not taken is counted.
#[test]
fn who_does_not_read_has_a_deadline_too() {
    let tools = Tools::of("http-unread", &["echo", "flood"]);
    let args = ["--jobs", "1", "--timeout", "1s", "--profile", "large", "--set", "limits.log_bytes=64MiB"];
    let server = Server::start(&[&[tools.path()], &args[..]].concat());
    let session = session(&server);
    let unread = ask(&server, &session, &request(1, "tools/call", call("flood", "")));
    let echo = answer(&server, &session, &request(2, "tools/call", call("echo", "beside it")));
    assert_eq!(echo["result"]["content"][0]["text"], "beside it");
    let result = unread.events().pop().unwrap()["result"].take();
    assert!(!result["_meta"]["belljar/stop"]["deadline"].is_null(), "{}", result["_meta"]["belljar/stop"]);
    assert!(result["_meta"]["belljar/log_dropped"].as_u64() > Some(0));
}

/// A call waits for the end of one that runs, and not for all that another session has asked for before.
#[test]
fn sessions_take_turns() {
    let tools = Tools::of("http-turns", &["echo", "spin"]);
    let server = Server::start(&[tools.path(), "--jobs", "1", "--fuel-limit", "2M"]);
    let (many, one) = (session(&server), session(&server));
    let ended = AtomicUsize::new(0);
    thread::scope(|scope| {
        let spins: Vec<_> =
            (0..16).map(|id| ask(&server, &many, &request(id + 1, "tools/call", call("spin", "")))).collect();
        for spin in spins {
            let ended = &ended;
            scope.spawn(move || {
                assert_eq!(spin.events().pop().unwrap()["result"]["isError"], true);
                ended.fetch_add(1, Relaxed);
            });
        }
        let before = ended.load(Relaxed);
        let echo = answer(&server, &one, &request(1, "tools/call", call("echo", "soon")));
        assert_eq!(echo["result"]["content"][0]["text"], "soon");
        let waited = ended.load(Relaxed) - before;
        assert!(waited <= 4, "{waited}");
    });
    assert_eq!(ended.load(Relaxed), 16);
}

/// What SDK and headers compare is taken from the arguments as far as it is short; the rest of them is no concern.
#[test]
fn arguments_are_not_counted_as_the_message() {
    let tools = Tools::of("http-scalars", &["echo"]);
    let server = Server::start(&[tools.path()]);
    let session = session(&server);
    for (count, value) in [(3, ",".repeat(700)), (70, "x".repeat(1_022)), (1, "x".repeat(70_000))] {
        let arguments: serde_json::Map<_, _> = (0..count).map(|i| (format!("a{i}"), json!(value))).collect();
        let params = json!({"name": "echo", "arguments": arguments});
        let answer = answer(&server, &session, &request(1, "tools/call", params));
        assert_eq!(answer["result"]["isError"], true, "{count}");
    }
    let long = json!({"name": "echo", "arguments": {"x".repeat(66_000): 1}});
    assert_eq!(answer(&server, &session, &request(1, "tools/call", long))["result"]["isError"], true);
}
