//! Headers in the form that guests write and read: lines of `name: value`, each ended by a line feed.

use alloc::{string::String, vec::Vec};

/// Name in lower case, and value of a header.
pub(super) type Header = (String, Vec<u8>);

/// Most headers of a request.
const MAX_HEADERS: usize = 128;

/// Headers that only the host may set: they decide how, to whom and on whose behalf a request is sent.
const RESERVED: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-real-ip",
];
const RESERVED_PREFIXES: [&str; 2] = ["proxy-", "x-forwarded-"];

/// Parses the headers of a request. Returns `None` if a line is malformed, or is a header only the host may set.
pub(super) fn read(block: &[u8]) -> Option<Vec<Header>> {
    let lines = block.strip_suffix(b"\n").unwrap_or(block);
    if lines.is_empty() {
        return (block.len() == lines.len()).then(Vec::new);
    }
    let headers: Vec<_> =
        lines.split(|byte| *byte == b'\n').map(header).take(MAX_HEADERS + 1).collect::<Option<_>>()?;
    (headers.len() <= MAX_HEADERS).then_some(headers)
}

fn header(line: &[u8]) -> Option<Header> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(colon);
    let name = String::from_utf8(name.to_ascii_lowercase()).ok().filter(|name| is_token(name))?;
    let value = trimmed(value.get(1..)?);
    let reserved = RESERVED.contains(&name.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let is_text = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..);
    (!reserved && value.iter().all(is_text)).then(|| (name, value.to_vec()))
}

fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Formats the headers of a response, sorted by name; headers of one name keep their order.
pub(super) fn write<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut headers: Vec<_> = headers.collect();
    headers.sort_by_key(|(name, _)| *name);
    headers.iter().flat_map(|(name, value)| [name.as_bytes(), b": ", value, b"\n"]).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use std::{format, vec};

    use super::*;

    #[test]
    fn headers_are_parsed_and_formatted() {
        let header = |name: &str, value: &[u8]| (String::from(name), value.to_vec());
        assert_eq!(read(b""), Some(vec![]));
        assert_eq!(read(b"Accept: text/plain\n"), Some(vec![header("accept", b"text/plain")]));
        let two = vec![header("a", b""), header("b", b"x: y\t\xff")];
        assert_eq!(read(b"a:\nB:   x: y\t\xff  "), Some(two.clone()));
        assert_eq!(write(two.iter().map(|(name, value)| (name.as_str(), value.as_slice()))), b"a: \nb: x: y\t\xff\n");
        let many = |count: usize| "a: b\n".repeat(count);
        assert_eq!(read(many(MAX_HEADERS).as_bytes()).unwrap().len(), MAX_HEADERS);
        assert_eq!(read(many(MAX_HEADERS + 1).as_bytes()), None);
    }

    #[test]
    fn malformed_and_reserved_headers_are_refused() {
        let malformed: [&[u8]; 14] = [
            b"\n",
            b"a",
            b"a\n",
            b": b\n",
            b"a: b\n\n",
            b"a: b\n\nGET / HTTP/1.1\n",
            b"a: b\r\n",
            b"a: b\rc\n",
            b"a : b\n",
            b" a: b\n",
            b"a\0: b\n",
            b"a: b\0\n",
            b"a: \x7f\n",
            b"\xc3\xa4: b\n",
        ];
        for block in malformed {
            assert_eq!(read(block), None, "{}", block.escape_ascii());
        }
        let prefixed = ["Proxy-Authorization", "Proxy-Connection", "X-Forwarded-For", "X-Forwarded-Host"];
        for name in RESERVED.into_iter().chain(prefixed) {
            for name in [name.into(), name.to_uppercase()] {
                assert_eq!(read(format!("a: b\n{name}: x\n").as_bytes()), None, "{name}");
            }
        }
    }
}
