//! The functions of the module `http`: one table, which linking, documentation and tests read.
//!
//! They are there where the configuration grants any request, in a build with the feature `http`. What
//! they do is in [the chapter on HTTP](crate::docs::http).

use alloc::vec;

use crate::value::{FuncType, ValueType};

/// The module name of the imports.
pub const MODULE: &str = "http";

/// A function of the module. Parameters and results are `i32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its parameters.
    pub params: &'static [&'static str],
    /// What it does.
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
        meaning: "asks, and waits for all of the answer: its status, 100 to 999, or a negative error",
    },
    Function { name: "headers_len", params: &[], meaning: "bytes of the last answer's headers; 0 without one" },
    Function {
        name: "read_headers",
        params: &["ptr", "len"],
        meaning: "copies the next at most `len` bytes of the headers to `ptr`, returns the count; 0 at the end",
    },
    Function { name: "body_len", params: &[], meaning: "bytes of the last answer's body; 0 without one" },
    Function {
        name: "read_body",
        params: &["ptr", "len"],
        meaning: "copies the next at most `len` bytes of the body to `ptr`, returns the count; 0 at the end",
    },
];

impl Function {
    /// Its type.
    pub fn ty(&self) -> FuncType {
        FuncType { params: vec![ValueType::I32; self.params.len()], results: vec![ValueType::I32] }
    }
}

/// The function that an import means, where it is provided.
pub fn import(module: &str, name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| module == MODULE && function.name == name)
}

/// Why there is no answer: what `send` returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Failure {
    /// The URL is none, or could be read in more than one way.
    Url = -1,
    /// The method is unknown, or its requests have no body.
    Method = -2,
    /// A header is malformed, or one that the host decides on.
    Headers = -3,
    /// The request is larger than `http.request_bytes`.
    RequestTooLarge = -4,
    /// The name has no address, or nobody who knows it answered.
    Name = -5,
    /// Nobody answers at the address.
    Connect = -6,
    /// It took longer than `http.timeout_ms`.
    Timeout = -7,
    /// There is no TLS there, or none with a certificate that is good for the name.
    Tls = -8,
    /// What came is no HTTP, ended too early, or has more than 128 headers.
    Response = -9,
    /// Headers or body are larger than `http.response_bytes`, the headers larger than 64 KiB, or both than
    /// what is left of `http.total_bytes`.
    ResponseTooLarge = -10,
}

impl Failure {
    /// All, with what they mean.
    pub const ALL: &[(Failure, &str)] = &[
        (Failure::Url, "the URL is none, or could be read in more than one way"),
        (Failure::Method, "the method is unknown, or its requests have no body"),
        (Failure::Headers, "a header is malformed, or one that the host decides on"),
        (Failure::RequestTooLarge, "the request is larger than `http.request_bytes`"),
        (Failure::Name, "the name has no address, or nobody who knows it answered"),
        (Failure::Connect, "nobody answers at the address"),
        (Failure::Timeout, "it took longer than `http.timeout_ms`"),
        (Failure::Tls, "there is no TLS there, or none with a certificate that is good for the name"),
        (Failure::Response, "what came is no HTTP, ended too early, or has more than 128 headers"),
        (
            Failure::ResponseTooLarge,
            "headers or body are larger than `http.response_bytes`, the headers larger than 64 KiB, or both than what is left of `http.total_bytes`",
        ),
    ];
}
