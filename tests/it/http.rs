//! Requests over HTTP: what is granted, what is refused, and what servers can do about it. Nothing here
//! leaves the machine.

use std::net::TcpListener;

use belljar::{
    Config, Error, GuestFault, HostStop, ModuleError, Outcome, Sandbox, Step, StopReason, Value,
    abi::http::{FUNCTIONS, Failure},
    config::HttpRule,
    error::{AbiFault, HostFunctionProblem},
    record::{Receipt, ReceiptError, Transcript},
};

mod answers;
#[cfg(feature = "cli")]
mod program;
mod redirects;
mod server;

use server::Server;

type Done = Result<Outcome, Error>;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-b: 2\r\nx-a: 1\r\n\r\nhello";

/// What a guest asks for.
#[derive(Clone, Copy)]
struct Ask<'a> {
    method: &'a str,
    url: &'a str,
    headers: &'a str,
    body: &'a str,
    times: u32,
}

fn get(url: &str) -> Ask<'_> {
    Ask { method: "GET", url, headers: "", body: "", times: 1 }
}

/// A guest that asks, writes headers and body of the answer, piece by piece, and returns what `send` did;
/// of many times the last.
fn guest(ask: Ask<'_>) -> Vec<u8> {
    let Ask { method, url, headers, body, times } = ask;
    let data: String = [(0, method), (100, url), (20_000, headers), (40_000, body)]
        .iter()
        .map(|(at, text)| format!("(data (i32.const {at}) \"{}\")", escaped(text)))
        .collect();
    let imports: String = FUNCTIONS
        .iter()
        .map(|f| {
            let params = "i32 ".repeat(f.params.len());
            format!(r#"(import "http" "{}" (func ${} (param {params}) (result i32)))"#, f.name, f.name)
        })
        .collect();
    let copied = |part: &str| {
        format!(
            "(loop $more (local.set $count (call $read_{part} (i32.const 600000) (i32.const 1000)))
               (call $write (i32.const 600000) (local.get $count)) (br_if $more (local.get $count)))"
        )
    };
    let wat = format!(
        r#"(module {imports} (import "env" "write_output" (func $write (param i32 i32)))
        (memory (export "memory") 16) {data}
        (func (export "f") (result i32) (local $status i32) (local $count i32) (local $left i32)
            (local.set $left (i32.const {times}))
            (loop $again
                (local.set $status (call $send (i32.const 0) (i32.const {}) (i32.const 100) (i32.const {})
                    (i32.const 20000) (i32.const {}) (i32.const 40000) (i32.const {})))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (br_if $again (local.get $left)))
            {} {}
            (local.get $status)))"#,
        method.len(),
        url.len(),
        headers.len(),
        body.len(),
        copied("headers"),
        copied("body"),
    );
    wat::parse_str(wat).unwrap()
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:02x}")).collect()
}

/// All that is on this machine, in the clear.
fn open() -> Config {
    let all = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS";
    granted(&format!("{all} http://*")).with_http_private_addresses(true).with_http_timeout_ms(5_000)
}

fn granted(rule: &str) -> Config {
    // With a rule for another port, the rule for any: one a port.
    Config::default().with_http(HttpRule::parse(rule).unwrap())
}

/// The same for any port: the rules of a test name those of its servers.
fn open_for(servers: &[&Server]) -> Config {
    let methods = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS";
    servers.iter().fold(open(), |config, server| {
        config.with_http(HttpRule::parse(&format!("{methods} http://127.0.0.1:{}", server.at.port())).unwrap())
    })
}

fn run(config: Config, ask: Ask<'_>) -> Done {
    let sandbox = Sandbox::new(config).unwrap();
    let module = sandbox.load(&guest(ask)).unwrap();
    sandbox.call_values(&module, "f", &[])
}

