//! What it tells of itself: metrics and the access log.

use std::time::Duration;

use super::{Served, acts, client::Client, program};

#[test]
fn metrics_count_what_is_done() {
    let served = acts(&[]);
    let mut fuel = 0;
    for (path, times) in [("/", 3), ("/l", 2), ("/t", 1), ("/e", 1)] {
        for _ in 0..times {
            let answer = served.client().ask("POST", path, "", b"12345");
            fuel += match answer.find("belljar-fuel") {
                Some(fuel) => fuel.parse::<u64>().unwrap(),
                None => answer.part("fuel").as_u64().unwrap(),
            };
        }
    }
    assert_eq!(served.post("/r", "").status, 502);
    served.client().send("garbage\r\n\r\n").all();
    served.until("belljar_connections", 1.0);
    let metrics = served.metrics();
    let sha256 = metrics.keys().find(|name| name.starts_with("belljar_info{")).unwrap();
    assert!(sha256.split("sha256=\"").nth(1).unwrap().find('"') == Some(64));
    for (name, value) in [
        ("belljar_requests_total{status=\"200\"}", 4.0),
        ("belljar_requests_total{status=\"400\"}", 1.0),
        ("belljar_requests_total{status=\"500\"}", 3.0),
        ("belljar_requests_total{status=\"502\"}", 1.0),
        ("belljar_runs_total{end=\"done\"}", 5.0),
        ("belljar_runs_total{end=\"fuel\"}", 2.0),
        ("belljar_runs_total{end=\"trap\"}", 1.0),
        ("belljar_received_bytes_total", 35.0),
        ("belljar_requests_in_flight", 0.0),
        ("belljar_runs_in_flight", 0.0),
        ("belljar_queue_length", 0.0),
        ("belljar_log_lines_lost_total", 0.0),
        ("belljar_request_seconds_count", 9.0),
        ("belljar_request_seconds_bucket{le=\"+Inf\"}", 9.0),
        ("belljar_run_seconds_count", 8.0),
    ] {
        assert_eq!(metrics.get(name), Some(&value), "{name}");
    }
    // The one run that is not told of in its answer has little.
    let rest = metrics["belljar_fuel_total"] - fuel as f64;
    assert!(rest > 0.0 && rest < 100_000.0, "{rest}");
    assert!(metrics["belljar_run_seconds_sum"] > 0.0);
    let buckets: Vec<_> = metrics.iter().filter(|(name, _)| name.starts_with("belljar_run_seconds_bucket")).collect();
    assert!(buckets.len() > 10 && buckets.iter().all(|(_, count)| **count <= 8.0));
}

#[test]
fn metrics_have_a_place() {
    let get = |at, path: &str| Client::new(at).ask("GET", path, "", b"");
    let usual = acts(&[]);
    assert_eq!(usual.post("/metrics", "").problem().0, 405);
    assert_eq!(usual.get("/healthz").text(), "hello\n");
    let head = usual.client().ask("HEAD", "/metrics", "", b"");
    assert_eq!((head.status, head.body.len()), (200, 0));

    let apart = acts(&["--metrics-listen", "127.0.0.1:0"]);
    let at = apart.address("metrics");
    assert_eq!(apart.get("/metrics").text(), "hello\n");
    assert_eq!(program::metrics(&get(at, "/metrics"))["belljar_requests_total{status=\"200\"}"], 1.0);
    assert_eq!(get(at, "/healthz").text(), "ok\n");
    assert_eq!(get(at, "/").problem().0, 404);

    let elsewhere = acts(&["--metrics-path", "/-/figures"]);
    assert_eq!(elsewhere.get("/metrics").text(), "hello\n");
    assert_eq!(program::metrics(&elsewhere.get("/-/figures?x"))["belljar_requests_total{status=\"200\"}"], 1.0);
    assert_eq!(acts(&["--no-metrics"]).get("/metrics").text(), "hello\n");
}

