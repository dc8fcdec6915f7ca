//! HTTP requests that a guest may make.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    Config, NumberKey,
    grammar::{Field, Kind, ScalarKind},
    key::{ConfigKey, ListKey, PolicyKey, ScalarKey, indexed, list, number, setters},
    quote::quoted,
};
use crate::{
    data::url::{Scheme, Url, host_of, is_path, port_of, split_port, split_scheme},
    error::{ConfigError, ConfigProblem, Unit, ValueProblem},
};

/// Most rules of one configuration.
const MAX_RULES: usize = 1_000;

/// The methods that a rule may have.
pub(crate) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// HTTP requests that a guest may make: those that a rule admits, within quotas.
///
/// It is an effect: the outcome depends on the responses. [`docs::http`](crate::docs::http) says what is
/// refused in any case.
///
/// ```
/// use belljar::{Config, config::HttpRule};
///
/// # if cfg!(not(feature = "http")) { return Ok(()) }
/// let config = Config::default()
///     .with_http(HttpRule::parse("GET,HEAD https://*.example.org/v1/")?)
///     .with_http_requests(10);
/// let same = Config::from_toml(r#"
///     [http]
///     allow = [{ methods = ["GET", "HEAD"], scheme = "https", host = "*.example.org", path = "/v1/" }]
///     requests = 10
/// "#)?;
/// assert_eq!(config, same);
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Http {
    /// Rules for requests. Default: none.
    pub allow: Vec<HttpRule>,
    /// Most requests of a run, including those that follow a redirect. Range: `0` to a million.
    /// Default: 100.
    pub requests: u64,
    /// Largest request, in bytes of method, URL, headers and body. Range: `0` to 1 GiB. Default:
    /// 1 MiB.
    pub request_bytes: u64,
    /// Largest headers of a response, and its largest body, in bytes. Range: `0` to 1 GiB.
    /// Default: 4 MiB.
    pub response_bytes: u64,
    /// Sum of all requests and responses of a run, in bytes. Range: `0` to 1 TiB.
    /// Default: 64 MiB.
    pub total_bytes: u64,
    /// Most time of a request with its redirects, in milliseconds. Range: `1` to an hour.
    /// Default: 10 s.
    pub timeout_ms: u64,
    /// Most redirects followed in a row, each if a rule admits it. Others are returned to the guest as they
    /// are. Range: `0` to `20`. Default: 0.
    pub redirects: u64,
    /// Admits servers at addresses of this machine, of private networks, and others that are not public.
    /// Default: no.
    pub private_addresses: bool,
}

/// Requests that a guest may make.
///
/// As text: methods, and the beginning of a URL ([`HttpRule::parse`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpRule {
    /// The methods: of `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`. Default: `GET`.
    pub methods: Vec<String>,
    /// The scheme. Default: https.
    pub scheme: Scheme,
    /// The host: a name, an address, `*.example.org` for all names below `example.org`, `*` for all hosts.
    pub host: String,
    /// The port. Default: that of the scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Path that admits itself and all below it: `/v1` admits `/v1` and `/v1/x`, `/v1/` only the latter. Default: `/`.
    pub path: String,
}

impl Http {
    pub(super) const fn new() -> Self {
        Http {
            allow: Vec::new(),
            requests: REQUESTS.plugin,
            request_bytes: REQUEST_BYTES.plugin,
            response_bytes: RESPONSE_BYTES.plugin,
            total_bytes: TOTAL_BYTES.plugin,
            timeout_ms: TIMEOUT_MS.plugin,
            redirects: REDIRECTS.plugin,
            private_addresses: false,
        }
    }

    /// Returns whether all of it is at its default.
    pub(super) fn is_default(&self) -> bool {
        *self == Http::new()
    }

    /// Checks the keys that are not numbers.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let error = |key: String, problem| Err(ConfigError { key, at: None, problem });
        if self.allow.len() > MAX_RULES {
            return error("http.allow".into(), ConfigProblem::Unfit { why: ValueProblem::TooManyRules });
        }
        for (index, rule) in self.allow.iter().enumerate() {
            if let Err((key, problem)) = rule.check() {
                return error(format!("http.allow[{index}].{key}"), problem);
            }
        }
        Ok(())
    }

    /// Checks that this build can make requests, if it has settings for them.
    pub(super) fn check_effects(&self) -> Result<(), ConfigError> {
        if cfg!(feature = "http") || self.is_default() {
            return Ok(());
        }
        let problem = ConfigProblem::Unenforceable { feature: "http" };
        Err(ConfigError { key: "http".into(), at: None, problem })
    }

    /// Returns whether a rule admits a request.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "called by the client only"))]
    pub(crate) fn admits(&self, method: &str, url: &Url) -> bool {
        self.allow.iter().any(|rule| rule.admits(method, url))
    }
}

