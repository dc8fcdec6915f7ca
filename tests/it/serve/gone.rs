//! Clients that send nothing more, and clients that are gone.

use std::{thread::sleep, time::Duration};

use super::{acts, client::Client};

/// Whoever has said that there is nothing more to come still has its answer, after a short run and a long one, and
/// nothing else than the answer.
#[test]
fn a_client_that_sends_nothing_more_is_answered() {
    let served = acts(&["--fuel-limit", "20M", "-q"]);
    for (requests, statuses) in [
        ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", &[200][..]),
        ("GET /l HTTP/1.1\r\nhost: a\r\n\r\n", &[500]),
        ("GET /l HTTP/1.0\r\n\r\n", &[500]),
        ("HEAD /l HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[500]),
        ("POST /e HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc", &[200]),
        ("GET /p HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", &[200, 200]),
        ("GET /p HTTP/1.1\r\nhost: a\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\n\r\nGET /p", &[200, 200]),
    ] {
        let mut client = served.client();
        client.send(requests).half_close();
        for status in statuses {
            let answer = client.answer(requests.starts_with("HEAD")).unwrap();
            assert_eq!(answer.status, *status, "{requests}");
        }
        assert!(client.is_closed(), "{requests}");
    }
}

/// What a client sends behind its request, and how it goes.
type Goer = (&'static str, fn(Client));

const GOERS: &[Goer] = &[
    ("", drop),
    ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", drop),
    ("garbage", drop),
    ("\r\n\r\n", drop),
    ("", |mut client| {
        client.send(vec![b'a'; 1 << 20]);
    }),
    ("", |mut client| {
        client.half_close();
        sleep(Duration::from_millis(200));
    }),
    ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", |mut client| {
        client.half_close();
        sleep(Duration::from_millis(200));
    }),
];

/// A run ends when its client does, whatever has come behind the request.
#[test]
fn what_else_was_sent_keeps_no_run() {
    for isolated in [&[][..], &["--isolate"]] {
        let served = acts(&[&["--fuel-limit", "1T", "--jobs", "1", "-q"], isolated].concat());
        for (cancelled, (behind, go)) in GOERS.iter().enumerate() {
            let mut client = served.client();
            client.send(format!("GET /l HTTP/1.1\r\nhost: a\r\n\r\n{behind}"));
            served.until("belljar_runs_in_flight", 1.0);
            go(client);
            served.until("belljar_runs_in_flight", 0.0);
            served.until("belljar_requests_total{status=\"499\"}", cancelled as f64 + 1.0);
        }
        assert_eq!(served.get("/").status, 200);
        served.until("belljar_connections", 1.0);
    }
}
