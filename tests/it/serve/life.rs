//! How it begins, how much it takes on, and how it ends.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use super::{Served, acts, client::Client};

const LOOP: &str = "GET /l HTTP/1.1\r\nhost: a\r\n\r\n";

/// A server with one loop under way that goes on until somebody ends it.
fn looping(args: &[&str]) -> (Served, Client) {
    let served = acts(&[&["--fuel-limit", "1T", "--jobs", "1"], args].concat());
    let mut client = served.client();
    client.send(LOOP);
    served.until("belljar_runs_in_flight", 1.0);
    (served, client)
}

#[test]
fn more_than_the_queue_holds_is_refused() {
    let (served, _looping) = looping(&["--queue", "2", "--timeout", "3s"]);
    let mut waiting = [served.client(), served.client()];
    for client in &mut waiting {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    }
    served.until("belljar_queue_length", 2.0);
    for _ in 0..3 {
        let refused = served.get("/");
        assert_eq!((refused.problem(), refused.header("retry-after")), ((503, None), "1"));
    }
    // Those that wait are answered when it is their turn.
    assert_eq!(waiting.map(|mut client| client.answer(false).unwrap().status), [200; 2]);
    assert_eq!(served.metrics()["belljar_queue_length"], 0.0);
}

#[test]
fn no_queue_is_a_queue_too() {
    let (served, looping) = looping(&["--queue", "0"]);
    assert_eq!(served.get("/").status, 503);
    drop(looping);
    served.until("belljar_runs_in_flight", 0.0);
    assert_eq!(served.get("/").status, 200);
}

/// What has come is answered; nothing else comes.
#[test]
fn a_server_ends_when_all_is_answered() {
    for signal in ["TERM", "INT"] {
        let served = acts(&["--fuel-limit", "100M", "--jobs", "1", "--grace", "1h"]);
        let mut idle = served.client();
        assert_eq!(idle.ask("GET", "/", "", b"").status, 200);
        let (fresh, mut clients) = (served.client(), [served.client(), served.client()]);
        for client in &mut clients {
            client.send("GET /p HTTP/1.1\r\nhost: a\r\n\r\n");
        }
        served.until("belljar_requests_in_flight", 2.0);
        served.signal(signal);
        assert!(idle.is_closed());
        drop((idle, fresh));
        for client in &mut clients {
            let answer = client.answer(false).unwrap();
            assert_eq!((answer.status, answer.header("connection")), (200, "close"));
        }
        drop(clients);
        let at = served.at;
        assert_eq!(served.ended().0, Some(0), "{signal}");
        // Its address is free again.
        TcpListener::bind(at).unwrap();
    }
}

#[test]
fn grace_has_an_end() {
    for isolated in [&["--isolate"][..], &[]] {
        let (served, mut client) = looping(&[&["--grace", "100ms"], isolated].concat());
        let mut waiting = served.client();
        waiting.send(LOOP);
        served.until("belljar_queue_length", 1.0);
        let started = Instant::now();
        served.signal("TERM");
        assert_eq!(client.answer(false).unwrap().problem(), (503, Some("cancelled".into())));
        assert_eq!(waiting.answer(false).unwrap().problem(), (503, None));
        drop((client, waiting));
        assert_eq!(served.ended().0, Some(0));
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_second_signal_is_enough() {
    let (served, _client) = looping(&["--grace", "1h"]);
    served.signal("INT");
    served.wait(|| Client::is_refused(served.at).then_some(()));
    served.signal("INT");
    assert_eq!(served.ended().0, Some(130));
}

#[test]
fn what_cannot_be_served_is_told_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let acts = "fixtures/serve/acts.wat";
    for (module, args, status) in [
        (acts, &["--text", "--listen", &at][..], 2),
        (acts, &["--text", "--metrics-listen", &at], 2),
        (acts, &["--text", "--env", "A=B"], 2),
        (acts, &["--text", "--content-type", "text/html"], 2),
        (acts, &["--text", "--", "argument"], 2),
        (acts, &[], 3),
        ("fixtures/serve/none.wasm", &[], 2),
        ("fixtures/guests/adder.wasm", &[], 3),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_belljar"));
        command.args(["serve", "--no-config"]).arg(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(module));
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let output = command.args(args).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(status), 0), "{module} {args:?}");
        assert!(!output.stderr.is_empty());
    }
}
