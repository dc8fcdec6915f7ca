//! The usual form: a request as HTTP has it, an answer as CGI has it (RFC 3875, section 6).

use hyper::http::request::Parts;

use super::reply::{Draft, Malformed, Reply, is_hop_by_hop};

/// The text of a request: its line, its headers by name, an empty line, its body. Lines end in a line feed.
pub fn request(head: &Parts, body: &[u8]) -> Vec<u8> {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut text = format!("{} {target} HTTP/1.1\n", head.method).into_bytes();
    for (name, value) in headers(head) {
        text.extend([name.as_bytes(), b": ", value, b"\n"].concat());
    }
    // However it was sent.
    text.extend(format!("content-length: {}\n\n", body.len()).into_bytes());
    text.extend(body);
    text
}

/// What a client says to whoever answers it, sorted by name; those of a name in their order.
pub fn headers(head: &Parts) -> Vec<(&str, &[u8])> {
    let all = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let mut headers: Vec<_> =
        all.filter(|(name, _)| !is_hop_by_hop(name) && !["content-length", "expect"].contains(name)).collect();
    headers.sort_by_key(|(name, _)| *name);
    headers
}

/// Reads an answer. Lines may end as in HTTP, too.
pub fn reply(mut output: Vec<u8>) -> Result<Reply, Malformed> {
    let mut draft = Draft::default();
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
            draft.status(&String::from_utf8_lossy(value))?;
        } else {
            draft.header(name, value)?;
        }
    }
    let body = output.split_off(at.min(output.len()));
    draft.finish(body)
}
