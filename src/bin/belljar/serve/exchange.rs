//! What a guest is given for a request, and how its output becomes an answer.

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
    /// Whether there is an answer to such a request at all.
    pub fn admits(self, head: &Parts) -> Result<(), Problem> {
        // Of a body alone nobody could see what else is asked.
        let methods = [Method::GET, Method::HEAD, Method::POST];
        match self {
            Exchange::Body if !methods.contains(&head.method) => {
                let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "it is asked with GET or POST");
                Err(problem.with_header("allow", "GET, HEAD, POST"))
            }
            Exchange::Http | Exchange::Json | Exchange::Body => Ok(()),
        }
    }

    /// The input of the run.
    pub fn input(self, guest: &Guest, head: &Parts, body: Vec<u8>) -> Result<Vec<u8>, Problem> {
        match self {
            Exchange::Http => Ok(cgi::request(head, &body)),
            Exchange::Json => Ok(json::request(head, &body)),
            Exchange::Body => guest.input_of(body),
        }
    }

    /// The answer that an output is.
    pub fn reply(self, guest: &Guest, output: Vec<u8>, content_type: Option<&str>) -> Result<Reply, Problem> {
        match self {
            Exchange::Http => Ok(cgi::reply(output)?),
            Exchange::Json => Ok(json::reply(&output)?),
            Exchange::Body => {
                guest.check(&output)?;
                let usual = match str::from_utf8(&output) {
                    Ok(_) if guest.gives_json() => "application/json",
                    Ok(_) => "text/plain; charset=utf-8",
                    Err(_) => "application/octet-stream",
                };
                let reply = Reply::new(StatusCode::OK, content_type.unwrap_or(usual), output);
                // It is what it is said to be, whatever it looks like.
                Ok(reply.with_header("x-content-type-options", "nosniff"))
            }
        }
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Problem::new(StatusCode::BAD_GATEWAY, format!("what the guest wrote is no answer: {malformed}"))
    }
}