/// What `send` returned, and headers and body as text.
fn sent(config: Config, ask: Ask<'_>) -> (i32, String) {
    let outcome = run(config, ask).unwrap();
    let [Value::I32(status)] = outcome.results[..] else { panic!("{outcome:?}") };
    (status, String::from_utf8_lossy(&outcome.output).into_owned())
}

fn stopped(done: Done) -> StopReason {
    match done {
        Err(Error::Stopped(stopped)) => stopped.reason,
        other => panic!("{other:?}"),
    }
}

/// The detail of a denial.
fn denied(done: Done) -> String {
    match stopped(done) {
        StopReason::Guest(GuestFault::Denied { capability, function, detail: Some(detail) }) => {
            assert_eq!((capability.as_str(), function.as_str()), ("http", "http.send"));
            detail
        }
        other => panic!("{other:?}"),
    }
}

fn fails(config: Config, ask: Ask<'_>, failure: Failure) {
    assert_eq!(sent(config, ask), (failure as i32, String::new()), "{}", ask.url);
}

#[test]
fn a_request_is_sent_as_the_guest_means_it() {
    let server = Server::saying(OK);
    let url = server.url("/a%41/b?c=../d#e");
    let ask = Ask { method: "POST", headers: "X-Own: a\tb\nuser-agent: mine\n", body: "the body", ..get(&url) };
    let answer = (200, "content-length: 5\nx-a: 1\nx-b: 2\nhello".to_owned());
    assert_eq!(sent(open_for(&[&server]), ask), answer);
    let asked = server.asked();
    let mut lines: Vec<_> = asked[0].split("\r\n").collect();
    assert_eq!((lines[0], *lines.last().unwrap()), ("POST /a%41/b?c=../d HTTP/1.1", "the body"));
    let host = format!("host: {}", server.at);
    let mut expected = vec!["", "accept: */*", "content-length: 8", &host, "user-agent: mine", "x-own: a\tb"];
    lines.remove(0);
    lines.pop();
    lines.retain(|line| !line.is_empty());
    lines.sort_unstable();
    expected.remove(0);
    assert_eq!(lines, expected);

    // Each of the others, without a body.
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let body = if method == "HEAD" { "" } else { "hello" };
        let (status, text) = sent(open_for(&[&server]), Ask { method, ..get(&url) });
        assert_eq!((status, text), (200, format!("content-length: 5\nx-a: 1\nx-b: 2\n{body}")), "{method}");
        assert!(server.asked().last().unwrap().starts_with(&format!("{method} /a%41")), "{method}");
    }
}

/// A replay sends no request.
#[test]
fn what_was_answered_is_played_without_the_server() {
    let server = Server::saying(OK);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = open_for(&[&server]).with_http(HttpRule::parse(&format!("http://{gone}")).unwrap());
    let (url, elsewhere, unanswered) = (server.url("/"), "http://192.0.2.1:1/".to_owned(), format!("http://{gone}/"));
    let asks = [
        get(&url),
        Ask { times: 3, ..get(&url) },
        get(&unanswered),
        get(&elsewhere),
        Ask { headers: "host: x\n", ..get(&url) },
        Ask { times: 101, ..get(&unanswered) },
    ];
    let mut recorded = Vec::new();
    for ask in asks {
        let wasm = guest(ask);
        let sandbox = Sandbox::new(config.clone()).unwrap();
        let module = sandbox.load(&wasm).unwrap();
        let mut run = sandbox.start_call(&module, "f", &[], b"", ()).unwrap();
        run.record(1 << 20);
        let done = run.finish();
        let transcript = Transcript::of_call("f", &[], &sandbox, &wasm, b"", run.take_effects());
        assert!(transcript.effects.iter().all(|effect| effect.function().starts_with("http.")));
        assert!(transcript.header.functions.is_empty());
        recorded.push((wasm, done, transcript.to_jsonl()));
    }
    let requests = server.asked().len();
    assert_eq!(requests, 4);
    drop(server);
    for (wasm, done, transcript) in recorded {
        let transcript = Transcript::from_jsonl(&transcript).unwrap();
        for step in [1, 1_000, u64::MAX] {
            let mut run = transcript.replay(&wasm, b"").unwrap();
            let replayed = loop {
                match run.step(step) {
                    Ok(Step::Yielded | Step::Waiting) => {}
                    Ok(Step::Done(outcome)) => break Ok(outcome),
                    Err(error) => break Err(error),
                }
            };
            assert_eq!(replayed, done);
            let receipt = transcript.receipt(&wasm, b"", &replayed).unwrap();
            assert_eq!(Some(&receipt), transcript.receipt(&wasm, b"", &done).as_ref());
            receipt.verify_with_transcript(&wasm, b"", &transcript).unwrap();
        }
        // A replay without effects left sends no request either.
        let mut cut = transcript.clone();
        cut.effects.clear();
        assert!(matches!(
            stopped(cut.replay(&wasm, b"").unwrap().finish()),
            StopReason::Host(HostStop::Replay { effect: 1, .. })
        ));
    }
}

