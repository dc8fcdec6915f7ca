//! Metrics of the server in the text format of Prometheus.

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

/// The content type of the text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics of the server.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Completed requests, by status.
    pub requests: Family<u16>,
    /// Completed runs, by result.
    pub runs: Family<Cow<'static, str>>,
    /// Durations of requests, from the head to the response.
    pub request_time: Histogram,
    /// Durations of runs.
    pub run_time: Histogram,
    /// Fuel used by all runs.
    pub fuel: Counter,
    /// Bytes of request bodies.
    pub received_bytes: Counter,
    /// Bytes of response bodies.
    pub sent_bytes: Counter,
    /// Accepted connections.
    pub accepted: Counter,
    /// Dropped lines of the log.
    pub lost_lines: Counter,
    /// Open connections.
    pub connections: Gauge,
    /// Requests in flight.
    pub in_flight: Gauge,
    /// Requests in the queue.
    pub waiting: Gauge,
    /// Runs in flight.
    pub running: Gauge,
}

/// A counter, which only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// Counters by a label.
#[derive(Debug)]
pub struct Family<K>(Mutex<BTreeMap<K, u64>>);

/// A gauge.
#[derive(Debug, Default)]
pub struct Gauge(Arc<AtomicU64>);

/// One unit of a gauge, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct GaugeGuard(Arc<AtomicU64>);

impl Counter {
    /// Adds to the counter.
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
    /// Increments the counter of a label.
    pub fn count(&self, label: K) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(label).or_default() += 1;
    }
}

impl Gauge {
    /// Returns the current value.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Increments the gauge until the guard is dropped.
    pub fn increment(&self) -> GaugeGuard {
        self.0.fetch_add(1, Relaxed);
        GaugeGuard(Arc::clone(&self.0))
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    /// Formats all metrics.
    pub fn text(&self, tool: &str, sha256: &str) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text, tool, sha256);
        text
    }

    fn write(&self, text: &mut String, tool: &str, sha256: &str) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        head(text, "belljar_info", "gauge", "The served module and the version of belljar.")?;
        let tool = tool.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        writeln!(text, "belljar_info{{version=\"{version}\",tool=\"{tool}\",sha256=\"{sha256}\"}} 1")?;
        family(text, "belljar_requests_total", "Completed requests, by status.", "status", &self.requests)?;
        family(text, "belljar_runs_total", "Completed runs: done, or the reason of the stop.", "end", &self.runs)?;
        for (name, help, counter) in [
            ("belljar_fuel_total", "Fuel used by all runs.", &self.fuel),
            ("belljar_received_bytes_total", "Bytes of request bodies.", &self.received_bytes),
            ("belljar_sent_bytes_total", "Bytes of response bodies.", &self.sent_bytes),
            ("belljar_connections_total", "Accepted connections.", &self.accepted),
            (
                "belljar_log_lines_lost_total",
                "Log lines dropped because stderr was not read in time.",
                &self.lost_lines,
            ),
        ] {
            head(text, name, "counter", help)?;
            writeln!(text, "{name} {}", counter.0.load(Relaxed))?;
        }
        for (name, help, gauge) in [
            ("belljar_connections", "Open connections.", &self.connections),
            ("belljar_requests_in_flight", "Requests in flight.", &self.in_flight),
            ("belljar_queue_length", "Requests that wait for a run.", &self.waiting),
            ("belljar_runs_in_flight", "Runs in flight.", &self.running),
        ] {
            head(text, name, "gauge", help)?;
            writeln!(text, "{name} {}", gauge.value())?;
        }
        for (name, help, histogram) in [
            ("belljar_request_seconds", "Time from the head of a request to its response.", &self.request_time),
            ("belljar_run_seconds", "Elapsed time of runs.", &self.run_time),
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