#[test]
fn requests_are_logged() {
    let ask = |served: &Served| {
        served.post("/e?a=%1b", "12345");
        served.get("/t");
        served.client().send("garbage\r\n\r\n").all();
    };
    let served = acts(&[]);
    ask(&served);
    let lines = served.stop();
    let words = |line: &str| -> Vec<String> { line.split(' ').map(Into::into).collect() };
    let [echo, trap, garbage] = &lines[1..] else { panic!("{lines:#?}") };
    let echo = words(echo);
    assert_eq!(echo[1..2], ["#1"]);
    assert_eq!(echo[3..7], ["POST", "/e?a=%1b", "200", "bytes=55"]);
    assert!(echo[7].starts_with("ms=") && echo[8].starts_with("fuel=") && echo[9..] == ["end=done"]);
    assert!(belljar_time(&echo[0]), "{}", echo[0]);
    assert!(echo[2].starts_with("127.0.0.1:"));
    assert!(trap.contains(" #2 ") && trap.contains(" GET /t 500 bytes=") && trap.ends_with(" end=trap"));
    assert!(garbage.contains(" #3 ") && garbage.contains(" - - 400 bytes=0 ms="));

    let served = acts(&["--log-format", "json", "-v"]);
    ask(&served);
    served.get("/l");
    let lines = served.stop();
    let documents: Vec<serde_json::Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(documents[0]["listening"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let echo = &documents[1];
    for (key, value) in [("request", 1), ("status", 200), ("received_bytes", 5), ("sent_bytes", 55)] {
        assert_eq!(echo[key], value, "{key}");
    }
    for (key, value) in [("method", "POST"), ("path", "/e?a=%1b"), ("end", "done")] {
        assert_eq!(echo[key], value, "{key}");
    }
    assert!(echo["fuel"].as_u64().unwrap() > 0 && echo["ms"].as_f64().unwrap() > 0.0);
    assert!(belljar_time(echo["time"].as_str().unwrap()) && echo["client"].as_str().unwrap().starts_with("127."));
    assert_eq!((&documents[3]["path"], &documents[3]["status"]), (&serde_json::Value::Null, &400.into()));
    assert_eq!((&documents[4]["level"], &documents[4]["text"]), (&"info".into(), &"on it".into()));

    let served = acts(&["-q"]);
    // Where it is quiet, there is one line that says where it is.
    ask(&served);
    assert_eq!(served.stop().len(), 1);
}

/// Whether it is a time of this century, to the millisecond.
fn belljar_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z" && text.starts_with("20")
}

/// Nobody who reads stderr too slowly, or not at all, holds requests up.
#[test]
fn a_log_that_nobody_reads_is_lost() {
    let served = Served::unread("fixtures/serve/acts.wat", &["--text"]);
    let mut client = served.client();
    client.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let path = format!("/?{}", "a".repeat(4_000));
    let lost = (0..100).find(|_| {
        client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").repeat(100));
        (0..100).for_each(|_| assert_eq!(client.answer(false).unwrap().status, 200));
        program::metrics(&client.ask("GET", "/metrics", "", b""))["belljar_log_lines_lost_total"] > 0.0
    });
    assert!(lost.is_some());
}

/// Where a run stopped is logged with the number of its request; the answer is the one without it.
#[test]
fn stops_are_explained_in_the_log() {
    let (usual, explained, json) = (acts(&[]), acts(&["--explain"]), acts(&["--explain", "--log-format", "json"]));
    let answers = [&usual, &explained, &json].map(|served| served.post("/t", "12345"));
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (500, &answers[0].body));
    }
    let is_trap = |line: &str| line.ends_with("unreachable") || line.ends_with("unreachable\"}");
    assert!(explained.line(is_trap).contains(" #1 "));
    let line: serde_json::Value = serde_json::from_str(&json.line(is_trap)).unwrap();
    assert_eq!(line["request"], 1);
    assert!(usual.lines().iter().all(|line| !is_trap(line)), "{:?}", usual.lines());
}