#[test]
fn what_no_rule_admits_is_denied() {
    let server = Server::saying(OK);
    let port = server.at.port();
    let rule = |rule: &str| granted(rule).with_http_private_addresses(true);
    let ours = rule(&format!("GET,POST http://127.0.0.1:{port}/v1/"));
    let url = server.url("/v1/x");
    assert_eq!(sent(ours.clone(), get(&url)).0, 200);
    for (method, url) in [
        ("PUT", url.clone()),
        ("GET", format!("https://127.0.0.1:{port}/v1/x")),
        ("GET", format!("http://localhost:{port}/v1/x")),
        ("GET", format!("http://127.0.0.2:{port}/v1/x")),
        ("GET", format!("http://[::1]:{port}/v1/x")),
        ("GET", format!("http://[::ffff:127.0.0.1]:{port}/v1/x")),
        ("GET", format!("http://127.0.0.1:{}/v1/x", port ^ 1)),
        ("GET", "http://127.0.0.1/v1/x".into()),
        ("GET", server.url("/v1")),
        ("GET", server.url("/V1/x")),
        ("GET", server.url("/%761/x")),
        ("GET", server.url("/?/v1/x")),
    ] {
        let detail = denied(run(ours.clone(), Ask { method, ..get(&url) }));
        assert!(detail.starts_with(&format!("{method} {url} is in no rule")), "{detail}");
        // What it says would grant it does.
        let (_, line) = detail.split_once("grants it: ").unwrap();
        let toml = format!("[http]\nallow = [{line}]\nprivate_addresses = true\ntimeout_ms = 1000\n");
        let config = Config::from_toml(&toml).unwrap();
        assert!(run(config, Ask { method, ..get(&url) }).is_ok(), "{toml}");
    }
}

