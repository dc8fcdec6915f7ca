//! What a message costs: at most 8 times its size, and nothing before it is known who asks.

use std::{
    io::Write,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{
    client::{self, Client, Tools},
    http::session,
    wire::Server,
};
use crate::peak::{Peak, repeated};

/// For what does not depend on the size of a message, threads and their stacks among it.
const FIXED: u64 = 8 << 20;

/// Parts of which trees are largest.
const PARTS: [&str; 4] = ["{\"\":0},", "0,", "\"\",", "[],"];

const SIZE: usize = 4 << 20;

fn call(part: &str) -> String {
    let open = r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","arguments":{"input":["#;
    repeated(open, part, "0]}}}", SIZE)
}

#[test]
fn a_message_over_http_takes_at_most_eight_times_its_size() {
    let tools = Tools::of("http-memory", &["echo"]);
    let server = Server::start(&[tools.path()]);
    let session = session(&server);
    let within = [("mcp-session-id", &*session), ("mcp-protocol-version", "2025-11-25")];
    for part in PARTS {
        let peak = Peak::of(server.child.id());
        let reply = server.ask("POST", &within, &call(part));
        // The arguments are no string.
        assert_eq!((reply.status, &reply.events()[0]["result"]["isError"]), (200, &json!(true)));
        let more = peak.more();
        assert!(more <= 8 * SIZE as u64 + FIXED, "{part}: {more}");

        // What is no argument of a tool is not read at all.
        let peak = Peak::of(server.child.id());
        let open = r#"{"jsonrpc":"2.0","id":6,"method":"ping","params":{"x":["#;
        let reply = server.ask("POST", &within, &repeated(open, part, "0]}}", SIZE));
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!(-32600)));
        let more = peak.more();
        assert!(more <= 4 * SIZE as u64 + FIXED, "{part}: {more}");
    }
}

/// A response does not repeat what it refuses.
#[test]
fn a_refusal_is_short() {
    let tools = Tools::of("http-short", &["echo"]);
    let server = Server::start(&[tools.path()]);
    let session = session(&server);
    let within = [("mcp-session-id", &*session), ("mcp-protocol-version", "2025-11-25")];
    for open in [
        r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","arguments":""#,
        r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":""#,
        r#"{"jsonrpc":"2.0","method":"ping","params":{},"id":""#,
        r#"{"jsonrpc":"2.0","id":5,"method":""#,
    ] {
        let close = if open.contains("arguments") { "\"}}" } else { "\"}" };
        let peak = Peak::of(server.child.id());
        let reply = server.ask("POST", &within, &repeated(open, "\u{7f}", close, SIZE));
        assert_eq!(reply.status, 400, "{open}");
        let size = reply.body().len();
        assert!(size < 4 << 10, "{open}: {size}");
        let more = peak.more();
        assert!(more <= 8 * SIZE as u64 + FIXED, "{open}: {more}");
    }
}

/// A client that reads no responses is read no further, also if all that it sends is refused.
#[test]
fn who_reads_nothing_is_not_read() {
    let tools = Tools::of("backlog", &["echo"]);
    let mut child = client::belljar(&[tools.path()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let written = &AtomicU64::new(0);
    let more = thread::scope(|scope| {
        let peak = Peak::of(child.id());
        scope.spawn(move || {
            let lines = "x\n".repeat(4 << 10);
            while stdin.write_all(lines.as_bytes()).is_ok() {
                written.fetch_add(1, Relaxed);
            }
        });
        let mut before = 0;
        loop {
            thread::sleep(Duration::from_secs(1));
            let now = written.load(Relaxed);
            if now == before || peak.more() > 256 << 20 {
                break;
            }
            before = now;
        }
        let more = peak.more();
        child.kill().unwrap();
        child.wait().unwrap();
        more
    });
    assert!(more <= 128 << 20, "{more}");
}

/// Nothing is kept of what comes from a page that may not ask, of another type, or of no session.
#[test]
fn who_may_not_ask_costs_nothing() {
    let tools = Tools::of("http-refused", &["echo"]);
    let server = Server::start(&[tools.path()]);
    let message = call(PARTS[0]);
    for (headers, status) in [
        (("host", "evil.example"), 403),
        (("origin", "http://evil.example"), 403),
        (("content-type", "text/plain"), 415),
        (("accept", "text/html"), 406),
        (("mcp-session-id", "another"), 404),
        (("x-none", "1"), 413),
    ] {
        let peak = Peak::of(server.child.id());
        assert_eq!(server.ask("POST", &[headers], &message).status, status, "{headers:?}");
        let more = peak.more();
        assert!(more <= FIXED, "{headers:?}: {more}");
    }
}

/// Who announces too much, or may not ask, is answered before there is a body.
#[test]
fn a_refusal_waits_for_no_body() {
    let tools = Tools::of("http-early", &["echo"]);
    let server = Server::start(&[tools.path()]);
    let session = session(&server);
    for (more, status) in [
        ("origin: http://evil.example\r\ncontent-length: 100", 403),
        ("mcp-session-id: another\r\ncontent-length: 100", 404),
        ("content-length: 65537", 413),
        (&*format!("mcp-session-id: {session}\r\ncontent-length: 4194305"), 413),
        ("mcp-protocol-version: 2026-07-28\r\ncontent-length: 4194305", 413),
    ] {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\naccept: application/json, text/event-stream\r\n\
             content-type: application/json\r\n{more}\r\n\r\n",
            server.at
        );
        assert_eq!(server.send(head.as_bytes()).status, status, "{more}");
    }
}

#[test]
fn a_line_takes_at_most_eight_times_its_size() {
    let tools = Tools::of("memory", &["echo"]);
    let mut client = Client::new(&[tools.path()]);
    for part in PARTS {
        let peak = Peak::of(client.child.id());
        client.write(call(part).as_bytes());
        let answer = client.wait(|message| message["id"] == 5);
        assert_eq!(answer["result"]["isError"], true);
        let more = peak.more();
        assert!(more <= 8 * SIZE as u64 + FIXED, "{part}: {more}");
        // What was freed may be given back a little later.
        thread::sleep(Duration::from_millis(50));
    }
}
