//! Host functions of the module `http`: HTTP requests that the configuration grants.

use alloc::{format, string::String, sync::Arc, vec, vec::Vec};
use core::time::Duration;
use std::time::Instant;

use self::client::{Request, RequestError, RequestLimits, Response, has_body, perform};
use crate::{
    abi::http::{Failure, MODULE},
    config::http::{Http, METHODS},
    error::StopReason,
    host::{
        context::{Context, HostError},
        function::{HostFunction, host_function},
    },
    meter,
    url::Url,
};

mod address;
mod client;
mod headers;

/// Returns the functions if any request is granted. They are ordinary custom host functions, so that transcripts
/// record and replay them.
pub(crate) fn functions(config: &Http) -> Vec<HostFunction> {
    if config.allow.is_empty() {
        return Vec::new();
    }
    let config = Arc::new(config.clone());
    let send = move |context: &mut Context<'_>, a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32| {
        send(context, &config, [(a, b), (c, d), (e, f), (g, h)])
    };
    vec![
        host_function(MODULE, "send", send),
        host_function(MODULE, "headers_len", |context: &mut Context<'_>| len(context, |web| &mut web.headers)),
        host_function(MODULE, "read_headers", |context: &mut Context<'_>, ptr: u32, len: u32| {
            read(context, |web| &mut web.headers, ptr, len)
        }),
        host_function(MODULE, "body_len", |context: &mut Context<'_>| len(context, |web| &mut web.body)),
        host_function(MODULE, "read_body", |context: &mut Context<'_>, ptr: u32, len: u32| {
            read(context, |web| &mut web.body, ptr, len)
        }),
    ]
}

/// Requests of a run so far, and its last response.
#[derive(Default)]
struct HttpState {
    requests: u64,
    bytes: u64,
    headers: Unread,
    body: Unread,
}

/// Bytes that the guest reads in parts.
#[derive(Default)]
struct Unread {
    bytes: Vec<u8>,
    at: usize,
}

impl Unread {
    fn new(bytes: Vec<u8>) -> Self {
        Unread { bytes, at: 0 }
    }

    fn next(&self, len: u32) -> &[u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.get(..len as usize).unwrap_or(rest)
    }
}

type Part = fn(&mut HttpState) -> &mut Unread;

fn len(context: &mut Context<'_>, part: Part) -> u32 {
    // The limits keep it below 2³¹.
    context.web().map_or(0, |web| part(web).bytes.len() as u32)
}

fn read(context: &mut Context<'_>, part: Part, ptr: u32, len: u32) -> Result<u32, HostError> {
    check(context, ptr, len)?;
    let next = context.web().map(|web| part(web).next(len).to_vec()).unwrap_or_default();
    context.write(ptr, &next)?;
    if let Some(web) = context.web() {
        part(web).at += next.len();
    }
    Ok(next.len() as u32)
}

/// Checks that a range is in the memory. An error stops the run.
fn check(context: &mut Context<'_>, ptr: u32, len: u32) -> Result<(), HostError> {
    let fits = len == 0 || u64::from(ptr) + u64::from(len) <= context.memory_size();
    if fits { Ok(()) } else { context.read(ptr, len).map(drop) }
}

fn send(context: &mut Context<'_>, config: &Http, ranges: [(u32, u32); 4]) -> Result<i32, HostError> {
    for (ptr, len) in ranges {
        check(context, ptr, len)?;
    }
    if let Some(web) = context.web::<HttpState>() {
        (web.headers, web.body) = Default::default();
    }
    if ranges.iter().map(|(_, len)| u64::from(*len)).sum::<u64>() > config.request_bytes {
        return Ok(Failure::RequestTooLarge as i32);
    }
    let [method, url, headers, body] = ranges.map(|(ptr, len)| context.read(ptr, len));
    let request = match parse(&method?, &url?, &headers?, body?) {
        Ok(request) => request,
        Err(failure) => return Ok(failure as i32),
    };
    let Some(web) = context.web::<HttpState>() else { return Err(HostError::new("the state of the run is another's")) };
    let before = web.bytes;
    let answered = exchange(web, config, request);
    let received = web.bytes - before;
    context.charge(meter::host_call(received))?;
    match answered? {
        Ok(response) => {
            if let Some(web) = context.web::<HttpState>() {
                (web.headers, web.body) = (Unread::new(response.headers), Unread::new(response.body));
            }
            Ok(response.status.into())
        }
        Err(failure) => Ok(failure as i32),
    }
}

/// Parses the request of the guest.
fn parse(method: &[u8], url: &[u8], headers: &[u8], body: Vec<u8>) -> Result<Request, Failure> {
    let method = METHODS.into_iter().find(|name| name.as_bytes() == method).ok_or(Failure::Method)?;
    if !body.is_empty() && !has_body(method) {
        return Err(Failure::Method);
    }
    let url = core::str::from_utf8(url).ok().and_then(Url::parse).ok_or(Failure::Url)?;
    Ok(Request { method, url, headers: headers::read(headers).ok_or(Failure::Headers)?, body })
}

/// Sends a request, and follows redirects as far as they are granted.
fn exchange(web: &mut HttpState, config: &Http, mut request: Request) -> Result<Result<Response, Failure>, StopReason> {
    let begun = Instant::now();
    let timeout = Duration::from_millis(config.timeout_ms);
    let mut redirect = None;
    admit(web, config, &request)?;
    for left in (0..=config.redirects).rev() {
        web.requests += 1;
        web.bytes = web.bytes.saturating_add(request.bytes());
        let total = config.total_bytes.saturating_sub(web.bytes);
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
                web.bytes = web.bytes.saturating_add(received);
                return Ok(Err(failure));
            }
        };
        web.bytes = web.bytes.saturating_add(response.bytes());
        match follow(&request, &response).filter(|next| left > 0 && admit(web, config, next).is_ok()) {
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
fn admit(web: &HttpState, config: &Http, request: &Request) -> Result<(), StopReason> {
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
    if web.requests >= config.requests {
        return Err(denied(format!("{method} {url} is one more than `http.requests = {}` grants", config.requests)));
    }
    if web.bytes.saturating_add(request.bytes()) > config.total_bytes {
        return Err(denied(format!("{method} {url} is past `http.total_bytes = {}`", config.total_bytes)));
    }
    Ok(())
}

fn private(request: &Request) -> StopReason {
    let Request { method, url, .. } = request;
    denied(format!("{method} {url} is at no public address; `http.private_addresses = true` grants those"))
}

fn denied(detail: String) -> StopReason {
    StopReason::Denied { capability: "http".into(), function: format!("{MODULE}.send"), detail: Some(detail) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{abi::http::FUNCTIONS, config::http::HttpRule};

    #[test]
    fn the_functions_of_the_table_are_provided() {
        let config = Http { allow: vec![HttpRule::parse("https://example.org").unwrap()], ..Http::default() };
        let provided: Vec<_> = functions(&config).iter().map(|f| (f.name.clone(), f.ty.clone())).collect();
        let table: Vec<_> = FUNCTIONS.iter().map(|f| (crate::host::Name::new(MODULE, f.name), f.ty())).collect();
        assert_eq!(provided, table);
        assert!(functions(&Http::default()).is_empty());
    }
}
