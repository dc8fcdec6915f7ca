//! JSON-RPC messages of MCP, and the error responses to malformed ones.
#![expect(deprecated, reason = "levels of the log are deprecated from 2026-07-28 on, and most clients are older")]

use hyper::body::Bytes;
use rmcp::model::{
    CallToolRequestParams, ClientJsonRpcMessage, ErrorData, InitializeRequestParams, JsonRpcError,
    PaginatedRequestParams, RequestId, SetLevelRequestParams,
};
use serde::{Deserialize, Serialize};

use super::members::{MAX_MEMBERS, Members, SCALARS_BYTES, Scalars, check_json};

/// Limits on a message without its arguments, since the SDK parses it into several trees: bytes, and commas, colons and
/// brackets.
pub const MAX_BYTES: usize = 64 << 10;
const MAX_MARKS: usize = 2_000;

/// The longest id, which responses repeat, and the longest text of an error.
const MAX_ID_BYTES: usize = 1 << 10;
const MAX_ERROR_BYTES: usize = 1 << 10;

/// A parsed message.
#[derive(Debug)]
pub struct Message {
    /// The text of the message without the arguments of a tool.
    pub text: String,
    /// The message.
    pub message: ClientJsonRpcMessage,
    /// The arguments of a tool, as text.
    pub arguments: Option<Bytes>,
}

/// Parses a message, in at most 2 MiB beside its text. The error is the response.
///
/// The SDK alone would drop text that is not JSON, treat a request with wrong parameters as one of an unknown method,
/// and parse a message into trees of some 200 times its size.
pub fn read(text: &Bytes) -> Result<Message, JsonRpcError> {
    let mut members = members(text)?;
    let id = members.get("id").map(serde_json::from_str::<RequestId>).transpose();
    let id = id.map_err(|_| invalid(None, "`id` is neither a string nor an integer"))?;
    if members.get("id").is_some_and(|id| id.len() > MAX_ID_BYTES) {
        return Err(invalid(None, format!("`id` has more than {MAX_ID_BYTES} bytes")));
    }
    let string = |text| serde_json::from_str::<String>(text);
    if members.get("jsonrpc").and_then(|text| string(text).ok()).as_deref() != Some("2.0") {
        return Err(invalid(id, "`jsonrpc` is not \"2.0\""));
    }
    let method = members.get("method").map(string).transpose();
    let method = method.map_err(|_| invalid(id.clone(), "`method` is not a string"))?;
    let (mut params, mut arguments) = (None, None);
    if method.as_deref() == Some("tools/call")
        && let Some(given) = members.take("params")
    {
        let (rest, taken) = without_arguments(given).map_err(|error| answer(id.clone(), error))?;
        params = Some(rest);
        arguments = taken.map(|taken| text.slice_ref(taken.as_bytes()));
    }
    let text = members.text(params.as_deref().map(|params| ("params", params)));
    if text.len() > MAX_BYTES + SCALARS_BYTES || marks(&text) > MAX_MARKS {
        let message = format!("more than {MAX_BYTES} bytes or {MAX_MARKS} values besides the arguments of a tool");
        return Err(invalid(id, message));
    }
    if let (Some(method), Some(id)) = (&method, &id) {
        let params = params.as_deref().or(members.get("params")).unwrap_or("{}");
        parameters(method, params).map_err(|error| answer(Some(id.clone()), error))?;
    }
    let message =
        serde_json::from_str(&text).map_err(|_| invalid(id, "neither a request nor a notification nor a response"))?;
    Ok(Message { text, message, arguments })
}

/// Returns the error response to a message that is too large.
pub fn too_large(limit: u64) -> JsonRpcError {
    invalid(None, format!("a message of more than {limit} bytes"))
}

/// Returns the error response to a request whose id is in use.
pub fn duplicate_id(id: RequestId) -> JsonRpcError {
    invalid(Some(id), "a request with this `id` is not answered yet")
}

/// Serializes a message.
pub fn write(message: &impl Serialize) -> Vec<u8> {
    // Serialization of these types does not fail.
    serde_json::to_vec(message).unwrap_or_default()
}

/// Reads the members of a message.
fn members(text: &[u8]) -> Result<Members<'_>, JsonRpcError> {
    let no_json = |error| answer(None, ErrorData::parse_error(format!("invalid JSON: {error}"), None));
    if text.trim_ascii_start().first() != Some(&b'{') {
        check_json(text).map_err(no_json)?;
        return Err(invalid(None, "a message is one JSON object"));
    }
    serde_json::from_slice(text).map_err(|error| match error.is_data() {
        true => invalid(None, format!("a message of more than {MAX_MEMBERS} members")),
        false => no_json(error),
    })
}

/// Removes the arguments from the parameters of a call. Short scalars are kept as well: clients repeat them in headers,
/// with which the SDK compares them.
fn without_arguments(params: &str) -> Result<(String, Option<&str>), ErrorData> {
    let mut params: Members<'_> = object(params, "`params`")?;
    let arguments = params.take("arguments").filter(|arguments| *arguments != "null");
    let Some(arguments) = arguments else { return Ok((params.text(None), None)) };
    let Scalars { members: scalars, .. } = object(arguments, "`arguments`")?;
    Ok((params.text(Some(("arguments", &scalars.text(None)))), Some(arguments)))
}

/// Parses an object. An error of serde would repeat the text of another value.
fn object<'a, T: Deserialize<'a>>(text: &'a str, name: &str) -> Result<T, ErrorData> {
    let wrong = |message: &str| Err(ErrorData::invalid_params(format!("{name}: {message}"), None));
    if !text.starts_with('{') {
        return wrong("expected an object");
    }
    serde_json::from_str(text).or_else(|error| wrong(&error.to_string()))
}

/// Counts commas, colons and brackets outside strings.
fn marks(text: &str) -> usize {
    let (mut count, mut rest) = (0, text.bytes());
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => {
                while let Some(byte) = rest.next().filter(|byte| *byte != b'"') {
                    if byte == b'\\' {
                        rest.next();
                    }
                }
            }
            b',' | b':' | b'[' | b'{' => count += 1,
            _ => {}
        }
    }
    count
}

/// Checks the parameters of a request that is served here.
fn parameters(method: &str, params: &str) -> Result<(), ErrorData> {
    object::<Members<'_>>(params, "`params`")?;
    match method {
        "initialize" => check::<InitializeRequestParams>(params),
        "tools/call" => check::<CallToolRequestParams>(params),
        "tools/list" => check::<PaginatedRequestParams>(params),
        "logging/setLevel" => check::<SetLevelRequestParams>(params),
        _ => Ok(()),
    }
}

fn check<'a, P: Deserialize<'a>>(params: &'a str) -> Result<(), ErrorData> {
    serde_json::from_str::<P>(params).map(drop).map_err(wrong)
}

fn wrong(error: serde_json::Error) -> ErrorData {
    ErrorData::invalid_params(format!("`params`: {error}"), None)
}

fn invalid(id: Option<RequestId>, message: impl Into<String>) -> JsonRpcError {
    answer(id, ErrorData::invalid_request(message.into(), None))
}

fn answer(id: Option<RequestId>, mut error: ErrorData) -> JsonRpcError {
    if error.message.len() > MAX_ERROR_BYTES {
        error.message = error.message.chars().take(MAX_ERROR_BYTES / 4).collect::<String>().into();
    }
    JsonRpcError::new(id, error)
}
