//! The JSON exchange format: requests and responses as JSON documents.

use std::collections::BTreeMap;

use hyper::http::request::Parts;
use serde::{Deserialize, Serialize};

use super::{
    cgi,
    reply::{Malformed, Reply, ReplyBuilder},
};
use crate::{base64, json};

#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    headers: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    body: Option<String>,
    body_base64: Option<String>,
}

/// One header value, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Some(Vec<String>),
}

fn ok() -> u16 {
    200
}

/// Formats a request as a JSON document.
pub fn request(head: &Parts, body: &[u8]) -> Vec<u8> {
    let mut headers = BTreeMap::<&str, String>::new();
    for (name, value) in cgi::headers(head) {
        let value = String::from_utf8_lossy(value);
        // The separators of RFC 9110 and, for cookies, RFC 6265.
        let separator = if name == "cookie" { "; " } else { ", " };
        let values = headers.entry(name).or_default();
        *values = if values.is_empty() { value.into() } else { format!("{values}{separator}{value}") };
    }
    let text = str::from_utf8(body).ok();
    let request = Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query(),
        headers,
        body: text,
        body_base64: text.is_none().then(|| base64::encode(body)),
    };
    json::to_vec(&request)
}

/// Parses a response.
pub fn reply(output: &[u8]) -> Result<Reply, Malformed> {
    let response: Response =
        serde_json::from_slice(output).map_err(|error| Malformed::Json { message: error.to_string() })?;
    let mut builder = ReplyBuilder::default();
    builder.status(&response.status.to_string())?;
    for (name, values) in &response.headers {
        let values = match values {
            Values::One(value) => std::slice::from_ref(value),
            Values::Some(values) => values,
        };
        values.iter().try_for_each(|value| builder.header(name, value.as_bytes()))?;
    }
    let body = match (response.body, response.body_base64) {
        (Some(_), Some(_)) => {
            return Err(Malformed::Json { message: "`body` and `body_base64` are both set".into() });
        }
        (None, Some(text)) => base64::decode(&text).ok_or(Malformed::Base64)?,
        (text, None) => text.unwrap_or_default().into_bytes(),
    };
    builder.finish(body)
}
