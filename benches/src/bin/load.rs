//! A load for `belljar serve`: so many requests on so many connections that are kept, one after another on each.
//!
//!   load ADDRESS CONNECTIONS REQUESTS
//!
//! Each is a `POST /e` with a small body, whose answer has to be a 200. It uses nothing but std: serve.sh compiles it by
//! itself.

use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    thread,
};

const REQUEST: &[u8] = b"POST /e?name=value HTTP/1.1\r\nhost: localhost\r\nuser-agent: load\r\naccept: */*\r\n\
    content-type: text/plain\r\ncontent-length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz";

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [address, connections, requests] = &args[..] else { panic!("load ADDRESS CONNECTIONS REQUESTS") };
    let connections: usize = connections.parse().expect("a number of connections");
    let each = requests.parse::<usize>().expect("a number of requests") / connections;
    thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(address).expect("a server");
                stream.set_nodelay(true).expect("a socket");
                let mut answer = vec![0; 64 << 10];
                for _ in 0..each {
                    stream.write_all(REQUEST).expect("a server that reads");
                    receive(&mut stream, &mut answer);
                }
            });
        }
    });
}

/// Reads one answer as a whole.
fn receive(stream: &mut TcpStream, answer: &mut [u8]) {
    let mut have = 0;
    loop {
        let count = stream.read(&mut answer[have..]).expect("a server that writes");
        assert!(count > 0, "the server has closed the connection");
        have += count;
        let text = String::from_utf8_lossy(&answer[..have]);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        if body.len() == length.parse::<usize>().expect("a number") {
            return;
        }
    }
}
