//! A request, as the access log and the metrics have it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use belljar::LogEntry;
use hyper::http::request::Parts;
use serde::Serialize;

use super::{args::LogFormat, metrics::Counted, server::Server};
use crate::time;

/// What is noted of a client that went before it had an answer, as other servers do.
const GONE: u16 = 499;

/// A request, which is noted when this is dropped.
#[derive(Debug)]
pub struct Access {
    server: Arc<Server>,
    started: Instant,
    line: Line,
    _in_flight: Counted,
}

/// A line of the log.
#[derive(Debug, Serialize)]
struct Line {
    time: String,
    request: u64,
    client: String,
    method: Option<String>,
    path: Option<String>,
    status: u16,
    received_bytes: u64,
    sent_bytes: u64,
    ms: f64,
    fuel: Option<u64>,
    end: Option<String>,
}

impl Access {
    /// A request that has come; without a head, one that is none.
    pub fn new(server: &Arc<Server>, client: SocketAddr, head: Option<&Parts>) -> Access {
        let line = Line {
            time: String::new(),
            request: server.next_request(),
            client: client.to_string(),
            method: head.map(|head| shown(head.method.as_str())),
            path: head.map(|head| shown(&head.uri.to_string())),
            status: GONE,
            received_bytes: 0,
            sent_bytes: 0,
            ms: 0.0,
            fuel: None,
            end: None,
        };
        let _in_flight = server.metrics.in_flight.one();
        Access { server: Arc::clone(server), started: Instant::now(), line, _in_flight }
    }

    /// Its number, by which its lines are known.
    pub fn number(&self) -> u64 {
        self.line.request
    }

    /// Notes that its body has come.
    pub fn received(&mut self, bytes: u64) {
        self.line.received_bytes = bytes;
    }

    /// Notes how its run ended.
    pub fn ran(&mut self, end: &str, fuel: u64) {
        self.line.end = Some(end.into());
        self.line.fuel = Some(fuel);
    }

    /// Notes its answer.
    pub fn answered(&mut self, status: u16, bytes: u64) {
        self.line.status = status;
        self.line.sent_bytes = bytes;
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let (time, metrics) = (self.started.elapsed(), &self.server.metrics);
        metrics.requests.count(self.line.status);
        metrics.request_time.add(time);
        metrics.received_bytes.add(self.line.received_bytes);
        metrics.sent_bytes.add(self.line.sent_bytes);
        if !self.server.quiet {
            self.line.ms = time.as_micros() as f64 / 1e3;
            self.line.time = now();
            self.server.say(self.line.text(self.server.options.log_format));
        }
    }
}

impl Line {
    fn text(&self, format: LogFormat) -> String {
        if format == LogFormat::Json {
            return serde_json::to_string(self).unwrap_or_default();
        }
        let Line { time, request, client, status, sent_bytes, ms, .. } = self;
        let [method, path] = [&self.method, &self.path].map(|text| text.as_deref().unwrap_or("-"));
        let fuel = self.fuel.map_or(String::new(), |fuel| format!(" fuel={fuel}"));
        let end = self.end.as_ref().map_or(String::new(), |end| format!(" end={end}"));
        format!("{time} #{request} {client} {method} {path} {status} bytes={sent_bytes} ms={ms}{fuel}{end}")
    }
}

/// A message of a guest's log, with the number of its request.
pub fn message(entry: &LogEntry, request: u64, format: LogFormat) -> String {
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
            format!("{time} #{request} {level}: {}", belljar::escape(&entry.text, usize::MAX))
        }
        LogFormat::Json => {
            serde_json::to_string(&Message { time, request, level, text: &entry.text }).unwrap_or_default()
        }
    }
}

/// What a client chose, safe on a terminal, and one word.
fn shown(text: &str) -> String {
    belljar::escape(text, 1_024).to_string()
}

fn now() -> String {
    time::text(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO))
}
