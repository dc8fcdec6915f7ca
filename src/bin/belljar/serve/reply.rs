//! An answer, with nothing in it that the server decides on.

use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use thiserror::Error;

/// The most headers an answer may have, and their bytes.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 << 10;

/// What says how a message is sent, and so is not for a guest to see or to say.
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

/// An answer.
#[derive(Debug, Default)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, without those of the connection.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// What a guest wrote is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// There is no empty line.
    #[error("the headers do not end: there is no empty line after them")]
    NoEnd,
    /// A line that is no header.
    #[error("line {line} is no header")]
    Line {
        /// Its number; the first is 1.
        line: usize,
    },
    /// Not of the form that was agreed on.
    #[error("it is not the JSON document of an answer: {message}")]
    Json {
        /// What is wrong with it.
        message: String,
    },
    /// A name or a value that HTTP does not have.
    #[error("header `{}` cannot be sent", belljar::escape(.name, 64))]
    Header {
        /// Its name.
        name: String,
    },
    /// A header that is the server's own to say.
    #[error("header `{}` is not for a guest to say", belljar::escape(.name, 64))]
    NotYours {
        /// Its name.
        name: String,
    },
    /// A header that is said twice.
    #[error("header `{name}` is there twice")]
    Twice {
        /// Its name.
        name: &'static str,
    },
    /// More headers than an answer may have.
    #[error("more than {MAX_HEADERS} headers, or than {MAX_HEADER_BYTES} bytes of them")]
    Many,
    /// A status that no answer ends with.
    #[error("`{}` is no status from 200 to 599", belljar::escape(.text, 64))]
    Status {
        /// What it says.
        text: String,
    },
    /// Another size than that of the body.
    #[error("content-length is `{}`, and the body has {size} bytes", belljar::escape(.told, 32))]
    Length {
        /// What it says.
        told: String,
        /// The size of the body.
        size: usize,
    },
    /// A body where there can be none.
    #[error("status {status} has no body")]
    Body {
        /// The status.
        status: u16,
    },
    /// Text that is said to be base64.
    #[error("`body_base64` is not base64")]
    Base64,
}

/// Whether a header says how a message is sent.
pub fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP.contains(&name)
}

/// An answer of a guest, as its parts are read.
#[derive(Debug, Default)]
pub struct Draft {
    status: Option<StatusCode>,
    headers: HeaderMap,
    length: Option<String>,
    bytes: usize,
}

impl Draft {
    /// Sets the status by its first three characters; what follows a space are words.
    pub fn status(&mut self, text: &str) -> Result<(), Malformed> {
        let wrong = || Malformed::Status { text: text.into() };
        let code = text.split(' ').next().unwrap_or_default();
        let code: u16 = if code.len() == 3 { code.parse().map_err(|_| wrong())? } else { 0 };
        let status = StatusCode::from_u16(code).ok().filter(|_| (200..600).contains(&code)).ok_or_else(wrong)?;
        match self.status.replace(status) {
            None => Ok(()),
            Some(_) => Err(Malformed::Twice { name: "status" }),
        }
    }

    /// Adds a header.
    pub fn header(&mut self, name: &str, value: &[u8]) -> Result<(), Malformed> {
        let wrong = || Malformed::Header { name: name.into() };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        if is_hop_by_hop(header.as_str()) {
            return Err(Malformed::NotYours { name: name.into() });
        }
        self.bytes += name.len() + value.len();
        if self.headers.len() >= MAX_HEADERS || self.bytes > MAX_HEADER_BYTES {
            return Err(Malformed::Many);
        }
        if header == "content-length" {
            return match self.length.replace(String::from_utf8_lossy(value).into_owned()) {
                None => Ok(()),
                Some(_) => Err(Malformed::Twice { name: "content-length" }),
            };
        }
        let twice = (header == CONTENT_TYPE).then_some("content-type").or((header == LOCATION).then_some("location"));
        if let Some(name) = twice.filter(|name| self.headers.contains_key(*name)) {
            return Err(Malformed::Twice { name });
        }
        self.headers.append(header, HeaderValue::from_bytes(value).map_err(|_| wrong())?);
        Ok(())
    }

    /// The answer with this body. Without a status it is 302 where it says where to go, and 200 else; without a type
    /// it is bytes.
    pub fn finish(mut self, body: Vec<u8>) -> Result<Reply, Malformed> {
        if let Some(told) = self.length.filter(|told| told.parse() != Ok(body.len())) {
            return Err(Malformed::Length { told, size: body.len() });
        }
        let usual = if self.headers.contains_key(LOCATION) { StatusCode::FOUND } else { StatusCode::OK };
        let status = self.status.unwrap_or(usual);
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
    /// An answer of the server's own.
    pub fn new(status: StatusCode, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply { status, headers: HeaderMap::new(), body: body.into() }.with_header("content-type", content_type)
    }

    /// Sets a header, if it can be sent.
    pub fn with_header(mut self, name: &'static str, value: impl AsRef<str>) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// As it is sent.
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.into()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
