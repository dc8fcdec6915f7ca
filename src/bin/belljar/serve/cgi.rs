//! The default exchange format: requests in the syntax of HTTP, responses in that of CGI (RFC 3875, section 6).

use hyper::http::request::Parts;

use super::reply::{Malformed, Reply, ReplyBuilder, is_hop_by_hop};

/// Formats a request: the request line, the headers sorted by name, an empty line, the body. Lines end in a line feed.
pub fn request(head: &Parts, body: &[u8]) -> Vec<u8> {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut text = format!("{} {target} HTTP/1.1\n", head.method).into_bytes();
    for (name, value) in headers(head) {
        text.extend([name.as_bytes(), b": ", value, b"\n"].concat());
    }
    // Also for a body that was sent in chunks.
    text.extend(format!("content-length: {}\n\n", body.len()).into_bytes());
    text.extend(body);
    text
}

/// Returns the end-to-end headers of a request, sorted by name; those of one name keep their order.
pub fn headers(head: &Parts) -> Vec<(&str, &[u8])> {
    let all = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let mut headers: Vec<_> =
        all.filter(|(name, _)| !is_hop_by_hop(name) && !["content-length", "expect"].contains(name)).collect();
    headers.sort_by_key(|(name, _)| *name);
    headers
}

/// Parses a response. Lines may end in CRLF or LF.
pub fn reply(mut output: Vec<u8>) -> Result<Reply, Malformed> {
    let mut builder = ReplyBuilder::default();
    let mut at = 0;
    for line in 1.. {
        let rest = output.get(at..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(Malformed::NoEnd)?;
        let text = rest.get(..end).unwrap_or_default();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        at += end + 1;
        if text.is_empty() {
            break;
        }
        let colon = text.iter().position(|byte| *byte == b':').ok_or(Malformed::Line { line })?;
        let (name, value) = text.split_at(colon);
        let name = str::from_utf8(name).map_err(|_| Malformed::Line { line })?;
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case("status") {
            builder.status(&String::from_utf8_lossy(value))?;
        } else {
            builder.header(name, value)?;
        }
    }
    let body = output.split_off(at.min(output.len()));
    builder.finish(body)
}
