//! URLs of HTTP, parsed strictly enough that other parsers agree on their meaning.

use alloc::{format, string::String, vec::Vec};
use core::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

/// Longest URL that is accepted, in bytes.
pub(crate) const MAX_URL_BYTES: usize = 8 << 10;

/// Scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scheme {
    /// Unencrypted.
    Http,
    /// Over TLS, with a certificate signed by a well-known authority.
    #[default]
    Https,
}

impl Scheme {
    /// Returns the default port.
    pub fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    /// Returns the name at the start of URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// URL in normal form: the form that is requested and matched against rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Scheme,
    /// In lower case; an IPv6 address in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Starts with `/`, without the query.
    pub(crate) path: String,
    /// Starts with `?`; empty without a query.
    pub(crate) query: String,
}

impl Url {
    /// Parses a URL, without its fragment. Returns `None` for everything that another parser could read differently:
    /// user names, legacy numeric hosts, `..`, backslashes, characters beyond ASCII.
    pub(crate) fn parse(text: &str) -> Option<Url> {
        let text = text.split('#').next()?;
        let (scheme, rest) = split_scheme(text)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (host, port) = split_port(authority)?;
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        if text.len() > MAX_URL_BYTES || !is_path(path) || !has_url_bytes(query) {
            return None;
        }
        Some(Url {
            scheme,
            host: host_of(host)?,
            port: port.map_or(Some(scheme.port()), port_of)?,
            path: path.into(),
            query: query.into(),
        })
    }

    /// Returns whether both have the same scheme, host and port.
    pub(crate) fn has_origin_of(&self, other: &Url) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// Resolves a reference in a response from this URL.
    pub(crate) fn join(&self, reference: &str) -> Option<Url> {
        let reference = reference.split('#').next()?;
        if reference.split(['/', '?']).next()?.contains(':') {
            return Url::parse(reference);
        }
        let scheme = self.scheme.name();
        if let Some(rest) = reference.strip_prefix("//") {
            return Url::parse(&format!("{scheme}://{rest}"));
        }
        let (path, query) = reference.split_at(reference.find('?').unwrap_or(reference.len()));
        let folder = self.path.rfind('/').map_or("/", |at| self.path.get(..=at).unwrap_or("/"));
        let path = match path {
            "" => self.path.clone(),
            path if path.starts_with('/') => without_dots(path),
            path => without_dots(&format!("{folder}{path}")),
        };
        let query = if reference.is_empty() { &self.query } else { query };
        Url::parse(&format!("{scheme}://{}:{}{path}{query}", self.host, self.port))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)?;
        if self.port != self.scheme.port() {
            write!(f, ":{}", self.port)?;
        }
        write!(f, "{}{}", self.path, self.query)
    }
}

/// Splits the scheme from the text after `://`.
pub(crate) fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    let (name, rest) = text.split_once("://")?;
    let scheme = [Scheme::Http, Scheme::Https].into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(name))?;
    Some((scheme, rest))
}

/// Splits an authority into host and port, unparsed.
pub(crate) fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let colon = match authority.rfind(']') {
        Some(end) => authority.get(end + 1..)?.find(':').map(|at| end + 1 + at),
        None => authority.find(':'),
    };
    Some(match colon {
        Some(at) => (authority.get(..at)?, Some(authority.get(at + 1..)?)),
        None => (authority, None),
    })
}

