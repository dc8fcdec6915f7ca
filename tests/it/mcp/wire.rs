//! HTTP as bytes over TCP.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStderr, Stdio},
};

use serde_json::Value;

use super::client::{PATIENCE, belljar};

/// A server that listens.
pub struct Server {
    pub child: Child,
    /// Where: an address and a port.
    pub at: String,
    _stderr: BufReader<ChildStderr>,
}

impl Server {
    pub fn start(args: &[&str]) -> Server {
        let mut command = belljar(args);
        command.args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let at = line.trim().strip_prefix("listening on http://").and_then(|at| at.strip_suffix("/mcp"));
        let at = at.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Server { child, at, _stderr: stderr }
    }

    /// Sends bytes as they are.
    pub fn send(&self, bytes: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(&self.at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may have been answered before all of it is sent.
        let _ = stream.write_all(bytes);
        Reply::read(stream)
    }

    /// A request for `/mcp`, with these headers beside the usual ones.
    pub fn ask(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut all = BTreeMap::from([
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            ("host", self.at.as_str()),
        ]);
        all.extend(headers.iter().copied());
        let headers: String = all.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        self.send(format!("{method} /mcp HTTP/1.1\r\n{headers}content-length: {length}\r\n\r\n{body}").as_bytes())
    }

    pub fn post(&self, headers: &[(&str, &str)], message: &Value) -> Reply {
        self.ask("POST", headers, &message.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer, whose body may be read as it comes.
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    stream: BufReader<TcpStream>,
    text: String,
    left: Option<usize>,
}

impl Reply {
    fn read(stream: TcpStream) -> Reply {
        let mut stream = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let first = line();
        let status = first.split(' ').nth(1).unwrap_or_else(|| panic!("{first:?}")).parse().unwrap();
        let mut headers = BTreeMap::new();
        while let Some((name, value)) = line().split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let left = headers.get("content-length").map(|size: &String| size.parse().unwrap());
        Reply { status, headers, stream, text: String::new(), left }
    }

    /// Whether more of the body has come.
    fn more(&mut self) -> bool {
        let size = match self.left.replace(0) {
            // Chunks.
            None => {
                self.left = None;
                let mut line = String::new();
                self.stream.read_line(&mut line).unwrap();
                usize::from_str_radix(line.trim(), 16).unwrap_or(0)
            }
            Some(left) => left,
        };
        let mut bytes = vec![0; size];
        self.stream.read_exact(&mut bytes).unwrap();
        self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        if self.left.is_none() {
            self.stream.read_line(&mut String::new()).unwrap();
        }
        size > 0
    }

    /// The whole body.
    pub fn body(mut self) -> String {
        while self.more() {}
        self.text
    }

    pub fn json(self) -> Value {
        let body = self.body();
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{body:?}: {error}"))
    }

    /// The next message of a stream; none at its end.
    pub fn event(&mut self) -> Option<Value> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n").map(|(e, r)| (e.to_owned(), r.to_owned())) {
                self.text = rest;
                let data: String = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                if !data.trim().is_empty() {
                    return Some(serde_json::from_str(data.trim()).unwrap());
                }
            }
            if !self.more() {
                return None;
            }
        }
    }

    /// All messages of a stream that ends.
    pub fn events(mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.event()).collect()
    }
}
