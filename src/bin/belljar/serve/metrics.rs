//! What has been done so far, in the text format of Prometheus.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::histogram::Histogram;

/// The type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What has been done so far.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests that were answered, by status.
    pub requests: Family<u16>,
    /// Runs that ended, by how.
    pub runs: Family<Cow<'static, str>>,
    /// How long requests took, from their head to their answer.
    pub request_time: Histogram,
    /// How long runs took.
    pub run_time: Histogram,
    /// Fuel of all runs.
    pub fuel: Counter,
    /// Bodies of requests.
    pub received_bytes: Counter,
    /// Bodies of answers.
    pub sent_bytes: Counter,
    /// Connections that were accepted.
    pub accepted: Counter,
    /// Lines of the access log for which there was no room.
    pub lost_lines: Counter,
    /// Connections that are there.
    pub connections: Gauge,
    /// Requests without an answer yet.
    pub in_flight: Gauge,
    /// Requests that wait for a run.
    pub waiting: Gauge,
    /// Runs in flight.
    pub running: Gauge,
}

/// A number that grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// Counters by a label.
#[derive(Debug)]
pub struct Family<K>(Mutex<BTreeMap<K, u64>>);

/// How many there are.
#[derive(Debug, Default)]
pub struct Gauge(Arc<AtomicU64>);

/// One of those that there are.
#[derive(Debug)]
#[must_use]
pub struct Counted(Arc<AtomicU64>);

impl Counter {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }
}

impl<K> Default for Family<K> {
    fn default() -> Self {
        Family(Mutex::default())
    }
}

impl<K: Ord> Family<K> {
    /// Counts one.
    pub fn count(&self, label: K) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(label).or_default() += 1;
    }
}

impl Gauge {
    /// How many there are.
    pub fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Counts one for as long as what is returned is kept.
    pub fn one(&self) -> Counted {
        self.0.fetch_add(1, Relaxed);
        Counted(Arc::clone(&self.0))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    /// All of it.
    pub fn text(&self, tool: &str, sha256: &str) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text, tool, sha256);
        text
    }

    fn write(&self, text: &mut String, tool: &str, sha256: &str) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        head(text, "belljar_info", "gauge", "What is served, and by which version.")?;
        let tool = tool.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        writeln!(text, "belljar_info{{version=\"{version}\",tool=\"{tool}\",sha256=\"{sha256}\"}} 1")?;
        family(text, "belljar_requests_total", "Requests that have ended, by status.", "status", &self.requests)?;
        family(text, "belljar_runs_total", "Runs that have ended, by how: done, or why stopped.", "end", &self.runs)?;
        for (name, help, counter) in [
            ("belljar_fuel_total", "Fuel of all runs.", &self.fuel),
            ("belljar_received_bytes_total", "Bytes of the bodies of requests.", &self.received_bytes),
            ("belljar_sent_bytes_total", "Bytes of the bodies of answers.", &self.sent_bytes),
            ("belljar_connections_total", "Connections that were accepted.", &self.accepted),
            ("belljar_log_lines_lost_total", "Lines of the access log that nobody took in time.", &self.lost_lines),
        ] {
            head(text, name, "counter", help)?;
            writeln!(text, "{name} {}", counter.0.load(Relaxed))?;
        }
        for (name, help, gauge) in [
            ("belljar_connections", "Connections that are there.", &self.connections),
            ("belljar_requests_in_flight", "Requests without an answer yet.", &self.in_flight),
            ("belljar_queue_length", "Requests that wait for a run.", &self.waiting),
            ("belljar_runs_in_flight", "Runs that have not ended.", &self.running),
        ] {
            head(text, name, "gauge", help)?;
            writeln!(text, "{name} {}", gauge.now())?;
        }
        for (name, help, histogram) in [
            ("belljar_request_seconds", "From the head of a request to its answer.", &self.request_time),
            ("belljar_run_seconds", "Wall time of runs.", &self.run_time),
        ] {
            head(text, name, "histogram", help)?;
            histogram.write(text, name)?;
        }
        Ok(())
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn family<K: fmt::Display>(text: &mut String, name: &str, help: &str, label: &str, all: &Family<K>) -> fmt::Result {
    head(text, name, "counter", help)?;
    for (value, count) in &*all.0.lock().unwrap_or_else(PoisonError::into_inner) {
        writeln!(text, "{name}{{{label}=\"{value}\"}} {count}")?;
    }
    Ok(())
}
