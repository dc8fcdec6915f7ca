//! Servers that answer badly, slowly and without end.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use belljar::abi::http::Failure;

use super::{Server, fails, get, granted, open_for, run, sent};

#[test]
fn servers_that_answer_badly_are_told_by_numbers() {
    let huge = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(70_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(129));
    let status = "HTTP/1.1 200 OK\r\n";
    for (answer, failure) in [
        (String::new(), Failure::Response),
        ("hello".into(), Failure::Response),
        ("HTTP/1.1 20x OK\r\n\r\n".into(), Failure::Response),
        ("HTTP/1.1 200 OK\r\nx: y".into(), Failure::Response),
        ("HTTP/1.1 200 OK\r\nx y\r\n\r\n".into(), Failure::Response),
        (format!("{status}content-length: 6\r\n\r\nhello"), Failure::Response),
        (format!("{status}content-length: -1\r\n\r\nhello"), Failure::Response),
        (format!("{status}content-length: 99999999999999999999\r\n\r\nhello"), Failure::Response),
        (format!("{status}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"), Failure::Response),
        (format!("{status}transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"), Failure::Response),
        (format!("{status}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nhello"), Failure::Response),
        (huge, Failure::ResponseTooLarge),
        (many, Failure::Response),
    ] {
        let server = Server::saying(answer.as_str());
        let url = server.url("/");
        assert_eq!(sent(open_for(&[&server]), get(&url)), (failure as i32, String::new()), "{answer:.100}");
    }
    // Nobody there; and nobody who speaks TLS.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = |scheme: &str, port: u16| {
        let rule = granted(&format!("{scheme}://127.0.0.1:{port}"));
        rule.with_http_private_addresses(true).with_http_timeout_ms(5_000)
    };
    fails(at("http", gone.port()), get(&format!("http://{gone}/")), Failure::Connect);
    let server = Server::saying("HTTP/1.1 400 Bad Request\r\n\r\n");
    fails(at("https", server.at.port()), get(&format!("https://{}/", server.at)), Failure::Tls);
}

/// Whatever a server sends, no more than the limit is read of it.
#[test]
fn answers_without_end_are_cut_off() {
    let long = format!("x: {}\r\n", "y".repeat(1_000));
    let endless = |head: &'static str, piece: &[u8]| {
        let piece = piece.to_vec();
        Server::new(move |_, stream| {
            drop(stream.write_all(head.as_bytes()));
            while stream.write_all(&piece).is_ok() {}
        })
    };
    let limited = |server: &Server| {
        let mut config = open_for(&[server]);
        config.http.response_bytes = 10_000;
        config
    };
    for server in [
        endless("HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 4096]),
        endless("HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n", &[b'x'; 4096]),
        endless("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"5\r\nhello\r\n"),
        endless("HTTP/1.1 200 OK\r\n", long.as_bytes()),
        endless("HTTP/1.1 200 OK\r\nx: ", &[b'x'; 4096]),
    ] {
        fails(limited(&server), get(&server.url("/")), Failure::ResponseTooLarge);
    }
    // At the limit, and one past it.
    for (len, expected) in [(10_000, 200), (10_001, Failure::ResponseTooLarge as i32)] {
        let body = "x".repeat(len);
        let server = Server::saying(format!("HTTP/1.1 200 OK\r\ncontent-length: {len}\r\n\r\n{body}"));
        assert_eq!(sent(limited(&server), get(&server.url("/"))).0, expected);
    }
    // What is packed stays packed, whatever it would become.
    let packed = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    let head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 10\r\n\r\n".to_vec();
    let server = Server::saying([head, packed.clone()].concat());
    let outcome = run(open_for(&[&server]), get(&server.url("/"))).unwrap();
    assert!(outcome.output.ends_with(&packed), "{outcome:?}");
    assert!(!server.asked()[0].contains("accept-encoding"));
}

#[test]
fn slow_servers_are_left_in_time() {
    let slow = |head: &'static str, piece: &'static str| {
        Server::new(move |_, stream: &mut TcpStream| {
            drop(stream.write_all(head.as_bytes()));
            for _ in 0..100 {
                thread::sleep(Duration::from_millis(50));
                if stream.write_all(piece.as_bytes()).is_err() {
                    return;
                }
            }
        })
    };
    for server in [
        slow("", ""),
        slow("HTTP/1.1 200 OK\r\n", "x"),
        slow("", "HTTP/1.1 100 Continue\r\n\r\n"),
        slow("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", "x"),
        slow("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ] {
        let begun = Instant::now();
        fails(open_for(&[&server]).with_http_timeout_ms(300), get(&server.url("/")), Failure::Timeout);
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(290) && took < Duration::from_secs(3), "{took:?}");
    }
}
