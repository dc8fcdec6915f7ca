//! How runs end, and what clients are told of it.

use super::acts;

#[test]
fn a_guest_that_is_stopped_is_a_problem() {
    let served = acts(&[]);
    for (path, stopped) in
        [("/l", "fuel"), ("/t", "trap"), ("/w", "failed"), ("/s", "status"), ("/f", "output"), ("/g", "memory")]
    {
        let answer = served.get(path);
        assert_eq!(answer.problem(), (500, Some(stopped.into())), "{path}");
        assert!(answer.part("fuel").as_u64().is_some_and(|fuel| fuel > 0), "{path}");
        assert_eq!(answer.part("title"), "Internal Server Error");
    }
    // All of it, but for what the next turn of its loop would have taken.
    assert!(served.get("/l").part("fuel").as_u64().is_some_and(|fuel| (2_999_900..=3_000_000).contains(&fuel)));
    // The words are the guest's, and harmless.
    assert_eq!(served.get("/w").part("detail"), r"the guest failed: in \u{1b}[31mred\u{1b}[0m");
    assert_eq!(served.get("/").text(), "hello\n");
}

#[test]
fn a_deadline_is_a_timeout_of_the_gateway() {
    for isolated in [&["--isolate"][..], &[]] {
        let served = acts(&[&["--timeout", "50ms", "--fuel-limit", "1T"], isolated].concat());
        assert_eq!(served.get("/l").problem(), (504, Some("deadline".into())));
        assert_eq!(served.get("/").status, 200);
    }
}

/// The run of a client that is gone goes no further.
#[test]
fn a_client_that_goes_takes_its_run_along() {
    for isolated in [&["--isolate"][..], &[]] {
        let served = acts(&[&["--fuel-limit", "1T", "--jobs", "1", "-v"], isolated].concat());
        let mut client = served.client();
        client.send("GET /l HTTP/1.1\r\nhost: a\r\n\r\n");
        served.until("belljar_runs_in_flight", 1.0);
        // Nor does one begin that has waited.
        let mut second = served.client();
        second.send("GET /l HTTP/1.1\r\nhost: a\r\n\r\n");
        served.until("belljar_queue_length", 1.0);
        drop(second);
        served.until("belljar_queue_length", 0.0);
        drop(client);
        served.until("belljar_runs_in_flight", 0.0);
        assert_eq!(served.get("/").status, 200);
        let metrics = served.metrics();
        assert_eq!(metrics["belljar_runs_total{end=\"cancelled\"}"], 1.0);
        assert_eq!(metrics["belljar_requests_total{status=\"499\"}"], 2.0);
        let lines = served.stop();
        assert_eq!(lines.iter().filter(|line| line.contains("GET /l 499 ")).count(), 2, "{lines:#?}");
    }
}

/// What a guest logs is for those who ask.
#[test]
fn logs_are_told_on_demand() {
    let served = acts(&["-v"]);
    served.get("/l");
    served.line(|line| line.ends_with("#1 info: on it"));
    let served = acts(&[]);
    served.get("/l");
    assert!(!served.stop().iter().any(|line| line.contains("on it")));
}
