//! One request and its answer, over a connection of its own.

use alloc::{boxed::Box, string::ToString, vec::Vec};
use core::{error::Error as StdError, fmt, time::Duration};
use std::io::{self, Read};

use ureq::{
    Agent, Error,
    config::Config,
    http::{Request, Response},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

use super::{
    address::is_public,
    headers::{self, Header},
};
use crate::{abi::http::Failure, error::StopReason, url::Url};

/// The most bytes of an answer's headers.
pub(crate) const MAX_HEADER_BYTES: u64 = 64 << 10;

/// What is asked.
pub(super) struct Asked {
    pub(super) method: &'static str,
    pub(super) url: Url,
    pub(super) headers: Vec<Header>,
    pub(super) body: Vec<u8>,
}

/// What is answered.
pub(super) struct Answer {
    pub(super) status: u16,
    /// As guests read them.
    pub(super) headers: Vec<u8>,
    pub(super) body: Vec<u8>,
    /// Where it sends who asked, if it does.
    pub(super) location: Option<Url>,
}

/// Why there is no answer.
pub(super) enum Silence {
    /// What went wrong, and how many bytes of an answer had come by then.
    Failure(Failure, u64),
    /// The server is at no public address.
    Private,
    Stop(StopReason),
}

/// How it is to be asked.
pub(super) struct Terms {
    pub(super) private_addresses: bool,
    pub(super) timeout: Duration,
    /// The most bytes of the answer's headers, and of its body.
    pub(super) bytes: u64,
    /// The most bytes of both.
    pub(super) total: u64,
}

impl Asked {
    /// Bytes of what the guest has a say in.
    pub(super) fn bytes(&self) -> u64 {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        (self.method.len() + self.url.path.len() + self.url.query.len() + headers.sum::<usize>() + self.body.len())
            as u64
    }
}

impl Answer {
    pub(super) fn bytes(&self) -> u64 {
        (self.headers.len() + self.body.len()) as u64
    }
}

/// Asks, and waits for all of the answer.
pub(super) fn ask(asked: &Asked, terms: &Terms) -> Result<Answer, Silence> {
    // Nothing is kept from one request to the next: no connection, no session, no name.
    let settings = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent("belljar")
        .accept_encoding("")
        .timeout_global(Some(terms.timeout))
        .max_response_header_size(head_bytes(terms))
        .max_idle_connections(0)
        .build();
    let resolver = PublicResolver { private: terms.private_addresses, inner: DefaultResolver::default() };
    let agent = Agent::with_parts(settings, DefaultConnector::default(), resolver);
    let mut request = Request::builder().method(asked.method).uri(asked.url.to_string());
    for (name, value) in &asked.headers {
        request = request.header(name.as_str(), value.as_slice());
    }
    let failed = |_| Silence::Failure(Failure::Headers, 0);
    let response = if has_body(asked.method) {
        agent.run(request.body(asked.body.as_slice()).map_err(failed)?)
    } else {
        agent.run(request.body(()).map_err(failed)?)
    };
    response.map_err(|error| silence(error, 0)).and_then(|response| answer(response, asked, terms))
}

/// The most bytes of an answer's head: of its headers, and what else is in there.
fn head_bytes(terms: &Terms) -> usize {
    let most = terms.bytes.min(terms.total).saturating_add(1 << 10);
    usize::try_from(most.min(MAX_HEADER_BYTES)).unwrap_or(usize::MAX)
}

/// Whether requests of a method have a body.
pub(super) fn has_body(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH")
}

fn answer(response: Response<ureq::Body>, asked: &Asked, terms: &Terms) -> Result<Answer, Silence> {
    let (parts, body) = response.into_parts();
    let named = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let headers = headers::write(named);
    let mut places = parts.headers.get_all("location").iter();
    let location = match (places.next(), places.next()) {
        (Some(place), None) => place.to_str().ok().and_then(|place| asked.url.join(place)),
        _ => None,
    };
    let too_large = |came: usize| Err(Silence::Failure(Failure::ResponseTooLarge, came as u64));
    let left = terms.total.checked_sub(headers.len() as u64);
    let Some(limit) = left.map(|left| left.min(terms.bytes)).filter(|_| headers.len() as u64 <= terms.bytes) else {
        return too_large(headers.len());
    };
    let mut bytes = Vec::new();
    // One more than may be, so that what is too large is told from what is just not.
    let read = body.into_reader().take(limit.saturating_add(1)).read_to_end(&mut bytes);
    let came = headers.len() + bytes.len();
    read.map_err(|error| silence(error.into(), came as u64))?;
    if bytes.len() as u64 > limit {
        return too_large(came);
    }
    Ok(Answer { status: parts.status.as_u16(), headers, body: bytes, location })
}

/// What an error of the client means to a guest, after so many bytes of an answer.
fn silence(error: Error, came: u64) -> Silence {
    let failure = match error {
        Error::Io(error) => match error.kind() {
            io::ErrorKind::OutOfMemory => return Silence::Stop(StopReason::HostMemory { what: "an answer over HTTP" }),
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::PermissionDenied => Failure::Connect,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::Timeout,
            // Nothing but TLS says so of bytes.
            io::ErrorKind::InvalidData => Failure::Tls,
            _ => Failure::Response,
        },
        Error::Timeout(_) => Failure::Timeout,
        Error::HostNotFound => Failure::Name,
        Error::ConnectionFailed => Failure::Connect,
        Error::Tls(_) | Error::Rustls(_) | Error::TlsRequired => Failure::Tls,
        Error::LargeResponseHeader(..) | Error::BodyExceedsLimit(_) => Failure::ResponseTooLarge,
        Error::BadUri(_) => Failure::Url,
        Error::Other(cause) if cause.is::<NotPublic>() => return Silence::Private,
        _ => Failure::Response,
    };
    Silence::Failure(failure, came)
}

/// Finds the addresses of a name, of which those that are not public are left out. What it gives is what is
/// connected to: the name is not asked for again.
#[derive(Debug)]
struct PublicResolver {
    private: bool,
    inner: DefaultResolver,
}

impl Resolver for PublicResolver {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
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
