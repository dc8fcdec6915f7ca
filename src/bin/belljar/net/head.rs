//! Normalization of the head of a request.

use std::net::Ipv6Addr;

use hyper::{
    Method, StatusCode, Uri, Version,
    header::{HOST, HeaderValue, TRANSFER_ENCODING},
    http::{request::Parts, uri::Scheme},
};

/// Checks a head against RFC 9112, and converts its target to origin form (section 3.2). A proxy in front of this
/// server must see the same host, path and body, so all ambiguous heads are refused.
pub fn normalize(head: &mut Parts) -> Result<(), (StatusCode, &'static str)> {
    let wrong = |detail| Err((StatusCode::BAD_REQUEST, detail));
    if head.method == Method::CONNECT {
        return Err((StatusCode::NOT_IMPLEMENTED, "CONNECT is not supported: this server is not a proxy"));
    }
    let codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let (chunked, other): (Vec<_>, Vec<_>) =
        codings.filter(|coding| !coding.is_empty()).partition(|coding| coding.eq_ignore_ascii_case(b"chunked"));
    if !other.is_empty() {
        return Err((StatusCode::NOT_IMPLEMENTED, "the only supported transfer coding is `chunked`"));
    }
    if chunked.len() > 1 {
        return wrong("the transfer coding `chunked` is applied twice");
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => {}
        (Some(_), None) => return wrong("the header `host` is not a valid host"),
        (None, _) if head.version < Version::HTTP_11 => {}
        _ => return wrong("expected exactly one header `host`"),
    }
    if let Some(authority) = head.uri.authority() {
        // An authority without a scheme is only valid for CONNECT.
        if ![Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&head.uri.scheme()) {
            return wrong("the target is neither a path nor an http URL");
        }
        let host = HeaderValue::from_str(authority.as_str()).ok().filter(|host| is_host(host.as_bytes()));
        let Some(host) = host.filter(|host| !host.is_empty()) else {
            return wrong("the target has no valid host");
        };
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        // A URL without a path has the path `/` (section 3.2.1).
        let slash = if target.starts_with('/') { "" } else { "/" };
        head.uri = Uri::try_from(format!("{slash}{target}")).unwrap_or_default();
        head.headers.insert(HOST, host);
    }
    match head.uri.path() {
        path if path.starts_with('/') => Ok(()),
        "*" if head.method == Method::OPTIONS => Ok(()),
        _ => wrong("the target is not a path"),
    }
}

/// Checks for a host with an optional port (RFC 9110, section 7.2): an RFC 3986 name or address, without userinfo.
fn is_host(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else { return false };
    let (is_valid, port) = match text.strip_prefix('[') {
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
    is_valid && is_port
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

#[cfg(test)]
mod tests {
    use hyper::Request;

    #[test]
    fn a_url_without_a_path_has_the_root() {
        for (target, found) in
            [("http://b.example?q", "/?q"), ("http://b.example", "/"), ("http://b.example/e?q", "/e?q")]
        {
            let request = Request::builder().uri(target).header("host", "a").body(()).unwrap();
            let (mut head, ()) = request.into_parts();
            super::normalize(&mut head).unwrap();
            assert_eq!((head.uri.to_string().as_str(), head.headers["host"].to_str().unwrap()), (found, "b.example"));
        }
    }
}
