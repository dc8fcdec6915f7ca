//! What guests are given, and what becomes of what they write.

use super::{Served, acts, client::Answer};

/// Status, type and body.
fn shown(answer: &Answer) -> (u16, &str, String) {
    (answer.status, answer.find("content-type").unwrap_or_default(), answer.text())
}

#[test]
fn a_guest_is_given_the_request_as_a_text() {
    let served = acts(&[]);
    let answer = served.client().ask(
        "PATCH",
        "/e/a%20b?x=1&y",
        "X-B: 2\r\nx-a:  1 \r\nX-B: 1\r\nconnection: keep-alive, x-c\r\nte: trailers\r\nexpect: 100-continue\r\n\
         keep-alive: 5\r\nproxy-authorization: secret\r\naccept: \u{fc}\r\n",
        b"b\n\nb",
    );
    // The server says that it wants the body.
    assert_eq!(answer.status, 100);

    let mut client = served.client();
    let answer = client.ask(
        "PATCH",
        "/e/a%20b?x=1&y",
        "X-B: 2\r\nx-a:  1 \r\nX-B: 1\r\nconnection: keep-alive, x-c\r\nte: trailers\r\nkeep-alive: 5\r\n\
         proxy-authorization: secret\r\n",
        b"b\n\nb",
    );
    let expected = "PATCH /e/a%20b?x=1&y HTTP/1.1\nhost: a\nx-a: 1\nx-b: 2\nx-b: 1\ncontent-length: 4\n\nb\n\nb";
    assert_eq!(shown(&answer), (200, "text/plain", expected.into()));
    // The same request has the same input, however it is sent, and so the same fuel.
    let chunked = "PATCH http://a/e/a%20b?x=1&y HTTP/1.1\r\nx-b: 2\r\nhost: a\r\nx-a: 1\r\nx-b: 1\r\n\
                   transfer-encoding: chunked\r\n\r\n1\r\nb\r\n3\r\n\n\nb\r\n0\r\n\r\n";
    let again = client.send(chunked).answer(false).unwrap();
    assert_eq!(again.body, answer.body);
    assert_eq!(again.header("belljar-fuel"), answer.header("belljar-fuel"));
    assert!(answer.header("belljar-fuel").parse::<u64>().unwrap() > 1_000);
}

