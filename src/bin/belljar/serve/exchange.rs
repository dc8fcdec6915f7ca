//! Conversion of requests to guest inputs, and of guest outputs to responses.

use hyper::{Method, StatusCode, http::request::Parts};

use super::{
    args::Exchange,
    cgi,
    guest::Guest,
    json,
    problem::Problem,
    reply::{Malformed, Reply},
};

impl Exchange {
    /// Checks that the format supports the method of a request.
    pub fn check_method(self, head: &Parts) -> Result<(), Problem> {
        // The guest does not see the method if the input is only the body.
        let methods = [Method::GET, Method::HEAD, Method::POST];
        match self {
            Exchange::Body if !methods.contains(&head.method) => {
                let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "expected the method GET or POST");
                Err(problem.with_header("allow", "GET, HEAD, POST"))
            }
            Exchange::Http | Exchange::Json | Exchange::Body => Ok(()),
        }
    }

    /// Returns the guest's input for a request.
    pub fn input(self, guest: &Guest, head: &Parts, body: Vec<u8>) -> Result<Vec<u8>, Problem> {
        match self {
            Exchange::Http => Ok(cgi::request(head, &body)),
            Exchange::Json => Ok(json::request(head, &body)),
            Exchange::Body => guest.input(body),
        }
    }

    /// Converts the guest's output to a response.
    pub fn reply(self, guest: &Guest, output: Vec<u8>, content_type: Option<&str>) -> Result<Reply, Problem> {
        match self {
            Exchange::Http => Ok(cgi::reply(output)?),
            Exchange::Json => Ok(json::reply(&output)?),
            Exchange::Body => {
                guest.check_output(&output)?;
                let default = match str::from_utf8(&output) {
                    Ok(_) if guest.has_output_schema() => "application/json",
                    Ok(_) => "text/plain; charset=utf-8",
                    Err(_) => "application/octet-stream",
                };
                let reply = Reply::new(StatusCode::OK, content_type.unwrap_or(default), output);
                // Browsers must not guess another type from the contents.
                Ok(reply.with_header("x-content-type-options", "nosniff"))
            }
        }
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Problem::new(StatusCode::BAD_GATEWAY, format!("the output of the guest is not a valid response: {malformed}"))
    }
}