/// Parses a port other than 0.
pub(crate) fn port_of(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

/// Returns a host in normal form: a name of ASCII labels, or an address in its canonical form.
pub(crate) fn host_of(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let labels: Vec<&str> = name.split('.').collect();
    if name.len() > 253 || !labels.iter().all(|label| is_label(label)) {
        return None;
    }
    // Some parsers read every name that ends in a number as an address: `127.1`, `0x7f000001`, `017700000001`.
    let last = labels.last()?.as_bytes();
    let hex = matches!(last, [b'0', b'x' | b'X', digits @ ..] if digits.iter().all(u8::is_ascii_hexdigit));
    if hex || last.iter().all(u8::is_ascii_digit) {
        let address: Ipv4Addr = text.parse().ok()?;
        return Some(format!("{address}"));
    }
    Some(name.to_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

/// Returns whether a path is valid and has no `..` segment, in any encoding that a server may decode.
pub(crate) fn is_path(path: &str) -> bool {
    path.starts_with('/') && has_url_bytes(path) && !path.contains('?') && !has_dots(path)
}

/// Returns whether a text has only characters that RFC 3986 allows in a path or a query, and each `%` two digits.
fn has_url_bytes(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(byte),
    })
}

/// Most levels of percent-encoding that are accepted.
const MAX_ESCAPES: usize = 3;

/// Returns whether a server could find a segment `.` or `..`: after decoding percent signs once or more often, and
/// after cutting off parameters.
fn has_dots(path: &str) -> bool {
    const CODES: [(&str, &str); 5] = [("%2e", "."), ("%2f", "/"), ("%5c", "\\"), ("%3b", ";"), ("%25", "%")];
    let mut path = path.to_ascii_lowercase();
    for _ in 0..=MAX_ESCAPES {
        let plain = CODES.iter().fold(path.clone(), |path, (code, byte)| path.replace(code, byte));
        if plain.len() == path.len() {
            return path.split(['/', '\\']).any(|name| matches!(name.split(';').next(), Some("." | "..")));
        }
        path = plain;
    }
    true
}

/// Removes the segments `.` and `..` of a path (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            "." => {}
            ".." => drop(names.pop()),
            name => {
                names.push(name);
                continue;
            }
        }
        if is_last {
            names.push("");
        }
    }
    format!("/{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepted URLs, and their normal forms.
    const READ: [(&str, &str); 22] = [
        ("http://example.org", "http://example.org/"),
        ("HTTPS://EXAMPLE.org:443/A?B", "https://example.org/A?B"),
        ("http://example.org:8080/a/b", "http://example.org:8080/a/b"),
        ("http://example.org.", "http://example.org/"),
        ("http://example.org?x=/../y", "http://example.org/?x=/../y"),
        ("http://example.org/#../top", "http://example.org/"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
        ("http://a_b.example/", "http://a_b.example/"),
        ("http://127.0.0.1:65535/", "http://127.0.0.1:65535/"),
        ("http://[::1]/", "http://[::1]/"),
        ("http://[0:0:0:0:0:0:0:1]:80/", "http://[::1]/"),
        ("http://[::FFFF:127.0.0.1]/", "http://[::ffff:127.0.0.1]/"),
        ("http://example.org/%41", "http://example.org/%41"),
        ("http://example.org/a//b", "http://example.org/a//b"),
        ("http://example.org/.../..a/a..", "http://example.org/.../..a/a.."),
        ("http://example.org/.well-known/", "http://example.org/.well-known/"),
        ("http://example.org/a:b@c", "http://example.org/a:b@c"),
        ("http://example.org:00080/", "http://example.org/"),
        ("http://0x7f.example/", "http://0x7f.example/"),
        ("http://1.2.3.4.example/", "http://1.2.3.4.example/"),
        ("http://localhost/", "http://localhost/"),
        ("https://example.org:80", "https://example.org:80/"),
    ];

    const REFUSED: [&str; 63] = [
        "",
        "example.org",
        "/path",
        "http:",
        "http://",
        "http:///path",
        "http:/example.org",
        "http:\\\\example.org\\",
        "ftp://example.org/",
        "file:///etc/passwd",
        "javascript://example.org/",
        " http://example.org/",
        "http://example.org/ ",
        "ht\ttp://example.org/",
        "http://exam\tple.org/",
        "http://example.org/\t",
        "http://example.org/a b",
        "http://example.org/\r\nHost: other",
        "http://example.org\0.evil/",
        "http://user@example.org/",
        "http://user:password@example.org/",
        "http://example.org@evil.example/",
        "http://example.org:80@evil.example/",
        "http://@example.org/",
        "http://example.org\\@evil.example/",
        "http://example.org\\evil/",
        "http://example.org/a\\b",
        "http://example.org:/",
        "http://example.org:0/",
        "http://example.org:65536/",
        "http://example.org:+80/",
        "http://example.org:8 0/",
        "http://example.org:80:80/",
        "http://example..org/",
        "http://.example.org/",
        "http://example.org../",
        "http://-a.example/",
        "http://*.example.org/",
        "http://%6c%6f%63alhost/",
        "http://b\u{fc}cher.example/",
        "http://\u{ff11}27.0.0.1/",
        "http://example\u{3002}org/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.0x1/",
        "http://0x/",
        "http://0177.0.0.1/",
        "http://127.0.0.01/",
        "http://127.0.0.256/",
        "http://127.0.0.1.5/",
        "http://example.0/",
        "http://[::1/",
        "http://::1/",
        "http://[::1%25eth0]/",
        "http://[127.0.0.1]/",
        "http://[::1]x/",
        "http://example.org/../etc",
        "http://example.org/a/./b",
        "http://example.org/%zz",
        "http://example.org/%4",
        "http://example.org/\u{e9}",
    ];

    /// Encodings of `..` that some servers decode.
    const UP: [&str; 14] = [
        "..",
        "%2e%2e",
        ".%2E",
        "a%2f..",
        "a%2F%2e%2e",
        "..%5cb",
        "..%2f",
        "%252e%252e",
        "%25252e.",
        "..;x=1",
        "..%3bx",
        ".%2e%253b",
        "a%255c..%255cb",
        "%2525252525252561",
    ];

    #[test]
    fn a_url_has_one_form() {
        for (text, form) in READ {
            let url = Url::parse(text).unwrap_or_else(|| panic!("{text} is refused"));
            assert_eq!(format!("{url}"), form, "{text}");
            assert_eq!(Url::parse(form), Some(url), "{form}");
        }
    }

    #[test]
    fn what_can_be_read_otherwise_is_no_url() {
        for text in REFUSED {
            assert_eq!(Url::parse(text), None, "{text:?}");
        }
        for up in UP {
            for text in [format!("http://example.org/v1/{up}/admin"), format!("http://example.org/{up}")] {
                assert_eq!(Url::parse(&text), None, "{text}");
            }
        }
        let long = format!("http://example.org/{}", "a".repeat(MAX_URL_BYTES));
        assert_eq!(Url::parse(&long), None);
        assert!(Url::parse(long.get(..MAX_URL_BYTES).unwrap()).is_some());
    }

    #[test]
    fn references_are_of_their_page() {
        let base = Url::parse("http://example.org:8080/a/b/c?q").unwrap();
        for (reference, expected) in [
            ("https://other.example/x", Some("https://other.example/x")),
            ("//other.example/x", Some("http://other.example/x")),
            ("/x?y#z", Some("http://example.org:8080/x?y")),
            ("x", Some("http://example.org:8080/a/b/x")),
            ("./x/", Some("http://example.org:8080/a/b/x/")),
            ("../x", Some("http://example.org:8080/a/x")),
            ("../../../../x", Some("http://example.org:8080/x")),
            ("..", Some("http://example.org:8080/a/")),
            ("?y", Some("http://example.org:8080/a/b/c?y")),
            ("", Some("http://example.org:8080/a/b/c?q")),
            ("%2e%2e/x", None),
            ("http://127.1/", None),
            ("//user@other.example/", None),
            ("ftp://other.example/", None),
            ("\\\\other.example/", None),
            ("/\r\nx", None),
        ] {
            let joined = base.join(reference).map(|url| format!("{url}"));
            assert_eq!(joined.as_deref(), expected, "{reference}");
        }
    }

    /// Parses random texts: every accepted URL is in normal form, and parses to itself.
    #[test]
    fn odd_texts_are_read_as_themselves_or_not_at_all() {
        let parts = [
            "http://", "https://", "//", "/", "..", ".", "@", ":", "[", "]", "::1", "127.1", "1", "0x7f", "%2e", "%00",
            "\\", "?", "#", "a", "B", "xn--a", "-", "\t", "\n", " ", "\u{e9}", "*", "80", ";", "%",
        ];
        let mut seed = 1u64;
        let mut read = 0;
        for _ in 0..100_000 {
            let mut text = String::from("http://");
            for _ in 0..seed % 7 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(parts[(seed >> 33) as usize % parts.len()]);
            }
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed ^= seed >> 29;
            let Some(url) = Url::parse(&text) else { continue };
            read += 1;
            let form = format!("{url}");
            assert_eq!(Url::parse(&form).as_ref(), Some(&url), "{text:?}");
            assert!(form.bytes().all(|byte| (0x21..0x7f).contains(&byte)), "{text:?}: {form}");
            assert!(!url.host.contains('@') && !url.path.split('/').any(|name| name == ".."), "{text:?}: {form}");
            let _ = url.join(text.trim_start_matches("http://"));
        }
        assert!(read > 1_000, "{read}");
    }
}
