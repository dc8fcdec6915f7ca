//! What clients may send, and how.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use super::{acts, client::Client};

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// Each is answered with a status and the end of the connection, and reaches no guest.
#[test]
fn what_is_no_request_is_refused() {
    let served = acts(&[]);
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "a: b\r\n".repeat(200));
    let large = format!("GET / HTTP/1.1\r\nhost: a\r\na: {}\r\n\r\n", "b".repeat(40 << 10));
    let endless = format!("GET / HTTP/1.1\r\nhost: a\r\na: {}", "b".repeat(4 << 20));
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(70_000));
    let requests = [
        ("garbage\r\n\r\n", 400),
        ("\x16\x03\x01\x02\0\x01\0\x01\u{7c}\x03\x03", 400),
        ("GET /\r\n\r\n", 400),
        ("GET / HTTP/3.0\r\nhost: a\r\n\r\n", 400),
        ("GET / /b HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nno header\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\na b: c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\na: \0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551615\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 999999999999999999999999999999\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1\r\n\r\na", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\na", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: br\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: user@a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a:b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a:65536\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a, b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: [::1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: [a]\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a%zz\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nhost: a b\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\nhost: a b\r\n\r\n", 400),
        ("GET http://user@a/ HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("GET a HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("GET a:80 HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n", 501),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (&many, 431),
        (&large, 431),
        (&endless, 431),
        (&long, 431),
    ];
    for (request, status) in requests {
        let mut client = served.client();
        client.send(request);
        let shown = &request[..request.len().min(80)];
        let answer = client.answer(false).unwrap_or_else(|| panic!("no answer to {shown:?}"));
        assert_eq!(answer.status, status, "{shown:?}");
        assert!(client.is_closed(), "{shown:?}");
    }
    served.until("belljar_connections", 1.0);
    let metrics = served.metrics();
    assert_eq!(metrics["belljar_requests_in_flight"], 0.0);
    assert!(!metrics.keys().any(|name| name.starts_with("belljar_runs_total")));
    for status in [400, 413, 431, 501, 505] {
        let expected = requests.iter().filter(|(_, s)| *s == status).count() as f64;
        assert_eq!(metrics[&format!("belljar_requests_total{{status=\"{status}\"}}")], expected, "{status}");
    }
}