impl Default for Http {
    fn default() -> Self {
        Http::new()
    }
}

impl Default for HttpRule {
    fn default() -> Self {
        HttpRule {
            methods: vec!["GET".into()],
            scheme: Scheme::Https,
            host: String::new(),
            port: None,
            path: "/".into(),
        }
    }
}

impl HttpRule {
    /// Reads a rule from text: methods, if not `GET`, and the beginning of a URL, whose host may be
    /// `*` or begin with `*.`.
    ///
    /// ```
    /// let rule = belljar::config::HttpRule::parse("POST,PUT https://api.example.org:8443/v1/")?;
    /// assert_eq!((rule.port, rule.path.as_str()), (Some(8443), "/v1/"));
    /// # Ok::<(), belljar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if the text is not a rule.
    pub fn parse(text: &str) -> Result<HttpRule, crate::Error> {
        let error = |problem| ConfigError { key: "http.allow".into(), at: None, problem };
        let why = ValueProblem::Rule;
        let rule = read(text).ok_or_else(|| error(ConfigProblem::Unfit { why }))?;
        rule.check().map_err(|(_, problem)| error(problem))?;
        Ok(rule)
    }

    pub(crate) fn check(&self) -> Result<(), (&'static str, ConfigProblem)> {
        let unfit = |key, why| Err((key, ConfigProblem::Unfit { why }));
        if self.methods.is_empty() {
            return unfit("methods", ValueProblem::NoMethod);
        }
        if let Some(value) = self.methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return Err(("methods", ConfigProblem::UnknownWord { value: value.clone(), valid: METHODS.to_vec() }));
        }
        if Pattern::of(&self.host).is_none() {
            return unfit("host", ValueProblem::HostPattern);
        }
        if self.port == Some(0) {
            return unfit("port", ValueProblem::Port);
        }
        if !is_path(&self.path) {
            return unfit("path", ValueProblem::UrlPath);
        }
        Ok(())
    }

    fn admits(&self, method: &str, url: &Url) -> bool {
        self.methods.iter().any(|own| own == method)
            && self.scheme == url.scheme
            && self.port.unwrap_or(self.scheme.port()) == url.port
            && Pattern::of(&self.host).is_some_and(|pattern| pattern.admits(&url.host))
            && path_is_below(&url.path, &self.path)
    }
}

/// Returns whether a path is equal to another or below it.
pub(crate) fn path_is_below(path: &str, above: &str) -> bool {
    let below = |rest: &str| rest.is_empty() || above.ends_with('/') || rest.starts_with('/');
    path.strip_prefix(above).is_some_and(below)
}

impl FromStr for HttpRule {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, crate::Error> {
        HttpRule::parse(text)
    }
}

impl fmt::Display for HttpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}://{}", self.methods.join(","), self.scheme.name(), self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

fn read(text: &str) -> Option<HttpRule> {
    let mut words = text.split_whitespace();
    let (first, second) = (words.next()?, words.next());
    let (methods, url) = second.map_or((None, first), |url| (Some(first), url));
    let (scheme, rest) = split_scheme(url)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = split_port(authority)?;
    let port = match port {
        Some(port) => Some(port_of(port)?),
        None => None,
    };
    let default = HttpRule::default();
    let rule = HttpRule {
        methods: methods.map_or(default.methods, |list| list.split(',').map(ToOwned::to_owned).collect()),
        scheme,
        host: host.to_string(),
        port,
        path: if path.is_empty() { default.path } else { path.into() },
    };
    words.next().is_none().then_some(rule)
}

/// The hosts that a rule admits.
pub(crate) enum Pattern {
    Any,
    Below(String),
    Host(String),
}

impl Pattern {
    pub(crate) fn of(text: &str) -> Option<Pattern> {
        if text == "*" {
            return Some(Pattern::Any);
        }
        match text.strip_prefix("*.") {
            // An address has no subdomains.
            Some(name) => {
                let host = host_of(name)?;
                host.bytes()
                    .any(|byte| byte.is_ascii_lowercase())
                    .then_some(host)
                    .filter(|host| !host.starts_with('['))
                    .map(Pattern::Below)
            }
            None => host_of(text).map(Pattern::Host),
        }
    }

