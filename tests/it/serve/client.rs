//! A client that says whatever it is told to, byte for byte.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Instant,
};

use super::program::PATIENCE;

/// A connection.
pub struct Client {
    pub stream: TcpStream,
    /// What has come and was no part of an answer yet.
    rest: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(at: SocketAddr) -> Client {
        let started = Instant::now();
        let stream = loop {
            match TcpStream::connect(at) {
                Ok(stream) => break stream,
                Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
            }
        };
        Client::of(stream)
    }

    /// A client that is connected.
    pub fn of(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream, rest: Vec::new() }
    }

    /// Whether nobody listens there.
    pub fn is_refused(at: SocketAddr) -> bool {
        TcpStream::connect(at).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    }

    /// Sends bytes; a server that has closed the connection is no fault.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// Sends a request, and waits for its answer.
    pub fn ask(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n{headers}\r\n");
        self.send(head).send(body);
        self.answer(method == "HEAD").unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// The next answer, without a body where it was asked for none; `None` if the connection is closed first.
    pub fn answer(&mut self, is_head: bool) -> Option<Answer> {
        let end = self.until(|bytes| bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4))?;
        let head = String::from_utf8(self.rest.drain(..end).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().strip_prefix("HTTP/1.").unwrap()[2..5].parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into()));
        let mut answer = Answer { status, headers: headers.collect(), body: Vec::new() };
        let length = answer.find("content-length").map_or(0, |length| length.parse().unwrap());
        if !is_head && status != 100 {
            self.until(|bytes| (bytes.len() >= length).then_some(()))?;
            answer.body = self.rest.drain(..length).collect();
        }
        Some(answer)
    }

    /// All that comes until the connection is closed.
    pub fn all(&mut self) -> String {
        self.until(|_| None::<()>);
        String::from_utf8(std::mem::take(&mut self.rest)).unwrap()
    }

    /// Whether the connection is closed, and nothing comes before that.
    pub fn is_closed(&mut self) -> bool {
        self.all().is_empty()
    }

    pub fn half_close(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).unwrap();
        self
    }

    /// Reads until there is something in what has come; `None` if the connection is closed first.
    fn until<T>(&mut self, there: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = there(&self.rest) {
                return Some(found);
            }
            let mut more = [0; 16 << 10];
            match self.stream.read(&mut more) {
                Ok(0) => return None,
                Ok(count) => self.rest.extend(&more[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("nothing comes for too long"),
                Err(_) => return None,
            }
        }
    }
}

impl Answer {
    pub fn find(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| &**value)
    }

    pub fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("no `{name}`: {self:?}"))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The document of a problem: its status, and the kind of stop.
    pub fn problem(&self) -> (u16, Option<String>) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let document: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(document["status"], self.status);
        assert!(document["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        assert!(!document["title"].as_str().unwrap().is_empty());
        (self.status, document["stopped"].as_str().map(Into::into))
    }

    /// A part of the document of a problem.
    pub fn part(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice::<serde_json::Value>(&self.body).unwrap()[name].clone()
    }
}
