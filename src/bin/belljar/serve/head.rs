//! The head of a request, in the one form in which guests see it.

use std::net::Ipv6Addr;

use hyper::{
    Method, StatusCode, Uri, Version,
    header::{HOST, HeaderValue, TRANSFER_ENCODING},
    http::{request::Parts, uri::Scheme},
};

use super::problem::Problem;

/// Checks a head as RFC 9112 asks, and puts its target into the form of a path (section 3.2): whoever is before this
/// server has to see the same host, path and body.
pub fn settle(head: &mut Parts) -> Result<(), Problem> {
    check(head).map_err(|(status, detail)| Problem::new(status, detail).closing())
}

fn check(head: &mut Parts) -> Result<(), (StatusCode, &'static str)> {
    let wrong = |detail| Err((StatusCode::BAD_REQUEST, detail));
    if head.method == Method::CONNECT {
        return Err((StatusCode::NOT_IMPLEMENTED, "this is no proxy"));
    }
    let codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let (chunked, other): (Vec<_>, Vec<_>) =
        codings.filter(|coding| !coding.is_empty()).partition(|coding| coding.eq_ignore_ascii_case(b"chunked"));
    if !other.is_empty() {
        return Err((StatusCode::NOT_IMPLEMENTED, "a body may come in chunks, and in no other coding"));
    }
    if chunked.len() > 1 {
        return wrong("a body is in chunks of chunks");
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => {}
        (Some(_), None) => return wrong("`host` is none"),
        (None, _) if head.version < Version::HTTP_11 => {}
        _ => return wrong("there has to be one `host`"),
    }
    if let Some(authority) = head.uri.authority() {
        // Of an address whose scheme is left out, nobody could say whether it is one.
        if ![Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&head.uri.scheme()) {
            return wrong("the target is neither a path nor an address with http");
        }
        let host = HeaderValue::from_str(authority.as_str()).ok().filter(|host| is_host(host.as_bytes()));
        let Some(host) = host.filter(|host| !host.is_empty()) else {
            return wrong("the host of the target is none");
        };
        let path = head.uri.path_and_query().cloned();
        head.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
        head.headers.insert(HOST, host);
    }
    match head.uri.path() {
        path if path.starts_with('/') => Ok(()),
        "*" if head.method == Method::OPTIONS => Ok(()),
        _ => wrong("the target is no path"),
    }
}

/// Whether it is a host, maybe with a port (RFC 9110, section 7.2): a name of RFC 3986 without a user, or an address.
fn is_host(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else { return false };
    let (is_fine, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
            None => return false,
        },
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (is_name(name.as_bytes()), port)
        }
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => {
            digits.is_empty() || digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
        None => port.is_empty(),
    };
    is_fine && is_port
}

fn is_name(name: &[u8]) -> bool {
    let mut rest = name;
    while let [first, more @ ..] = rest {
        rest = match (first, more) {
            (b'%', [one, two, more @ ..]) if one.is_ascii_hexdigit() && two.is_ascii_hexdigit() => more,
            (byte, more) if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte) => more,
            _ => return false,
        };
    }
    true
}