#[test]
fn what_a_guest_writes_is_the_answer() {
    let served = acts(&[]);
    let post = |text: &str| served.post("/r", text);
    let answer =
        post("Status: 201 Made\r\nX-A: 1\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(shown(&answer), (201, "application/octet-stream", "abc".into()));
    let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
    assert_eq!((answer.header("x-a"), cookies.len()), ("1", 2));
    assert_eq!(shown(&post("\n")), (200, "", String::new()));
    assert_eq!(shown(&post("\n\n\n")), (200, "application/octet-stream", "\n\n".into()));
    assert_eq!(shown(&post("status: 404\n\n")), (404, "", String::new()));
    assert_eq!(shown(&post("status: 599 \n\n")), (599, "", String::new()));
    let there = post("location: /b\n\n");
    assert_eq!((there.status, there.header("location")), (302, "/b"));
    assert_eq!(post("location: /b\nstatus: 308\n\n").status, 308);
    assert_eq!(post("status: 204\n\n").status, 204);
    // What the server says of the run, no guest says.
    assert_ne!(post("belljar-fuel: 1\n\n").header("belljar-fuel"), "1");
    assert_eq!(served.post("/b", "").body, ".".repeat(512 << 10).into_bytes());
}

#[test]
fn what_is_no_answer_is_a_bad_gateway() {
    let served = acts(&[]);
    let many = "a: b\n".repeat(101) + "\n";
    let large = format!("a: {}\n\n", "b".repeat(65 << 10));
    for text in [
        "",
        "a",
        "a: b",
        "a: b\n",
        "a: b\r\n",
        "ab\n\n",
        ": b\n\n",
        "a b: c\n\n",
        " a: b\n\n",
        "a: b\n c: d\n\n",
        "a\u{e9}: b\n\n",
        "a: b\rset-cookie: c\n\n",
        "a: b\0\n\n",
        "a: \u{1b}[31m\n\n",
        "status: 200\nstatus: 200\n\n",
        "status:\n\n",
        "status: 100\n\n",
        "status: 101\n\n",
        "status: 199\n\n",
        "status: 600\n\n",
        "status: +200\n\n",
        "status: 0200\n\n",
        "status: 2e2\n\n",
        "status: OK\n\n",
        "content-type: a/b\ncontent-type: a/c\n\n",
        "location: /a\nlocation: /b\n\n",
        "content-length: 2\n\na",
        "content-length: 1\ncontent-length: 1\n\na",
        "status: 204\n\na",
        "status: 205\n\na",
        "status: 304\n\na",
        "connection: close\n\n",
        "Transfer-Encoding: chunked\n\n0\r\n\r\n",
        "upgrade: websocket\n\n",
        "trailer: a\n\n",
        "te: a\n\n",
        "keep-alive: a\n\n",
        "proxy-connection: a\n\n",
        &many,
        &large,
    ] {
        let answer = served.post("/r", text);
        assert_eq!(answer.problem(), (502, None), "{text:?}");
        assert_eq!(answer.part("fuel").to_string(), answer.part("fuel").as_u64().unwrap().to_string());
        for name in ["set-cookie", "a", "upgrade", "transfer-encoding"] {
            assert_eq!(answer.find(name), None, "{text:?}");
        }
    }
}

#[test]
fn requests_and_answers_can_be_documents() {
    let served = Served::new("fixtures/serve/json.wat", &["--text", "--exchange", "json"]);
    // Without a document to answer with, the guest fails, and what it was given are its words.
    let given = |answer: Answer| {
        assert_eq!(answer.problem(), (500, Some("failed".into())));
        let detail = answer.part("detail").as_str().unwrap().to_owned();
        detail.strip_prefix("the guest failed: ").unwrap().to_owned()
    };
    let headers = "x: 1\r\nx: 2\r\ncookie: a=1\r\ncookie: b=2\r\n";
    assert_eq!(
        given(served.client().ask("PUT", "/a/%7c?b=c", headers, b"text")),
        r#"{"method":"PUT","path":"/a/%7c","query":"b=c","headers":{"cookie":"a=1; b=2","host":"a","x":"1, 2"},"body":"text"}"#
    );
    assert_eq!(
        given(served.post("/?", b"\xff\xfe")),
        r#"{"method":"POST","path":"/","query":"","headers":{"host":"a"},"body_base64":"//4="}"#
    );
    assert_eq!(given(served.get("/")), r#"{"method":"GET","path":"/","query":null,"headers":{"host":"a"},"body":""}"#);

    let post = |text: &str| served.post("/", format!("|{text}|"));
    assert_eq!(shown(&post("{}")), (200, "", String::new()));
    let answer =
        post("{'status': 201, 'headers': {'x-a': '1', 'x-b': ['1', '2'], 'content-type': 'a/b'}, 'body': 'é'}");
    assert_eq!(shown(&answer), (201, "a/b", "é".into()));
    assert_eq!(answer.headers.iter().filter(|(name, _)| name.starts_with("x-")).count(), 3);
    for (base64, bytes) in
        [("", &b""[..]), ("/w==", b"\xff"), ("AP8=", b"\0\xff"), ("AP/+", b"\0\xff\xfe"), ("/w", b"\xff")]
    {
        assert_eq!(post(&format!("{{'body_base64': '{base64}'}}")).body, bytes, "{base64}");
    }
    for text in [
        "",
        "[]",
        "{}{}",
        "{'status': 99}",
        "{'status': 100}",
        "{'status': '200'}",
        "{'status': 70000}",
        "{'body': 1}",
        "{'body': 'a', 'body_base64': 'YQ=='}",
        "{'body_base64': '!'}",
        "{'body_base64': 'Y'}",
        "{'body_base64': 'YQ='}",
        "{'body_base64': 'YQ==='}",
        "{'headers': {'a': 1}}",
        "{'headers': {'a b': ''}}",
        "{'headers': {'connection': 'close'}}",
        "{'headers': {'a': '1\r\nb: 2'}}",
        "{'statsu': 200}",
    ] {
        let answer = post(text);
        assert_eq!(answer.problem(), (502, None), "{text:?}");
        assert_eq!(answer.find("b"), None);
    }
}

#[test]
fn bodies_can_be_all_there_is() {
    let served = Served::new("fixtures/guests/upper-c.wasm", &["--exchange", "body"]);
    assert_eq!(shown(&served.post("/any", "hello")), (200, "text/plain; charset=utf-8", "HELLO".into()));
    let answer = served.post("/", b"\xff");
    assert_eq!((answer.header("content-type"), &*answer.body), ("application/octet-stream", &b"\xff"[..]));
    assert_eq!(served.get("/").status, 200);
    let refused = served.client().ask("DELETE", "/", "", b"");
    assert_eq!((refused.problem().0, refused.header("allow")), (405, "GET, HEAD, POST"));

    let typed = "text/html; charset=utf-8";
    let served = Served::new("fixtures/guests/markdown.wasm", &["--exchange", "body", "--content-type", typed]);
    assert_eq!(shown(&served.post("/", "*hi*")), (200, typed, "<p><em>hi</em></p>\n".into()));
    let calc = Served::new("fixtures/guests/calc.wasm", &["--exchange", "body"]);
    assert_eq!(calc.post("/", r#"{"expr":"1 + 2 * (3 - 4)"}"#).body, br#"{"value":-1}"#);
    assert_eq!(calc.post("/", "nonsense").problem(), (500, Some("status".into())));
}

/// The example of the documentation.
#[test]
fn a_guest_can_greet() {
    let served = Served::new("fixtures/serve/greet.wat", &["--text"]);
    assert_eq!(shown(&served.get("/?Jane")), (200, "text/plain", "hello Jane".into()));
    assert_eq!(served.get("/a").text(), "hello ");
}

#[test]
fn programs_of_wasi_are_served_the_same_way() {
    for isolated in [&["--isolate"][..], &[]] {
        let served = Served::new("fixtures/serve/wasi.wat", &[&["--text"], isolated].concat());
        let expected = "POST /a HTTP/1.1\nhost: a\ncontent-length: 4\n\nbody";
        assert_eq!(shown(&served.post("/a", "body")), (202, "text/plain", expected.into()));
    }
}