    /// Returns whether another pattern admits every host that this one does.
    #[cfg(feature = "tool")]
    pub(crate) fn is_within(&self, other: &Pattern) -> bool {
        match (self, other) {
            (_, Pattern::Any) => true,
            (Pattern::Any, _) | (Pattern::Below(_), Pattern::Host(_)) => false,
            // Hosts below `a.example.org` are below `example.org`.
            (Pattern::Below(name), Pattern::Below(above)) => name == above || other.admits(name),
            (Pattern::Host(name), _) => other.admits(name),
        }
    }

    fn admits(&self, host: &str) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Below(name) => host.strip_suffix(name.as_str()).is_some_and(|above| above.ends_with('.')),
            Pattern::Host(name) => host == name,
        }
    }
}

impl Config {
    /// Adds a rule for requests.
    #[must_use]
    pub fn with_http(mut self, rule: HttpRule) -> Self {
        self.http.allow.push(rule);
        self
    }
}

setters! {
    /// Sets how many requests a run may make.
    with_http_requests: u64 => http.requests;
    /// Sets how long a request may take, in milliseconds.
    with_http_timeout_ms: u64 => http.timeout_ms;
    /// Sets how many redirects are followed in a row.
    with_http_redirects: u64 => http.redirects;
    /// Sets whether servers may have addresses that are not public.
    with_http_private_addresses: bool => http.private_addresses;
}

const fn key(path: &'static str, unit: Unit, range: (u64, u64), default: u64, enforced: &'static str) -> NumberKey {
    let (min, max) = range;
    NumberKey { path, unit, min, max, plugin: default, large: default, enforced }
}

const REQUESTS: NumberKey = key("http.requests", Unit::Requests, (0, 1_000_000), 100, "http.send, before it asks");
const REQUEST_BYTES: NumberKey =
    key("http.request_bytes", Unit::Bytes, (0, 1 << 30), 1 << 20, "http.send, before it asks, which returns -4");
const RESPONSE_BYTES: NumberKey =
    key("http.response_bytes", Unit::Bytes, (0, 1 << 30), 4 << 20, "http.send, while it reads, which returns -10");
const TOTAL_BYTES: NumberKey =
    key("http.total_bytes", Unit::Bytes, (0, 1 << 40), 64 << 20, "http.send, before it asks and while it reads");
const TIMEOUT_MS: NumberKey =
    key("http.timeout_ms", Unit::Milliseconds, (1, 3_600_000), 10_000, "http.send, while it waits, which returns -7");
const REDIRECTS: NumberKey =
    key("http.redirects", Unit::Redirects, (0, 20), 0, "http.send, which gives others as they are");

/// The number keys.
pub(super) static NUMBERS: [ConfigKey; 6] = [
    ConfigKey::Scalar(number!(REQUESTS, http.requests)),
    ConfigKey::Scalar(number!(REQUEST_BYTES, http.request_bytes)),
    ConfigKey::Scalar(number!(RESPONSE_BYTES, http.response_bytes)),
    ConfigKey::Scalar(number!(TOTAL_BYTES, http.total_bytes)),
    ConfigKey::Scalar(number!(TIMEOUT_MS, http.timeout_ms)),
    ConfigKey::Scalar(number!(REDIRECTS, http.redirects)),
];

/// The other keys.
pub(super) static KEYS: [ConfigKey; 2] = [
    ConfigKey::List(ListKey {
        effect: true,
        requested: Some(Kind::Tables(RULE)),
        bounded: true,
        ..list!(
            "http.allow",
            http.allow,
            Kind::Tables(RULE),
            "[]",
            |config| indexed(&config.http.allow, rule_table),
            "http.send, before it asks, and for each redirect"
        )
    }),
    ConfigKey::Scalar(ScalarKey {
        policy: Some(PolicyKey::PrivateAddresses),
        unrequested: Some(0),
        ..ScalarKey::new(
            "http.private_addresses",
            ScalarKind::Flag,
            |config| Some(u64::from(config.http.private_addresses)),
            |config, value| config.http.private_addresses = value != 0,
            "http.send, for the addresses of a name: those that were looked at are connected to",
        )
    }),
];

/// The keys of a rule.
const RULE: &[Field] = &[
    ("methods", Kind::Texts),
    ("scheme", Kind::Scalar(ScalarKind::Word(&[Scheme::Http.name(), Scheme::Https.name()]))),
    ("host", Kind::Text),
    ("port", Kind::Scalar(ScalarKind::Number(PORT))),
    ("path", Kind::Text),
];

