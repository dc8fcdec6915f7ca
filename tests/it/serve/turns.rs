//! Whose turn it is to have a run. Where a machine has many addresses: Linux.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use tokio::{net::TcpSocket, runtime::Builder};

use super::{Served, acts, client::Client};

/// A client at another address of this machine.
fn client_at(address: Ipv4Addr, served: &Served) -> Client {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let connected = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((address, 0))).unwrap();
        socket.connect(served.at).await.unwrap().into_std().unwrap()
    });
    connected.set_nonblocking(false).unwrap();
    Client::of(connected)
}

/// How many runs of others end while a request waits for its answer, beside so many clients that send one loop after
/// another.
fn ends_beside(loops: u8, address: impl Fn(u8) -> Ipv4Addr + Sync, is_kept: bool) -> Vec<u64> {
    let served = acts(&["--jobs", "1", "--fuel-limit", "1M", "-q"]);
    let stop = AtomicBool::new(false);
    let loop_on = &|i: u8| {
        while !stop.load(Relaxed) {
            let mut client = client_at(address(i), &served);
            while !stop.load(Relaxed) {
                assert_eq!(client.ask("GET", "/l", "", b"").status, 500);
                if !is_kept {
                    break;
                }
            }
        }
    };
    thread::scope(|scope| {
        let _stopped = OnDrop(|| stop.store(true, Relaxed));
        for i in 0..loops {
            scope.spawn(move || loop_on(i));
        }
        let waiting = f64::from(loops) - 1.0;
        let ends = || served.metrics().remove("belljar_runs_total{end=\"fuel\"}").unwrap_or(0.0) as u64;
        let all = (0..10).map(|_| {
            served.wait(|| (served.metrics()["belljar_queue_length"] >= waiting).then_some(()));
            let mut client = client_at(address(loops), &served);
            let before = ends();
            assert_eq!(client.ask("GET", "/", "", b"").status, 200);
            ends() - before
        });
        all.collect()
    })
}

/// Does something even if a test fails: others wait for it.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A request is answered when the run has ended that there was, whatever else waits: beside many clients that loop, it
/// waits as long as beside two.
#[test]
fn a_request_waits_no_longer_beside_many_loops() {
    for loops in [2, 32] {
        let mut ends = ends_beside(loops, |i| Ipv4Addr::new(127, 0, 1, i + 1), false);
        ends.sort_unstable();
        // One more may end between the request and each of the two looks at the metrics.
        assert!(ends[9] <= 4 && ends[5] <= 2, "{loops} addresses: {ends:?}");
        let mut ends = ends_beside(loops, |_| Ipv4Addr::LOCALHOST, true);
        ends.sort_unstable();
        assert!(ends[9] <= 4 && ends[5] <= 2, "{loops} connections: {ends:?}");
    }
}

/// As many as wait for a run beyond those of one client are another's.
#[test]
fn a_full_queue_makes_room_for_another_client() {
    let served = acts(&["--jobs", "1", "--queue", "3", "--fuel-limit", "1T"]);
    let mut looping = served.client();
    looping.send("GET /l HTTP/1.1\r\nhost: a\r\n\r\n");
    served.until("belljar_runs_in_flight", 1.0);
    let mut waiting = [served.client(), served.client(), served.client()];
    for (client, length) in waiting.iter_mut().zip([1.0, 2.0, 3.0]) {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        served.until("belljar_queue_length", length);
    }
    assert_eq!(served.get("/").status, 503);
    let mut other = client_at(Ipv4Addr::new(127, 0, 0, 2), &served);
    other.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let [one, two, three] = &mut waiting;
    let displaced = three.answer(false).unwrap();
    assert_eq!((displaced.problem(), displaced.header("retry-after")), ((429, None), "1"));
    drop(looping);
    for client in [one, two, &mut other] {
        assert_eq!(client.answer(false).unwrap().status, 200);
    }
}

/// Its own runs do not take the places of others, if it may not.
#[test]
fn a_client_has_so_many_runs_at_a_time() {
    let served = acts(&["--jobs", "3", "--per-client", "2", "--fuel-limit", "1T"]);
    let mut loops = [served.client(), served.client(), served.client()];
    for client in &mut loops {
        client.send("GET /l HTTP/1.1\r\nhost: a\r\n\r\n");
    }
    served.until("belljar_queue_length", 1.0);
    assert_eq!(served.metrics()["belljar_runs_in_flight"], 2.0);
    assert_eq!(client_at(Ipv4Addr::new(127, 0, 0, 2), &served).ask("GET", "/", "", b"").status, 200);
    let [first, ..] = loops;
    drop(first);
    served.until("belljar_queue_length", 0.0);
    assert_eq!(served.metrics()["belljar_runs_in_flight"], 2.0);
}

/// Short runs are made where requests are read, and long ones elsewhere: it makes no difference to anybody.
#[test]
fn where_a_run_is_made_changes_nothing() {
    let served = acts(&["--fuel-limit", "1M"]);
    let mut client = served.client();
    let mut ask = |path| {
        let answer = client.ask("GET", path, "", b"");
        (answer.status, answer.body.len(), answer.find("belljar-fuel").map(str::to_string))
    };
    let paths = ["/", "/e", "/b", "/t", "/f", "/w", "/s", "/g", "/l"];
    let first = paths.map(&mut ask);
    for _ in 0..40 {
        assert_eq!(ask("/"), first[0]);
    }
    // By now runs are known to be short; each long one changes that again.
    for (path, first) in paths.iter().zip(first) {
        assert_eq!(ask(path), first, "{path}");
        for _ in 0..40 {
            ask("/");
        }
    }
}