#[test]
fn quotas_hold_for_the_whole_run() {
    let server = Server::saying(OK);
    let url = server.url("/");
    let three = open_for(&[&server]).with_http_requests(3);
    assert_eq!(sent(three.clone(), Ask { times: 3, ..get(&url) }).0, 200);
    denied(run(three.clone(), Ask { times: 4, ..get(&url) }));
    assert_eq!(server.asked().len(), 6, "the fourth was not sent");
    denied(run(three.with_http_requests(0), get(&url)));

    // An instance has them once, for all its calls.
    let sandbox = Sandbox::new(open_for(&[&server]).with_http_requests(2)).unwrap();
    let module = sandbox.load(&guest(get(&url))).unwrap();
    let mut instance = sandbox.instance(&module).unwrap();
    assert_eq!(instance.call::<(), i32>("f", ()).unwrap(), 200);
    assert_eq!(instance.call::<(), i32>("f", ()).unwrap(), 200);
    assert!(matches!(instance.call::<(), i32>("f", ()), Err(Error::Stopped(_))));

    // The request has 3 bytes of method and 1 of path; the answer 32 of headers and 5 of body.
    let total = |bytes| {
        let mut config = open_for(&[&server]);
        config.http.total_bytes = bytes;
        config
    };
    assert_eq!(sent(total(2 * 41), Ask { times: 2, ..get(&url) }).0, 200);
    fails(total(2 * 41 - 1), Ask { times: 2, ..get(&url) }, Failure::ResponseTooLarge);
    let asked = server.asked().len();
    denied(run(total(3), get(&url)));
    assert_eq!(server.asked().len(), asked);
    // What is past it is the answer: too large for what is left.
    fails(total(4 + 4), get(&url), Failure::ResponseTooLarge);
    denied(run(total(4 + 4), Ask { times: 2, ..get(&url) }));
    // What came of an answer that is none counts too: 19 of headers, 5 of body.
    let cut = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhello");
    let url = cut.url("/");
    let mut config = open_for(&[&cut]);
    config.http.total_bytes = 2 * (4 + 19 + 5);
    fails(config.clone(), Ask { times: 2, ..get(&url) }, Failure::Response);
    denied(run(config, Ask { times: 3, ..get(&url) }));
}

#[test]
fn addresses_that_are_not_public_are_denied() {
    let server = Server::saying(OK);
    let port = server.at.port();
    for host in
        ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]", "[::]", "[64:ff9b::7f00:1]", "10.0.0.1"]
    {
        let url = format!("http://{host}:{port}/");
        let config = granted(&format!("http://{host}:{port}"));
        let detail = denied(run(config, get(&url)));
        assert!(detail.contains("private_addresses"), "{detail}");
    }
    assert_eq!(server.asked().len(), 0);
    let config = granted(&format!("http://localhost:{port}")).with_http_private_addresses(true);
    assert_eq!(sent(config, get(&format!("http://LOCALHOST:{port}/"))).0, 200);
}

#[test]
fn malformed_requests_are_not_sent() {
    let server = Server::saying(OK);
    let url = server.url("/");
    let config = open_for(&[&server]);
    for bad in ["", "localhost", "http://127.1/", "http://user@127.0.0.1/", "file:///etc/passwd", "http://127.0.0.1\\a"]
    {
        fails(config.clone(), get(bad), Failure::Url);
    }
    for method in ["", "get", "CONNECT", "TRACE", "GET ", "GET / HTTP/1.1\r\n"] {
        fails(config.clone(), Ask { method, ..get(&url) }, Failure::Method);
    }
    fails(config.clone(), Ask { body: "x", ..get(&url) }, Failure::Method);
    for headers in
        ["a", "a: b\r\n", "a: b\n\nx", "Host: x\n", "content-length: 0\n", "Transfer-Encoding: chunked\n", "a\r: b"]
    {
        fails(config.clone(), Ask { headers, ..get(&url) }, Failure::Headers);
    }
    let sizes = |request_bytes| {
        let mut config = config.clone();
        config.http.request_bytes = request_bytes;
        config
    };
    let len = 3 + url.len() as u64;
    fails(sizes(len - 1), get(&url), Failure::RequestTooLarge);
    assert_eq!(server.asked().len(), 0);
    assert_eq!(sent(sizes(len), get(&url)).0, 200);
}

/// What is moved is paid for, whether or not the guest looks at it.
#[test]
fn bytes_are_paid_for() {
    let fuel = |len: usize| {
        let body = "x".repeat(len);
        let server = Server::saying(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}"));
        let url = server.url("/");
        let wat = format!(
            r#"(module (import "http" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1) (data (i32.const 0) "GET{url}")
            (func (export "f") (result i32) (call $send (i32.const 0) (i32.const 3) (i32.const 3) (i32.const {})
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))"#,
            url.len()
        );
        let sandbox = Sandbox::new(open_for(&[&server])).unwrap();
        let module = sandbox.load_text(&wat).unwrap();
        let outcome = sandbox.call_values(&module, "f", &[]).unwrap();
        assert_eq!(outcome.results, [Value::I32(200)]);
        outcome.usage.fuel
    };
    assert_eq!(fuel(640_000) - fuel(0), 10_000);
}

