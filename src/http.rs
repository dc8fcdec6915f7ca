//! HTTP requests that the configuration grants: quotas, rules and redirects. `host/http.rs` has the functions.

use alloc::{format, string::String, vec::Vec};
use core::time::Duration;
use std::time::Instant;

use self::client::{Request, RequestError, RequestLimits, Response, has_body, perform};
use crate::{
    abi::http::{Failure, MODULE},
    config::http::{Http, METHODS},
    data::url::Url,
    error::{GuestFault, StopReason},
};

mod address;
mod client;
mod headers;

/// Requests of a run so far, and its last response.
#[derive(Default)]
pub(crate) struct State {
    requests: u64,
    pub(crate) bytes: u64,
    pub(crate) headers: Unread,
    pub(crate) body: Unread,
}

/// Bytes that the guest reads in parts.
#[derive(Default)]
pub(crate) struct Unread {
    pub(crate) bytes: Vec<u8>,
    pub(crate) at: usize,
}

impl Unread {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Unread { bytes, at: 0 }
    }

    pub(crate) fn next(&self, len: u32) -> &[u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.get(..len as usize).unwrap_or(rest)
    }
}

/// Parses the request of the guest.
pub(crate) fn parse(method: &[u8], url: &[u8], headers: &[u8], body: Vec<u8>) -> Result<Request, Failure> {
    let method = METHODS.into_iter().find(|name| name.as_bytes() == method).ok_or(Failure::Method)?;
    if !body.is_empty() && !has_body(method) {
        return Err(Failure::Method);
    }
    let url = core::str::from_utf8(url).ok().and_then(Url::parse).ok_or(Failure::Url)?;
    Ok(Request { method, url, headers: headers::read(headers).ok_or(Failure::Headers)?, body })
}

/// Sends a request, and follows redirects as far as they are granted.
pub(crate) fn exchange(
    state: &mut State,
    config: &Http,
    mut request: Request,
) -> Result<Result<Response, Failure>, StopReason> {
    let begun = Instant::now();
    let timeout = Duration::from_millis(config.timeout_ms);
    let mut redirect = None;
    admit(state, config, &request)?;
    for left in (0..=config.redirects).rev() {
        state.requests += 1;
        state.bytes = state.bytes.saturating_add(request.bytes());
        let total = config.total_bytes.saturating_sub(state.bytes);
        let limits = RequestLimits {
            private_addresses: config.private_addresses,
            timeout: timeout.saturating_sub(begun.elapsed()),
            bytes: config.response_bytes,
            total,
        };
        let response = match perform(&request, &limits) {
            Ok(response) => response,
            Err(RequestError::Stop(reason)) => return Err(reason),
            // The server chose this address: return its redirect to the guest, without a stop.
            Err(RequestError::Private) if redirect.is_some() => break,
            Err(RequestError::Private) => return Err(private(&request)),
            Err(RequestError::Failure(failure, received)) => {
                state.bytes = state.bytes.saturating_add(received);
                return Ok(Err(failure));
            }
        };
        state.bytes = state.bytes.saturating_add(response.bytes());
        match follow(&request, &response).filter(|next| left > 0 && admit(state, config, next).is_ok()) {
            Some(next) => request = next,
            None => return Ok(Ok(response)),
        }
        redirect = Some(response);
    }
    Ok(redirect.ok_or(Failure::Response))
}

/// Returns the request that a redirect asks for.
fn follow(request: &Request, response: &Response) -> Option<Request> {
    let url = response.location.clone()?;
    let method = match (response.status, request.method) {
        (303, "HEAD") | (301 | 302 | 307 | 308, _) if !(response.status < 303 && request.method == "POST") => {
            request.method
        }
        (301..=303, _) => "GET",
        _ => return None,
    };
    let same_origin = url.has_origin_of(&request.url);
    let kept = |name: &str| {
        (same_origin || !["authorization", "cookie"].contains(&name))
            && (has_body(method) || !name.starts_with("content-"))
    };
    let headers = request.headers.iter().filter(|(name, _)| kept(name)).cloned().collect();
    let body = if has_body(method) { request.body.clone() } else { Vec::new() };
    Some(Request { method, url, headers, body })
}

/// Checks a request against the rules and quotas of the configuration.
fn admit(state: &State, config: &Http, request: &Request) -> Result<(), StopReason> {
    let Request { method, url, .. } = request;
    if !config.admits(method, url) {
        let Url { scheme, host, port, path, .. } = url;
        let port = if *port == scheme.port() { String::new() } else { format!(", port = {port}") };
        return Err(denied(format!(
            "{method} {url} is in no rule of `http.allow`; this one grants it: \
             {{ methods = [\"{method}\"], scheme = \"{}\", host = \"{host}\"{port}, path = \"{path}\" }}",
            scheme.name()
        )));
    }
    if state.requests >= config.requests {
        return Err(denied(format!("{method} {url} is one more than `http.requests = {}` grants", config.requests)));
    }
    if state.bytes.saturating_add(request.bytes()) > config.total_bytes {
        return Err(denied(format!("{method} {url} is past `http.total_bytes = {}`", config.total_bytes)));
    }
    Ok(())
}

fn private(request: &Request) -> StopReason {
    let Request { method, url, .. } = request;
    denied(format!("{method} {url} is at no public address; `http.private_addresses = true` grants those"))
}

fn denied(detail: String) -> StopReason {
    StopReason::Guest(GuestFault::Denied {
        capability: "http".into(),
        function: format!("{MODULE}.send"),
        detail: Some(detail),
    })
}
