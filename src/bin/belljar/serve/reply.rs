//! Responses, without the headers that the server sets.

use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use thiserror::Error;

/// Limits on the headers of a response.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 << 10;

/// Hop-by-hop headers, which are hidden from guests and reserved for the server.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A response.
#[derive(Debug, Default)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The end-to-end headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// The reason why an output is not a valid response.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The empty line after the headers is missing.
    #[error("the empty line after the headers is missing")]
    NoEnd,
    /// A line is not a header.
    #[error("line {line} is not a header")]
    Line {
        /// The line number, from 1.
        line: usize,
    },
    /// The output is not a JSON document of the expected structure.
    #[error("it is not the JSON document of a response: {message}")]
    Json {
        /// The error of the parser.
        message: String,
    },
    /// A header name or value is invalid.
    #[error("header `{}` is invalid", belljar::text::escape(.name, 64))]
    Header {
        /// The name of the header.
        name: String,
    },
    /// A header is reserved for the server.
    #[error("header `{}` is reserved for the server", belljar::text::escape(.name, 64))]
    Reserved {
        /// The name of the header.
        name: String,
    },
    /// A header that must be unique is set twice.
    #[error("header `{name}` is set twice")]
    Duplicate {
        /// The name of the header.
        name: &'static str,
    },
    /// The headers exceed a limit.
    #[error("more than {MAX_HEADERS} headers, or more than {MAX_HEADER_BYTES} bytes of headers")]
    TooManyHeaders,
    /// The status is out of range.
    #[error("`{}` is not a status from 200 to 599", belljar::text::escape(.text, 64))]
    Status {
        /// The value.
        text: String,
    },
    /// The content length differs from the size of the body.
    #[error("content-length is `{}`, and the body has {size} bytes", belljar::text::escape(.value, 32))]
    Length {
        /// The value.
        value: String,
        /// The size of the body.
        size: usize,
    },
    /// The status does not permit a body.
    #[error("a response with status {status} must not have a body")]
    Body {
        /// The status.
        status: u16,
    },
    /// `body_base64` is not base64.
    #[error("`body_base64` is not base64")]
    Base64,
}

/// Returns whether a header is hop-by-hop.
pub fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP.contains(&name)
}

/// A builder for a response of a guest, which checks each part.
#[derive(Debug, Default)]
pub struct ReplyBuilder {
    status: Option<StatusCode>,
    headers: HeaderMap,
    length: Option<String>,
    bytes: usize,
}

impl ReplyBuilder {
    /// Sets the status from its first three characters; a reason phrase after a space is ignored.
    pub fn status(&mut self, text: &str) -> Result<(), Malformed> {
        let wrong = || Malformed::Status { text: text.into() };
        let code = text.split(' ').next().unwrap_or_default();
        let code: u16 = if code.len() == 3 { code.parse().map_err(|_| wrong())? } else { 0 };
        let status = StatusCode::from_u16(code).ok().filter(|_| (200..600).contains(&code)).ok_or_else(wrong)?;
        match self.status.replace(status) {
            None => Ok(()),
            Some(_) => Err(Malformed::Duplicate { name: "status" }),
        }
    }

    /// Adds a header.
    pub fn header(&mut self, name: &str, value: &[u8]) -> Result<(), Malformed> {
        let wrong = || Malformed::Header { name: name.into() };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        if is_hop_by_hop(header.as_str()) {
            return Err(Malformed::Reserved { name: name.into() });
        }
        self.bytes += name.len() + value.len();
        if self.headers.len() >= MAX_HEADERS || self.bytes > MAX_HEADER_BYTES {
            return Err(Malformed::TooManyHeaders);
        }
        if header == "content-length" {
            return match self.length.replace(String::from_utf8_lossy(value).into_owned()) {
                None => Ok(()),
                Some(_) => Err(Malformed::Duplicate { name: "content-length" }),
            };
        }
        let unique = (header == CONTENT_TYPE).then_some("content-type").or((header == LOCATION).then_some("location"));
        if let Some(name) = unique.filter(|name| self.headers.contains_key(*name)) {
            return Err(Malformed::Duplicate { name });
        }
        self.headers.append(header, HeaderValue::from_bytes(value).map_err(|_| wrong())?);
        Ok(())
    }

    /// Returns the response with this body. The default status is 302 with a `location` and 200 without, the default
    /// type of a body `application/octet-stream`.
    pub fn finish(mut self, body: Vec<u8>) -> Result<Reply, Malformed> {
        if let Some(value) = self.length.filter(|value| value.parse() != Ok(body.len())) {
            return Err(Malformed::Length { value, size: body.len() });
        }
        let default = if self.headers.contains_key(LOCATION) { StatusCode::FOUND } else { StatusCode::OK };
        let status = self.status.unwrap_or(default);
        let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless && !body.is_empty() {
            return Err(Malformed::Body { status: status.as_u16() });
        }
        if !body.is_empty() {
            let bytes = HeaderValue::from_static("application/octet-stream");
            self.headers.entry(CONTENT_TYPE).or_insert(bytes);
        }
        Ok(Reply { status, headers: self.headers, body })
    }
}

impl Reply {
    /// Returns a response of the server itself.
    pub fn new(status: StatusCode, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply { status, headers: HeaderMap::new(), body: body.into() }.with_header("content-type", content_type)
    }

    /// Sets a header, unless its value is invalid.
    pub fn with_header(mut self, name: &'static str, value: impl AsRef<str>) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Converts it to a response of hyper.
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.into()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
