//! Error responses of the server, in the format of RFC 9457.

use belljar::{HostStop, StopReason, Stopped, tool::Mismatch};
use hyper::StatusCode;
use serde::Serialize;

use super::reply::Reply;

/// An error response.
#[derive(Debug)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// The explanation.
    pub detail: String,
    /// The kind of stop, if a run was stopped.
    pub stopped: Option<String>,
    /// Additional headers.
    headers: Vec<(&'static str, String)>,
    /// Whether the connection is closed after the response.
    closes: bool,
    fuel: Option<u64>,
    mismatches: Vec<Mismatch>,
}

/// The document. It has no `type`, so `title` is the name of the status.
#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
    /// Mismatches between a document and its schema.
    #[serde(skip_serializing_if = "<[Mismatch]>::is_empty")]
    errors: &'a [Mismatch],
}

impl Problem {
    /// Returns a problem with this status and explanation.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            detail: detail.into(),
            stopped: None,
            headers: Vec::new(),
            closes: false,
            fuel: None,
            mismatches: Vec::new(),
        }
    }

    /// Converts the stop of a guest. Messages of the guest are escaped.
    pub fn stopped(stopped: &Stopped) -> Problem {
        let status = match stopped.reason {
            StopReason::Host(HostStop::Deadline { .. }) => StatusCode::GATEWAY_TIMEOUT,
            // Only the server cancels a run whose client is still connected.
            StopReason::Host(HostStop::Cancelled) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let problem = Problem::new(status, stopped.reason.to_string()).with_fuel(stopped.usage.fuel);
        Problem { stopped: Some(kind(&stopped.reason)), ..problem }
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Problem {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the fuel that the run used.
    pub fn with_fuel(self, fuel: u64) -> Problem {
        Problem { fuel: Some(fuel), ..self }
    }

    /// Sets the mismatches between a document and its schema.
    pub fn with_mismatches(self, mismatches: Vec<Mismatch>) -> Problem {
        Problem { mismatches, ..self }
    }

    /// Closes the connection after the response, since the rest of this request is unread.
    pub fn closing(self) -> Problem {
        Problem { closes: true, ..self }
    }

    /// Returns the response with the problem document.
    pub fn reply(&self) -> Reply {
        let document = Document {
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            stopped: self.stopped.as_deref(),
            fuel: self.fuel,
            errors: &self.mismatches,
        };
        let text = serde_json::to_vec(&document).unwrap_or_default();
        let mut reply = Reply::new(self.status, "application/problem+json", text);
        for (name, value) in &self.headers {
            reply = reply.with_header(name, value);
        }
        if self.closes { reply.with_header("connection", "close") } else { reply }
    }
}

/// Returns the name of a stop as in the JSON documents of runs: `fuel`, `trap`, …
pub fn kind(reason: &StopReason) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(map)) => map.into_iter().next().map(|(name, _)| name).unwrap_or_default(),
        _ => String::new(),
    }
}
