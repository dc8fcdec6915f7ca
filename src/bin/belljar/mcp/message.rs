//! One message of JSON-RPC, as MCP has them, and the answer to what is none.
#![expect(deprecated, reason = "levels of the log are deprecated from 2026-07-28 on, and most clients are older")]

use rmcp::model::{
    CallToolRequestParams, ClientJsonRpcMessage, ErrorData, InitializeRequestParams, JsonRpcError,
    PaginatedRequestParams, RequestId, SetLevelRequestParams,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Reads a message; the error is what to answer.
///
/// The SDK drops what is no JSON, and takes a request with wrong parameters for one of an unknown method.
pub fn read(text: &[u8]) -> Result<ClientJsonRpcMessage, JsonRpcError> {
    let json = serde_json::from_slice::<Value>(text)
        .map_err(|error| answer(None, ErrorData::parse_error(format!("no JSON: {error}"), None)))?;
    let Value::Object(message) = &json else {
        return Err(invalid(None, "a message is one JSON object"));
    };
    let id = match message.get("id") {
        None => None,
        Some(id) => match serde_json::from_value::<RequestId>(id.clone()) {
            Ok(id) => Some(id),
            Err(_) => return Err(invalid(None, "`id` is neither a string nor an integer")),
        },
    };
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid(id, "`jsonrpc` is not \"2.0\""));
    }
    if let Some(method) = message.get("method") {
        let Some(method) = method.as_str() else { return Err(invalid(id, "`method` is not a string")) };
        if let Some(id) = &id {
            parameters(method, message).map_err(|error| answer(Some(id.clone()), error))?;
        }
    }
    serde_json::from_value(json).map_err(|_| invalid(id, "neither a request nor a notification nor a response"))
}

/// The answer to a message that is too large to be read.
pub fn too_large(limit: u64) -> JsonRpcError {
    invalid(None, format!("a message of more than {limit} bytes"))
}

/// The answer to a request that could not be told from another.
pub fn taken(id: RequestId) -> JsonRpcError {
    invalid(Some(id), "a request with this `id` is not answered yet")
}

/// A message as text.
pub fn write(message: &impl Serialize) -> Vec<u8> {
    // Nothing in there fails to become JSON.
    serde_json::to_vec(message).unwrap_or_default()
}

/// Checks the parameters of a request that is served here.
fn parameters(method: &str, message: &Map<String, Value>) -> Result<(), ErrorData> {
    let params = message.get("params");
    if params.is_some_and(|params| !params.is_object()) {
        return Err(ErrorData::invalid_params("`params` is not an object", None));
    }
    let params = || params.cloned().unwrap_or_else(|| Value::Object(Map::new()));
    match method {
        "initialize" => check::<InitializeRequestParams>(params()),
        "tools/call" => check::<CallToolRequestParams>(params()),
        "tools/list" => check::<PaginatedRequestParams>(params()),
        "logging/setLevel" => check::<SetLevelRequestParams>(params()),
        _ => Ok(()),
    }
}

fn check<P: DeserializeOwned>(params: Value) -> Result<(), ErrorData> {
    let checked = serde_json::from_value::<P>(params);
    checked.map(drop).map_err(|error| ErrorData::invalid_params(format!("`params`: {error}"), None))
}

fn invalid(id: Option<RequestId>, message: impl Into<String>) -> JsonRpcError {
    answer(id, ErrorData::invalid_request(message.into(), None))
}

fn answer(id: Option<RequestId>, error: ErrorData) -> JsonRpcError {
    JsonRpcError::new(id, error)
}
