//! Functions of the module `http`: one table for linking, documentation and tests.
//!
//! They are provided if the configuration grants a request, in a build with the feature `http`. See
//! [the chapter on HTTP](crate::docs::http).

use alloc::vec;

use crate::data::value::{FuncType, ValueType};

/// Module name of the imports.
pub const MODULE: &str = "http";

/// Function of the module. Parameters and results are `i32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// Parameter names.
    pub params: &'static [&'static str],
    /// Description.
    pub meaning: &'static str,
}

/// All functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "send",
        params: &[
            "method_ptr",
            "method_len",
            "url_ptr",
            "url_len",
            "headers_ptr",
            "headers_len",
            "body_ptr",
            "body_len",
        ],
        meaning: "sends a request and waits for the whole response; returns its status, 100 to 999, or a negative error",
    },
    Function {
        name: "headers_len",
        params: &[],
        meaning: "size of the last response's headers in bytes; 0 without one",
    },
    Function {
        name: "read_headers",
        params: &["ptr", "len"],
        meaning: "copies the next at most `len` bytes of the headers to `ptr`, returns the count; 0 at the end",
    },
    Function { name: "body_len", params: &[], meaning: "size of the last response's body in bytes; 0 without one" },
    Function {
        name: "read_body",
        params: &["ptr", "len"],
        meaning: "copies the next at most `len` bytes of the body to `ptr`, returns the count; 0 at the end",
    },
];

impl Function {
    /// Returns its type.
    pub fn ty(&self) -> FuncType {
        FuncType { params: vec![ValueType::I32; self.params.len()], results: vec![ValueType::I32] }
    }
}

/// Returns the function for an import, whether or not this build provides it.
pub fn import(module: &str, name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| module == MODULE && function.name == name)
}

/// Error that `send` returns instead of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Failure {
    /// The URL is invalid or ambiguous.
    Url = -1,
    /// The method is unknown, or does not allow a body.
    Method = -2,
    /// A header is malformed, or only the host may set it.
    Headers = -3,
    /// The request is larger than `http.request_bytes`.
    RequestTooLarge = -4,
    /// The name could not be resolved.
    Name = -5,
    /// The connection could not be established.
    Connect = -6,
    /// The request took longer than `http.timeout_ms`.
    Timeout = -7,
    /// The server does not support TLS, or its certificate is not valid for the name.
    Tls = -8,
    /// The response is not valid HTTP, is incomplete, or has more than 128 headers.
    Response = -9,
    /// Headers or body exceed `http.response_bytes`, the headers exceed 64 KiB, or both together exceed the rest of
    /// `http.total_bytes`.
    ResponseTooLarge = -10,
}

impl Failure {
    /// All errors with their descriptions.
    pub const ALL: &[(Failure, &str)] = &[
        (Failure::Url, "the URL is invalid or ambiguous"),
        (Failure::Method, "the method is unknown, or does not allow a body"),
        (Failure::Headers, "a header is malformed, or only the host may set it"),
        (Failure::RequestTooLarge, "the request is larger than `http.request_bytes`"),
        (Failure::Name, "the name could not be resolved"),
        (Failure::Connect, "the connection could not be established"),
        (Failure::Timeout, "the request took longer than `http.timeout_ms`"),
        (Failure::Tls, "the server does not support TLS, or its certificate is not valid for the name"),
        (Failure::Response, "the response is not valid HTTP, is incomplete, or has more than 128 headers"),
        (
            Failure::ResponseTooLarge,
            "headers or body exceed `http.response_bytes`, the headers exceed 64 KiB, or both together exceed the rest of `http.total_bytes`",
        ),
    ];
}