/// What of a target and of `host` a guest is given, by what was sent.
#[test]
fn a_target_has_one_form() {
    let served = acts(&["--metrics-listen", "127.0.0.1:0"]);
    let long = "a".repeat(300);
    for (target, host, given, given_host) in [
        ("/e", "a", "/e", "a"),
        ("/e?b=http://c/", "a.example:8080", "/e?b=http://c/", "a.example:8080"),
        ("/e", "[::1]:80", "/e", "[::1]:80"),
        ("/e", "a:", "/e", "a:"),
        ("/e", "a%2Db_c~!", "/e", "a%2Db_c~!"),
        ("/e", &long, "/e", &long),
        ("//e", "", "//e", ""),
        ("http://b.example/e", "b.example", "/e", "b.example"),
        ("HTTP://b.example:81/e?f#", "a", "/e?f", "b.example:81"),
        ("https://b.example/e", "a", "/e", "b.example"),
    ] {
        let mut client = served.client();
        client.send(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        let answer = client.answer(false).unwrap();
        assert_eq!(answer.status, 200, "{target} {host}");
        if !target.starts_with("//") {
            let text = format!("GET {given} HTTP/1.1\nhost: {given_host}\ncontent-length: 0\n\n");
            assert_eq!(answer.text(), text, "{target} {host}");
        }
    }
    // The target says the host where there is no other, too; and there is a target that is no path.
    for (request, status) in [
        ("GET http://b.example/e HTTP/1.0\r\n\r\n", 200),
        ("GET http://b.example HTTP/1.1\r\nhost: a\r\n\r\n", 200),
        ("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", 200),
    ] {
        assert_eq!(served.client().send(request).answer(false).unwrap().status, status, "{request}");
    }
    // The metrics have the same rules.
    let at = served.address("metrics");
    for (request, status) in [
        ("GET http://b.example/healthz HTTP/1.1\r\nhost: a\r\n\r\n", 200),
        ("GET /healthz HTTP/1.1\r\nhost: a b\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET a HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n", 501),
        ("GET /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ] {
        assert_eq!(Client::new(at).send(request).answer(false).unwrap().status, status, "{request}");
    }
}

/// A length beside chunks is not looked at, and nothing else is read then (RFC 9112, section 6.1); the same length twice
/// is one.
#[test]
fn a_body_has_one_length() {
    let served = acts(&[]);
    let chunks = "3\r\nabc\r\n0\r\n\r\n";
    for (headers, body, is_closed) in [
        ("transfer-encoding: chunked\r\n", chunks, false),
        ("transfer-encoding: Chunked\r\n", chunks, false),
        ("transfer-encoding: chunked\r\ncontent-length: 5\r\n", chunks, true),
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n", chunks, true),
        ("content-length: 3\r\ncontent-length: 3\r\n", "abc", false),
        ("content-length: 3\r\nexpect: 100-continue\r\n", "abc", false),
    ] {
        let mut client = served.client();
        client.send(format!("POST /e HTTP/1.1\r\nhost: a\r\n{headers}\r\n{body}{GET}"));
        let answer = client.answer(false).map(|answer| match answer.status {
            100 => client.answer(false).unwrap(),
            _ => answer,
        });
        let answer = answer.unwrap();
        assert_eq!(answer.text(), "POST /e HTTP/1.1\nhost: a\ncontent-length: 3\n\nabc", "{headers}");
        assert_eq!(answer.find("connection") == Some("close"), is_closed, "{headers}");
        if is_closed {
            assert!(client.is_closed(), "{headers}");
        } else {
            assert_eq!(client.answer(false).unwrap().text(), "hello\n", "{headers}");
        }
    }
}

#[test]
fn connections_are_kept() {
    let served = acts(&[]);
    let mut client = served.client();
    for _ in 0..3 {
        assert_eq!(client.ask("GET", "/", "", b"").text(), "hello\n");
    }
    // A problem of the run is none of the connection.
    assert_eq!(client.ask("GET", "/t", "", b"").status, 500);
    let head = client.ask("HEAD", "/", "", b"");
    assert_eq!((head.status, head.header("content-length")), (200, "6"));
    // One after the other, whenever they were sent.
    client.send(GET.repeat(3)).send("GET /t HTTP/1.1\r\nhost: a\r\n\r\n").send(GET);
    let statuses = [0; 5].map(|_| client.answer(false).unwrap().status);
    assert_eq!(statuses, [200, 200, 200, 500, 200]);
    client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert_eq!(client.answer(false).unwrap().text(), "hello\n");
    assert!(client.is_closed());

    let mut old = served.client();
    old.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(old.answer(false).unwrap().text(), "hello\n");
    assert!(old.is_closed());
    assert_eq!(served.metrics()["belljar_connections_total"], 3.0);
}

#[test]
fn bodies_have_a_limit() {
    let served = acts(&["--max-body", "1KiB"]);
    let (fits, too_large) = ([b'a'; 1024], [b'a'; 1025]);
    assert_eq!(served.post("/", fits).status, 200);
    assert_eq!(served.post("/", too_large).problem().0, 413);
    // What is on its way all the same is taken and let go: a reset would take the answer from some clients.
    let mut client = served.client();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3000000\r\n\r\n");
    assert_eq!(client.answer(false).unwrap().status, 413);
    client.stream.write_all(&[b'a'; 3_000_000]).unwrap();
    assert!(client.half_close().is_closed());
    // A client that waits for leave is given none, and the connection is of no use to anybody.
    let mut client = served.client();
    client.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1025\r\n\r\n");
    assert_eq!(client.answer(false).unwrap().problem().0, 413);
    assert!(client.is_closed());
    let mut client = served.client();
    client.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n");
    assert_eq!(client.answer(false).unwrap().status, 100);
    assert_eq!(client.send("a").answer(false).unwrap().status, 200);
    // The size of one in chunks is known when it has come; what is sent beyond it takes no answer away.
    for count in [16, 4_096] {
        let mut client = served.client();
        client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = format!("40\r\n{}\r\n", "a".repeat(64));
        client.send(chunk.repeat(count)).send("0\r\n\r\n");
        assert_eq!(client.answer(false).unwrap().status, if count == 16 { 200 } else { 413 });
    }
    assert_eq!(served.metrics()["belljar_received_bytes_total"], 2049.0);
}

#[test]
fn slow_clients_are_left() {
    let served = acts(&["--header-timeout", "200ms", "--body-timeout", "200ms"]);
    // Half a head, none at all, half a body.
    let mut client = served.client();
    client.send("GET / HTTP/1.1\r\nhost");
    assert_eq!(client.answer(false).unwrap().status, 408);
    assert!(client.is_closed());
    assert!(served.client().is_closed());
    let mut client = served.client();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
    assert_eq!(client.answer(false).unwrap().problem().0, 408);
    assert!(client.is_closed());
    // A connection that is kept has as long for the next head.
    let mut client = served.client();
    assert_eq!(client.ask("GET", "/", "", b"").status, 200);
    assert!(client.is_closed());
    // A byte now and then is no reason to wait for longer.
    let (mut client, started) = (served.client(), Instant::now());
    for byte in "GET / HTTP/1.1\r\nhost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".bytes() {
        client.send([byte]);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(started.elapsed() > Duration::from_millis(400));
    assert_eq!(client.answer(false).unwrap().status, 408);
    served.until("belljar_connections", 1.0);
    assert_eq!(served.metrics()["belljar_requests_total{status=\"408\"}"], 3.0);
}

/// Whoever takes no answers is left, too.
#[test]
fn answers_that_nobody_takes_are_let_go() {
    let served = acts(&["--body-timeout", "300ms"]);
    let mut client = served.client();
    let request = "GET /b HTTP/1.1\r\nhost: a\r\n\r\n";
    client.send(request.repeat(100));
    served.until("belljar_connections", 1.0);
    // It was not all of them.
    let answers = std::iter::from_fn(|| client.answer(false)).count();
    assert!(answers < 100, "{answers}");
}

/// A request that ends too early reaches no guest.
#[test]
fn half_a_request_is_none() {
    let served = acts(&[]);
    for half in
        ["GET / HT", "GET / HTTP/1.1\r\nhost: a\r\n", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc"]
    {
        let mut client = served.client();
        client.send(half).half_close();
        let answer = client.answer(false);
        assert!(answer.is_none_or(|answer| answer.status == 400), "{half:?}");
        drop(client);
    }
    served.until("belljar_connections", 1.0);
    assert!(!served.metrics().keys().any(|name| name.starts_with("belljar_runs_total")));
}

#[test]
fn connections_beyond_the_limit_wait() {
    let served = acts(&["--max-connections", "2", "--header-timeout", "1h"]);
    let (one, mut two) = (served.client(), served.client());
    assert_eq!(two.ask("GET", "/", "", b"").status, 200);
    let mut three = served.client();
    three.send(GET).stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut byte = [0];
    assert!(three.stream.peek(&mut byte).is_err());
    drop(one);
    three.stream.set_read_timeout(Some(super::program::PATIENCE)).unwrap();
    assert_eq!(three.answer(false).unwrap().status, 200);
}
