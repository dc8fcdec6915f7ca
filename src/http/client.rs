//! HTTP client: one request and its response, over a separate connection.

use alloc::{boxed::Box, string::ToString, vec::Vec};
use core::{error::Error as StdError, fmt, time::Duration};
use std::io::{self, Read};

use ureq::{
    Agent, Error,
    config::Config,
    http,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

use super::{
    address::is_public,
    headers::{self, Header},
};
use crate::{
    abi::http::Failure,
    data::url::Url,
    error::{HostMemoryUse, HostStop, StopReason},
};

/// Most bytes of a response's headers.
pub(crate) const MAX_HEADER_BYTES: u64 = 64 << 10;

/// A request.
pub(crate) struct Request {
    pub(super) method: &'static str,
    pub(super) url: Url,
    pub(crate) headers: Vec<Header>,
    pub(crate) body: Vec<u8>,
}

/// A response.
pub(crate) struct Response {
    pub(crate) status: u16,
    /// In the form that guests read.
    pub(crate) headers: Vec<u8>,
    pub(crate) body: Vec<u8>,
    /// Target of a redirect, if it has a valid one.
    pub(super) location: Option<Url>,
}

/// Failure of a request.
pub(super) enum RequestError {
    /// The error for the guest, and the bytes of the response received before it.
    Failure(Failure, u64),
    /// The server has no public address.
    Private,
    Stop(StopReason),
}

/// Limits of a request.
pub(super) struct RequestLimits {
    pub(super) private_addresses: bool,
    pub(super) timeout: Duration,
    /// Most bytes of the response's headers, and of its body.
    pub(super) bytes: u64,
    /// Most bytes of both.
    pub(super) total: u64,
}

impl Request {
    /// Returns the bytes that the guest controls.
    pub(super) fn bytes(&self) -> u64 {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        (self.method.len() + self.url.path.len() + self.url.query.len() + headers.sum::<usize>() + self.body.len())
            as u64
    }
}

impl Response {
    pub(super) fn bytes(&self) -> u64 {
        (self.headers.len() + self.body.len()) as u64
    }
}

/// Sends a request, and waits for the whole response.
pub(super) fn perform(request: &Request, limits: &RequestLimits) -> Result<Response, RequestError> {
    // Requests share no state: no connections, no sessions, no resolved names.
    let settings = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent("belljar")
        .accept_encoding("")
        .timeout_global(Some(limits.timeout))
        .max_response_header_size(head_bytes(limits))
        .max_idle_connections(0)
        .build();
    let resolver = PublicResolver { private: limits.private_addresses, inner: DefaultResolver::default() };
    let agent = Agent::with_parts(settings, DefaultConnector::default(), resolver);
    let mut sent = http::Request::builder().method(request.method).uri(request.url.to_string());
    for (name, value) in &request.headers {
        sent = sent.header(name.as_str(), value.as_slice());
    }
    let failed = |_| RequestError::Failure(Failure::Headers, 0);
    let response = if has_body(request.method) {
        agent.run(sent.body(request.body.as_slice()).map_err(failed)?)
    } else {
        agent.run(sent.body(()).map_err(failed)?)
    };
    response.map_err(|error| request_error(error, 0)).and_then(|response| read(response, request, limits))
}

/// Returns the most bytes of a response's head: its headers, and 1 KiB for the rest.
fn head_bytes(limits: &RequestLimits) -> usize {
    let most = limits.bytes.min(limits.total).saturating_add(1 << 10);
    usize::try_from(most.min(MAX_HEADER_BYTES)).unwrap_or(usize::MAX)
}

/// Returns whether requests of a method have a body.
pub(super) fn has_body(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH")
}

/// Reads a response, within the limits.
fn read(
    response: http::Response<ureq::Body>,
    request: &Request,
    limits: &RequestLimits,
) -> Result<Response, RequestError> {
    let (parts, body) = response.into_parts();
    let named = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let headers = headers::write(named);
    let mut targets = parts.headers.get_all("location").iter();
    let location = match (targets.next(), targets.next()) {
        (Some(target), None) => target.to_str().ok().and_then(|target| request.url.join(target)),
        _ => None,
    };
    let too_large = |received: usize| Err(RequestError::Failure(Failure::ResponseTooLarge, received as u64));
    let left = limits.total.checked_sub(headers.len() as u64);
    let Some(limit) = left.map(|left| left.min(limits.bytes)).filter(|_| headers.len() as u64 <= limits.bytes) else {
        return too_large(headers.len());
    };
    let mut bytes = Vec::new();
    // One byte more than allowed, to detect a body that is too large.
    let ended = body.into_reader().take(limit.saturating_add(1)).read_to_end(&mut bytes);
    let received = headers.len() + bytes.len();
    ended.map_err(|error| request_error(error.into(), received as u64))?;
    if bytes.len() as u64 > limit {
        return too_large(received);
    }
    Ok(Response { status: parts.status.as_u16(), headers, body: bytes, location })
}

/// Converts an error of the client, after `received` bytes of the response.
fn request_error(error: Error, received: u64) -> RequestError {
    let failure = match error {
        Error::Io(error) => match error.kind() {
            io::ErrorKind::OutOfMemory => {
                return RequestError::Stop(StopReason::Host(HostStop::HostMemory {
                    what: HostMemoryUse::HttpResponse,
                }));
            }
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::PermissionDenied => Failure::Connect,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::Timeout,
            // Only TLS reports this kind.
            io::ErrorKind::InvalidData => Failure::Tls,
            _ => Failure::Response,
        },
        Error::Timeout(_) => Failure::Timeout,
        Error::HostNotFound => Failure::Name,
        Error::ConnectionFailed => Failure::Connect,
        Error::Tls(_) | Error::Rustls(_) | Error::TlsRequired => Failure::Tls,
        Error::LargeResponseHeader(..) | Error::BodyExceedsLimit(_) => Failure::ResponseTooLarge,
        Error::BadUri(_) => Failure::Url,
        Error::Other(cause) if cause.is::<NotPublic>() => return RequestError::Private,
        _ => Failure::Response,
    };
    RequestError::Failure(failure, received)
}

/// Resolver that leaves out addresses that are not public. The client connects to an address it returned, without
/// resolving the name again.
#[derive(Debug)]
struct PublicResolver {
    private: bool,
    inner: DefaultResolver,
}

impl Resolver for PublicResolver {
    fn resolve(&self, uri: &http::Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout).map_err(|error| match error {
            Error::Timeout(_) => error,
            _ => Error::HostNotFound,
        })?;
        let mut public = self.empty();
        found.iter().filter(|at| self.private || is_public(at.ip())).for_each(|at| public.push(*at));
        if public.is_empty() { Err(Error::Other(Box::new(NotPublic))) } else { Ok(public) }
    }
}

#[derive(Debug)]
struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no public address")
    }
}

impl StdError for NotPublic {}
