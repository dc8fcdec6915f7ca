//! Messages of the Debug Adapter Protocol: JSON behind a header with its length.

use std::io::{BufRead, Read, Write};

use serde_json::{Value, json};

use super::member;
use crate::{
    failure::{Failure, io_message},
    show,
};

/// The longest message that is read. Those of clients have some hundred bytes, and lists of breakpoints a few thousand.
const MAX_BYTES: u64 = 1 << 20;

/// The longest header.
const MAX_HEADER_BYTES: u64 = 4 << 10;

/// A client.
#[derive(Debug)]
pub struct Client<R, W> {
    from: R,
    to: W,
    /// The number of the last message that was sent.
    seq: u64,
}

/// A request.
#[derive(Debug, PartialEq)]
pub struct Request {
    pub seq: u64,
    pub command: String,
    /// Its arguments, or null.
    pub arguments: Value,
}

/// Message that has been read.
#[derive(Debug, PartialEq)]
enum Message {
    Request(Request),
    /// Number of a message that is no request, if it has one, and the reason.
    Bad(Option<u64>, String),
    End,
}

impl<R: BufRead, W: Write> Client<R, W> {
    /// Returns the client at the other end of a reader and a writer.
    pub fn new(from: R, to: W) -> Self {
        Client { from, to, seq: 0 }
    }

    /// Returns the next request; `None` if the client has closed its end. What is none is answered.
    pub fn next(&mut self) -> Result<Option<Request>, Failure> {
        loop {
            match self.read()? {
                Message::Request(request) => return Ok(Some(request)),
                Message::End => return Ok(None),
                Message::Bad(Some(seq), message) => {
                    let request = Request { seq, command: String::new(), arguments: Value::Null };
                    self.respond(&request, Err(message))?;
                }
                // Without a number there is nothing that could be answered.
                Message::Bad(None, message) => {
                    let output = format!("error: {message}\n");
                    self.event("output", json!({ "category": "stderr", "output": output }))?;
                }
            }
        }
    }

    /// Sends the response to a request.
    pub fn respond(&mut self, request: &Request, reply: Result<Value, String>) -> Result<(), Failure> {
        let mut message = json!({
            "type": "response",
            "request_seq": request.seq,
            "command": request.command,
            "success": reply.is_ok(),
        });
        match reply {
            Ok(Value::Null) => {}
            Ok(body) => member::set(&mut message, "body", body),
            Err(text) => {
                // The format of the error has variables in braces.
                let format = text.replace('{', "(").replace('}', ")");
                member::set(&mut message, "body", json!({ "error": { "id": 1, "format": format, "showUser": true } }));
                member::set(&mut message, "message", Value::String(text));
            }
        }
        self.send(message)
    }

    /// Sends an event.
    pub fn event(&mut self, event: &str, body: Value) -> Result<(), Failure> {
        let mut message = json!({ "type": "event", "event": event });
        if !body.is_null() {
            member::set(&mut message, "body", body);
        }
        self.send(message)
    }

    fn send(&mut self, mut message: Value) -> Result<(), Failure> {
        self.seq += 1;
        member::set(&mut message, "seq", self.seq);
        let text = message.to_string();
        let written = write!(self.to, "Content-Length: {}\r\n\r\n{text}", text.len()).and_then(|()| self.to.flush());
        written.map_err(|error| Failure::stdout(&error))
    }

    fn read(&mut self) -> Result<Message, Failure> {
        let Some(length) = self.header()? else { return Ok(Message::End) };
        let io = |error: std::io::Error| Failure::io("stdin", io_message(&error));
        if length > MAX_BYTES {
            std::io::copy(&mut (&mut self.from).take(length), &mut std::io::sink()).map_err(io)?;
            return Ok(Message::Bad(None, format!("a message of more than {MAX_BYTES} bytes is not read")));
        }
        let mut text = Vec::new();
        (&mut self.from).take(length).read_to_end(&mut text).map_err(io)?;
        Ok(if (text.len() as u64) < length { Message::End } else { parse(&text) })
    }

