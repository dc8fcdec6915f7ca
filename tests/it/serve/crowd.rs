//! A thousand clients at once, with hostile ones and hostile guests among them.

use std::{
    fs,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use super::{Served, acts, client::Client};

/// What a client does, and how many do; the status it has to be answered with, or none.
const CLIENTS: &[(&str, usize, &[u16])] = &[
    ("fine", 400, &[200]),
    ("echo", 120, &[200]),
    ("large answer", 40, &[200]),
    ("loop", 40, &[500]),
    ("trap", 40, &[500]),
    ("words", 40, &[500]),
    ("status", 30, &[500]),
    ("flood", 40, &[500]),
    ("hog", 40, &[500]),
    ("bad answer", 30, &[502]),
    ("garbage", 40, &[400]),
    ("huge head", 20, &[431]),
    ("huge body", 20, &[413]),
    ("slow head", 30, &[408]),
    ("slow body", 30, &[408]),
    ("half a body, then gone", 20, &[]),
    ("gone at once", 20, &[]),
];

#[test]
fn a_thousand_at_once() {
    let served = acts(&["--header-timeout", "8s", "--body-timeout", "8s", "--jobs", "2", "--fuel-limit", "300K", "-q"]);
    let total: usize = CLIENTS.iter().map(|(_, count, _)| count).sum();
    assert_eq!(total, 1_000);
    let descriptors = descriptors(&served);
    // What is kept for the next requests is there when it has had some.
    let crowds = [(); 3].map(|()| {
        let left = crowd(&served);
        served.wait(|| (self::descriptors(&served) == descriptors).then_some(()));
        left
    });
    println!("{crowds:#?}");
    let [_, second, third] = crowds.map(|left| left.memory_kib);
    assert!(third < second + (8 << 10), "KiB: {second}, then {third}");
    // Those who went at once may have been too early for a run.
    let gone = served.metrics().remove("belljar_runs_total{end=\"cancelled\"}").unwrap_or_default();
    for (end, clients) in [("done", 590), ("fuel", 40), ("trap", 40), ("failed", 40), ("output", 40), ("memory", 40)] {
        let runs = served.metrics()[&format!("belljar_runs_total{{end=\"{end}\"}}")];
        let (least, most) = (3 * clients, 3 * clients + if end == "done" { 60 - gone as u64 } else { 0 });
        assert!((least as f64..=most as f64).contains(&runs), "{end}: {runs}");
    }
    assert_eq!(served.get("/").text(), "hello\n");
    let lines = served.stop();
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

/// What is left when a crowd is gone.
#[derive(Debug)]
#[allow(dead_code, reason = "they are shown")]
struct Left {
    memory_kib: u64,
    took: Duration,
    /// From the first byte to the last of those who were fine.
    slowest_fine: Duration,
}

fn crowd(served: &Served) -> Left {
    let all: Vec<_> = CLIENTS.iter().flat_map(|(act, count, expected)| vec![(*act, *expected); *count]).collect();
    // Neighbours are not of one kind.
    let all: Vec<_> = (0..all.len()).map(|i| all[i * 387 % all.len()]).collect();
    let (together, started) = (Barrier::new(all.len()), Instant::now());
    let done: Vec<_> = thread::scope(|scope| {
        let client = |(act, expected)| {
            let together = &together;
            let thread = thread::Builder::new().stack_size(256 << 10);
            thread.spawn_scoped(scope, move || {
                let mut client = served.client();
                together.wait();
                let started = Instant::now();
                let answers = act_out(act, &mut client);
                (act, expected, answers, started.elapsed())
            })
        };
        let threads: Vec<_> = all.iter().map(|one| client(*one).unwrap()).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let took = started.elapsed();
    for (act, expected, answers, _) in &done {
        assert_eq!(answers, expected, "{act}");
    }
    for (gauge, value) in [
        ("belljar_connections", 1.0),
        ("belljar_requests_in_flight", 0.0),
        ("belljar_runs_in_flight", 0.0),
        ("belljar_queue_length", 0.0),
    ] {
        served.until(gauge, value);
    }
    let fine = done.iter().filter(|(act, ..)| *act == "fine").map(|(_, _, _, took)| *took);
    Left { memory_kib: memory_kib(served), took, slowest_fine: fine.max().unwrap() }
}

/// Does one thing; the statuses it was answered with.
fn act_out(act: &str, client: &mut Client) -> Vec<u16> {
    let path = match act {
        "echo" => "/e",
        "large answer" => "/b",
        "loop" => "/l",
        "trap" => "/t",
        "words" => "/w",
        "status" => "/s",
        "flood" => "/f",
        "hog" => "/g",
        "bad answer" | "half a body, then gone" | "slow body" => "/r",
        _ => "/",
    };
    let head = |length: usize| format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    let body = "word ".repeat(200);
    match act {
        "garbage" => client.send("\u{1}\u{2} garbage\r\n\r\n"),
        "huge head" => client.send(format!("GET / HTTP/1.1\r\nhost: a\r\na: {}\r\n\r\n", "b".repeat(100_000))),
        "huge body" => client.send(head(3 << 20)).send(vec![b'a'; 3 << 20]),
        "slow head" => client.send("GET / HTTP/1.1\r\nho"),
        "slow body" => client.send(head(100)).send("a"),
        "half a body, then gone" => {
            client.send(head(100)).send("half");
            return Vec::new();
        }
        "gone at once" => {
            client.send(head(0));
            return Vec::new();
        }
        "bad answer" => client.send(head(4)).send("none"),
        _ => client.send(head(body.len())).send(&body),
    };
    let answer = client.answer(false);
    let answer = answer.unwrap_or_else(|| panic!("{act}: lost"));
    match act {
        "fine" => assert_eq!(answer.text(), "hello\n"),
        "echo" => assert!(answer.text().ends_with(&body)),
        "large answer" => assert_eq!(answer.body.len(), 512 << 10),
        _ => {}
    }
    vec![answer.status]
}

#[cfg(target_os = "linux")]
fn descriptors(served: &Served) -> usize {
    fs::read_dir(format!("/proc/{}/fd", served.pid())).unwrap().count()
}

#[cfg(target_os = "linux")]
fn memory_kib(served: &Served) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", served.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(not(target_os = "linux"))]
fn descriptors(_: &Served) -> usize {
    0
}

#[cfg(not(target_os = "linux"))]
fn memory_kib(_: &Served) -> u64 {
    0
}