#[test]
fn ranges_are_checked_before_anything_is_sent() {
    let server = Server::saying(OK);
    let url = server.url("/");
    for broken in 0..4 {
        let ranges: String = (0..4)
            .map(|i| if i == broken { "(i32.const 65530) (i32.const 7)" } else { "(i32.const 0) (i32.const 3)" })
            .collect();
        let wat = format!(
            r#"(module (import "http" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1) (data (i32.const 0) "GET{url}")
            (func (export "f") (result i32) (call $send {ranges})))"#
        );
        let sandbox = Sandbox::new(open_for(&[&server])).unwrap();
        let module = sandbox.load_text(&wat).unwrap();
        let fault = AbiFault::Range { function: "http.send".into(), ptr: 65_530, len: 7, memory: 65_536 };
        assert_eq!(stopped(sandbox.call_values(&module, "f", &[])), StopReason::Guest(GuestFault::Abi(fault)));
    }
    for part in ["headers", "body"] {
        let wat = format!(
            r#"(module (import "http" "read_{part}" (func $read (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "f") (result i32) (call $read (i32.const 65536) (i32.const 1)))
            (func (export "g") (result i32) (call $read (i32.const 0) (i32.const -1)))
            (func (export "h") (result i32) (call $read (i32.const 0) (i32.const 65536))))"#
        );
        let sandbox = Sandbox::new(open()).unwrap();
        let module = sandbox.load_text(&wat).unwrap();
        for name in ["f", "g"] {
            let reason = stopped(sandbox.call_values(&module, name, &[]));
            assert!(matches!(reason, StopReason::Guest(GuestFault::Abi(AbiFault::Range { .. }))), "{reason:?}");
        }
        assert_eq!(sandbox.call::<(), i32>(&module, "h", ()).unwrap(), 0);
    }
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn the_module_is_there_where_something_is_granted() {
    let wasm = guest(get("http://localhost/"));
    let nothing = Sandbox::new(Config::default()).unwrap();
    let Err(Error::Module(refused)) = nothing.load(&wasm) else { panic!("loaded") };
    assert!(matches!(*refused, ModuleError::Imports { total: 5, .. }), "{refused:?}");

    let own = |config: Config| Sandbox::builder().config(config).host_function("http", "send", || 1).build();
    assert!(own(Config::default()).is_ok());
    let Err(Error::Config(error)) = own(open()) else { panic!("built") };
    let reserved =
        belljar::error::ConfigProblem::HostFunction { name: "http.send".into(), why: HostFunctionProblem::Reserved };
    assert_eq!(error.problem, reserved);
}

/// What servers said is in no receipt, and whoever sends one does not decide what is asked of whom.
#[test]
fn receipts_ask_nobody() {
    let server = Server::saying(OK);
    let (wasm, config) = (guest(get(&server.url("/"))), open_for(&[&server]));
    let result = run(config.clone(), get(&server.url("/")));
    assert_eq!(Receipt::of_call("f", &[], &wasm, b"", &config, &result), None);

    let mut forged = Receipt::of_call("f", &[], &wasm, b"", &Config::default(), &result).unwrap();
    forged.config = config;
    let asked = server.asked().len();
    assert_eq!(forged.verify(&wasm, b""), Err(ReceiptError::NeedsTranscript));
    assert_eq!(server.asked().len(), asked);
}

#[cfg(all(feature = "isolate", unix))]
#[test]
fn isolated_runs_ask_nobody() {
    let Err(Error::Config(error)) = belljar::isolate::Isolation::new(open()) else { panic!("made") };
    assert_eq!(error.key, "http.allow");
}