    /// Reads the lines before a message; returns its length.
    fn header(&mut self) -> Result<Option<u64>, Failure> {
        let mut from = (&mut self.from).take(MAX_HEADER_BYTES);
        let mut length = None;
        let mut is_empty = true;
        loop {
            let mut line = Vec::new();
            let read = from.read_until(b'\n', &mut line);
            read.map_err(|error| Failure::io("stdin", io_message(&error)))?;
            if line.last() != Some(&b'\n') {
                return match from.limit() {
                    0 => Err(broken("a header of too many bytes")),
                    // The client has gone, perhaps within a header.
                    _ if is_empty && line.is_empty() => Ok(None),
                    _ => Err(broken("the end of stdin within a header")),
                };
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            if text.is_empty() {
                return length.map(Some).ok_or_else(|| broken("a header without Content-Length"));
            }
            is_empty = false;
            let (name, value) = text.split_once(':').ok_or_else(|| broken(&format!("`{}`", show::name(text))))?;
            if name.eq_ignore_ascii_case("content-length") {
                let value = value.trim();
                let number = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten();
                length = Some(number.ok_or_else(|| broken(&format!("length `{}`", show::name(value))))?);
            }
        }
    }
}

/// Returns the failure for what cannot be skipped.
fn broken(what: &str) -> Failure {
    Failure::io("stdin", format!("expected a message of the Debug Adapter Protocol, found {what}"))
        .with_hint("an editor starts `belljar debug --dap`; without `--dap` it reads commands")
}

fn parse(text: &[u8]) -> Message {
    let mut message: Value = match serde_json::from_slice(text) {
        Ok(message) => message,
        Err(error) => return Message::Bad(None, format!("invalid JSON: {error}")),
    };
    let seq = message.get("seq").and_then(Value::as_u64);
    let text = |key| message.get(key).and_then(Value::as_str);
    match (text("type"), text("command"), seq) {
        (Some("request"), Some(command), Some(seq)) => {
            let command = command.into();
            let arguments = message.get_mut("arguments").map(Value::take).unwrap_or_default();
            Message::Request(Request { seq, command, arguments })
        }
        _ => Message::Bad(seq, "expected a request, with `seq`, `type` and `command`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads some bytes; returns the requests, whether what is no message ended them, and what was sent.
    fn read(bytes: &[u8]) -> (Vec<String>, bool, String) {
        let mut sent = Vec::new();
        let mut client = Client::new(bytes, &mut sent);
        let mut commands = Vec::new();
        let is_broken = loop {
            match client.next() {
                Ok(Some(request)) => commands.push(request.command),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        (commands, is_broken, String::from_utf8(sent).unwrap())
    }

    fn framed(text: &str) -> Vec<u8> {
        format!("Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
    }

    #[test]
    fn requests_are_read_one_after_the_other() {
        let next = framed(r#"{"seq":1,"type":"request","command":"next","arguments":{"threadId":1}}"#);
        let other = [
            b"X-Other: a\r\ncontent-length:50\n\n".as_slice(),
            &[b' '; 7],
            br#"{"seq":2,"type":"request","command":"back"}"#,
        ];
        let (commands, is_broken, sent) = read(&[next.as_slice(), &other.concat()].concat());
        assert_eq!((commands, is_broken, sent), (vec!["next".into(), "back".into()], false, String::new()));
    }

    #[test]
    fn what_is_no_request_is_answered_and_the_next_one_read() {
        let last = framed(r#"{"seq":9,"type":"request","command":"next"}"#);
        let deep = "[".repeat(100_000);
        let wide = format!("[{}0]", "0,".repeat(1 << 20));
        for (text, number) in [
            ("", None),
            ("{", None),
            ("\u{0}", None),
            ("[]", None),
            ("5", None),
            (&*deep, None),
            (&*wide, None),
            (r#"{"seq":7}"#, Some(7)),
            (r#"{"seq":7,"type":"response","command":"next"}"#, Some(7)),
            (r#"{"seq":7,"type":"request","command":{}}"#, Some(7)),
            (r#"{"seq":-7,"type":"request","command":"next"}"#, None),
        ] {
            let (commands, is_broken, sent) = read(&[framed(text).as_slice(), &last].concat());
            assert_eq!((commands, is_broken), (vec!["next".into()], false), "{}", &text[..text.len().min(60)]);
            let body: Value = serde_json::from_str(sent.split_once("\r\n\r\n").unwrap().1).unwrap();
            assert_eq!(body["request_seq"].as_u64(), number);
            assert_eq!(body["type"], if number.is_some() { "response" } else { "event" });
        }
    }

    #[test]
    fn what_has_no_length_ends_the_session() {
        let long = format!("X: {}\r\n\r\n", "x".repeat(100_000));
        let broken: &[&[u8]] = &[
            b"hello\r\n\r\n",
            b"\r\n",
            b"Content-Length: x\r\n\r\n",
            b"Content-Length: -1\r\n\r\n{}",
            b"Content-Length:\r\n\r\n{}",
            b"Content-Length: 99999999999999999999\r\n\r\n{}",
            b"Content-Length: 5",
            b"\xff\xfe\n",
            long.as_bytes(),
        ];
        for bytes in broken {
            assert_eq!(read(bytes), (vec![], true, String::new()), "{}", bytes.escape_ascii());
        }
        // A client that is gone is no failure.
        for bytes in [b"".as_slice(), b"Content-Length: 5\r\n\r\n{", b"Content-Length: 18446744073709551615\r\n\r\n{"] {
            assert!(!read(bytes).1, "{}", bytes.escape_ascii());
        }
    }
}