const PORT: NumberKey = key("http.allow.port", Unit::Port, (1, 65_535), 0, "http.send, before it asks");

/// Formats a rule as TOML writes it.
pub(crate) fn rule_table(rule: &HttpRule) -> String {
    let methods = rule.methods.iter().map(|method| quoted(method)).collect::<Vec<_>>().join(", ");
    let (scheme, [host, path]) = (rule.scheme.name(), [&rule.host, &rule.path].map(|text| quoted(text)));
    let port = rule.port.map_or(String::new(), |port| format!(", port = {port}"));
    format!("{{ methods = [{methods}], scheme = \"{scheme}\", host = {host}{port}, path = {path} }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule, requests it admits, and requests it does not.
    const RULES: [(&str, &[&str], &[&str]); 12] = [
        (
            "https://example.org",
            &["GET https://example.org/", "GET https://EXAMPLE.org.:443/x?y"],
            &[
                "POST https://example.org/",
                "HEAD https://example.org/",
                "GET http://example.org/",
                "GET http://example.org:443/",
                "GET https://example.org:444/",
                "GET https://a.example.org/",
                "GET https://example.org.evil/",
                "GET https://xexample.org/",
            ],
        ),
        ("GET,POST https://EXAMPLE.org./", &["POST https://example.org/"], &["PUT https://example.org/"]),
        ("http://example.org", &["GET http://example.org/"], &["GET https://example.org:80/"]),
        (
            "https://example.org:80",
            &["GET https://example.org:80/"],
            &["GET http://example.org/", "GET https://example.org/"],
        ),
        (
            "https://*.example.org",
            &["GET https://a.example.org/", "GET https://a.b.example.org/"],
            &["GET https://example.org/", "GET https://xexample.org/", "GET https://example.org.a/"],
        ),
        (
            "https://*",
            &["GET https://a/", "GET https://1.2.3.4/", "GET https://[::1]/"],
            &["GET http://a/", "GET https://a:1/"],
        ),
        ("https://1.2.3.4", &["GET https://1.2.3.4/"], &["GET https://[::ffff:1.2.3.4]/", "GET https://11.2.3.4/"]),
        ("https://[::0:1]", &["GET https://[::1]/", "GET https://[0:0::1]/"], &["GET https://[::2]/"]),
        (
            "https://a/v1",
            &["GET https://a/v1", "GET https://a/v1/", "GET https://a/v1/x", "GET https://a/v1?x"],
            &["GET https://a/", "GET https://a/v", "GET https://a/v1x", "GET https://a/v12/", "GET https://a/x/v1"],
        ),
        ("https://a/v1/", &["GET https://a/v1/", "GET https://a/v1/x"], &["GET https://a/v1", "GET https://a/v1x"]),
        ("https://a/v1//", &["GET https://a/v1//x"], &["GET https://a/v1/x"]),
        ("https://a/%41", &["GET https://a/%41/x"], &["GET https://a/A"]),
    ];

    const NO_RULES: [&str; 24] = [
        "",
        "GET",
        "example.org",
        "https://",
        "ftp://example.org",
        "GET POST https://example.org",
        "GET, https://example.org",
        "get https://example.org",
        "CONNECT https://example.org",
        "TRACE https://example.org",
        "* https://example.org",
        "https://a.*.example",
        "https://*example.org",
        "https://*.",
        "https://**",
        "https://*.1.2.3.4",
        "https://*.[::1]",
        "https://user@example.org",
        "https://127.1",
        "https://example.org:0",
        "https://example.org:",
        "https://example.org/..",
        "https://example.org/a?b",
        "https://example.org/a#b",
    ];

    #[test]
    fn rules_admit_what_they_say() {
        for (text, admitted, refused) in RULES {
            let rule = HttpRule::parse(text).unwrap();
            assert_eq!(HttpRule::parse(&rule.to_string()), Ok(rule.clone()), "{text}");
            for (requests, admits) in [(admitted, true), (refused, false)] {
                for request in requests {
                    let (method, url) = request.split_once(' ').unwrap();
                    assert_eq!(rule.admits(method, &Url::parse(url).unwrap()), admits, "{text}: {request}");
                }
            }
        }
        for text in NO_RULES {
            assert!(HttpRule::parse(text).is_err(), "{text}");
        }
    }
}
