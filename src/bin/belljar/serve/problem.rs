//! Why a request has no answer of the guest's, as RFC 9457 has it.

use belljar::{Mismatch, StopReason, Stopped};
use hyper::StatusCode;
use serde::Serialize;

use super::reply::Reply;

/// Why a request has no answer of the guest's.
#[derive(Debug)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// Why, in words.
    pub detail: String,
    /// The kind of stop, if it was a run that was stopped.
    pub stopped: Option<String>,
    /// Headers beside those that all have.
    headers: Vec<(&'static str, String)>,
    /// Whether no other request is read from the connection.
    closes: bool,
    fuel: Option<u64>,
    mismatches: Vec<Mismatch>,
}

/// The document: `type` is left out, so that `title` is what the status is called.
#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
    /// Where a document does not fit its schema.
    #[serde(skip_serializing_if = "<[Mismatch]>::is_empty")]
    errors: &'a [Mismatch],
}

impl Problem {
    /// A problem with a request.
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

    /// A guest that was stopped. Its own words are escaped, as in all messages.
    pub fn stopped(stopped: &Stopped) -> Problem {
        let status = match stopped.reason {
            StopReason::Deadline { .. } => StatusCode::GATEWAY_TIMEOUT,
            // Nobody but the server itself cancels a run whose client is still there.
            StopReason::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
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

    /// Says what the run has used.
    pub fn with_fuel(self, fuel: u64) -> Problem {
        Problem { fuel: Some(fuel), ..self }
    }

    /// Says where a document does not fit its schema.
    pub fn with_mismatches(self, mismatches: Vec<Mismatch>) -> Problem {
        Problem { mismatches, ..self }
    }

    /// Has the connection closed: what else comes on it is a rest of this request.
    pub fn closing(self) -> Problem {
        Problem { closes: true, ..self }
    }

    /// The answer that says so.
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

/// The name of a stop, as in the JSON documents of runs: `fuel`, `trap`, …
pub fn kind(reason: &StopReason) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(map)) => map.into_iter().next().map(|(name, _)| name).unwrap_or_default(),
        _ => String::new(),
    }
}
