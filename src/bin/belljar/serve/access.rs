//! The record of a request for the access log and the metrics.

use std::{
    borrow::Cow,
    fmt::Write,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use belljar::LogEntry;
use hyper::{Method, Uri, http::request::Parts};
use serde::Serialize;

use super::{args::LogFormat, metrics::GaugeGuard, server::Server};
use crate::time;

/// The status that is logged if the client closed the connection before the response, as nginx does.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The longest path that is logged whole.
const PATH_BYTES: usize = 1_024;

/// The record of a request. It is logged and counted on drop.
#[derive(Debug)]
pub struct Access {
    server: Arc<Server>,
    started: Instant,
    number: u64,
    client: SocketAddr,
    target: Option<(Method, Uri)>,
    status: u16,
    received_bytes: u64,
    sent_bytes: u64,
    run: Option<(Cow<'static, str>, u64)>,
    _in_flight: GaugeGuard,
}

/// A line of the access log.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: String,
    request: u64,
    client: SocketAddr,
    method: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
    status: u16,
    received_bytes: u64,
    sent_bytes: u64,
    ms: f64,
    fuel: Option<u64>,
    end: Option<&'a str>,
}

impl Access {
    /// Starts the record of a request. `head` is `None` if the head is malformed.
    pub fn new(server: &Arc<Server>, client: SocketAddr, head: Option<&Parts>) -> Access {
        Access {
            server: Arc::clone(server),
            started: Instant::now(),
            number: server.next_request(),
            client,
            target: head.filter(|_| !server.quiet).map(|head| (head.method.clone(), head.uri.clone())),
            status: CLIENT_CLOSED_REQUEST,
            received_bytes: 0,
            sent_bytes: 0,
            run: None,
            _in_flight: server.metrics.in_flight.increment(),
        }
    }

    /// Returns the number of the request, which its log lines have.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Records the size of the body of the request.
    pub fn set_received(&mut self, bytes: u64) {
        self.received_bytes = bytes;
    }

    /// Records how the run ended, and its fuel.
    pub fn set_run(&mut self, end: Cow<'static, str>, fuel: u64) {
        self.run = Some((end, fuel));
    }

    /// Records the status of the response and the size of its body.
    pub fn set_response(&mut self, status: u16, bytes: u64) {
        self.status = status;
        self.sent_bytes = bytes;
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let (time, metrics) = (self.started.elapsed(), &self.server.metrics);
        metrics.requests.count(self.status);
        metrics.request_time.record(time);
        metrics.received_bytes.add(self.received_bytes);
        metrics.sent_bytes.add(self.sent_bytes);
        if !self.server.quiet {
            let line = self.line(time);
            self.server.log_line(|text| line.write(self.server.options.log_format, text));
        }
    }
}

impl Access {
    fn line(&self, took: Duration) -> Line<'_> {
        let target = self.target.as_ref();
        let run = self.run.as_ref();
        Line {
            time: now(),
            request: self.number,
            client: self.client,
            method: target.map(|(method, _)| escaped(method.as_str())),
            path: target.map(|(_, uri)| match uri.path_and_query() {
                Some(path) if uri.scheme().is_none() && uri.authority().is_none() => escaped(path.as_str()),
                _ => escaped(&uri.to_string()).into_owned().into(),
            }),
            status: self.status,
            received_bytes: self.received_bytes,
            sent_bytes: self.sent_bytes,
            ms: took.as_micros() as f64 / 1e3,
            fuel: run.map(|(_, fuel)| *fuel),
            end: run.map(|(end, _)| &**end),
        }
    }
}

impl Line<'_> {
    fn write(&self, format: LogFormat, text: &mut String) {
        if format == LogFormat::Json {
            text.push_str(&serde_json::to_string(self).unwrap_or_default());
            return;
        }
        let Line { time, request, client, status, sent_bytes, ms, .. } = self;
        let [method, path] = [&self.method, &self.path].map(|text| text.as_deref().unwrap_or("-"));
        // Writing to a string does not fail.
        let _ = write!(text, "{time} #{request} {client} {method} {path} {status} bytes={sent_bytes} ms={ms}");
        if let Some((fuel, end)) = self.fuel.zip(self.end) {
            let _ = write!(text, " fuel={fuel} end={end}");
        }
    }
}

/// Formats a message of a guest's log with the number of its request.
pub fn format_message(entry: &LogEntry, request: u64, format: LogFormat) -> String {
    #[derive(Serialize)]
    struct Message<'a> {
        time: String,
        request: u64,
        level: String,
        text: &'a str,
    }
    let (time, level) = (now(), entry.level.to_string());
    match format {
        LogFormat::Text => {
            format!("{time} #{request} {level}: {}", belljar::text::escape(&entry.text, usize::MAX))
        }
        LogFormat::Json => {
            serde_json::to_string(&Message { time, request, level, text: &entry.text }).unwrap_or_default()
        }
    }
}

/// Formats a line that explains where the run of a request stopped.
pub fn format_explanation(text: &str, request: u64, format: LogFormat) -> String {
    #[derive(Serialize)]
    struct Explanation<'a> {
        time: String,
        request: u64,
        explanation: &'a str,
    }
    let time = now();
    match format {
        LogFormat::Text => format!("{time} #{request} {text}"),
        LogFormat::Json => serde_json::to_string(&Explanation { time, request, explanation: text }).unwrap_or_default(),
    }
}

/// Escapes text from a client for a terminal, as one word.
fn escaped(text: &str) -> Cow<'_, str> {
    if text.len() <= PATH_BYTES && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.into();
    }
    belljar::text::escape(text, PATH_BYTES).to_string().into()
}

fn now() -> String {
    time::text(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO))
}
