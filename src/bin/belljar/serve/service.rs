//! Handling of requests.

use std::{net::SocketAddr, sync::Arc};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    http::request::Parts,
};
use thiserror::Error;

use super::{access::Access, metrics, problem::Problem, reply::Reply, running::Running, server::Server};
use crate::net::{
    body::{self, BodyError},
    head,
    stream::Watch,
};

/// The service of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The guest, and the metrics if they have no separate address.
    Guest,
    /// The metrics.
    Metrics,
}

/// The error for a client that has closed the connection.
#[derive(Debug, Error)]
#[error("the client is gone")]
pub struct ClientGone;

impl Service {
    /// Handles a request, and returns the response.
    pub async fn answer(
        self,
        server: Arc<Server>,
        client: SocketAddr,
        watch: Watch,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, ClientGone> {
        let (mut head, body) = request.into_parts();
        let reply = match head::normalize(&mut head) {
            Err((status, detail)) => refuse(self, &server, client, &head, &Problem::new(status, detail).closing()),
            Ok(()) => match metrics_reply(self, &server, &head) {
                Some(reply) => reply,
                None => guest(&server, client, &watch, head, body).await?,
            },
        };
        Ok(reply.into_response())
    }
}

/// Returns the response for the metrics and `/healthz`; `None` if the request is for the guest. Such requests are not
/// counted.
fn metrics_reply(service: Service, server: &Server, head: &Parts) -> Option<Reply> {
    let path = head.uri.path();
    let options = &server.options.metrics;
    let text = if service == Service::Metrics && path == "/healthz" {
        Reply::new(StatusCode::OK, "text/plain", "ok\n")
    } else if options.path.as_deref() == Some(path) && (service == Service::Metrics) == options.listen.is_some() {
        Reply::new(
            StatusCode::OK,
            metrics::CONTENT_TYPE,
            server.metrics.text(server.guest.name(), server.guest.sha256()),
        )
    } else if service == Service::Metrics {
        Problem::new(StatusCode::NOT_FOUND, "only the metrics and /healthz are served here").reply()
    } else {
        return None;
    };
    if [Method::GET, Method::HEAD].contains(&head.method) {
        return Some(text);
    }
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "expected the method GET or HEAD");
    Some(problem.with_header("allow", "GET, HEAD").closing().reply())
}

/// Returns the response to an invalid request, and logs it if it was for the guest.
fn refuse(service: Service, server: &Arc<Server>, client: SocketAddr, head: &Parts, problem: &Problem) -> Reply {
    let reply = problem.reply();
    if service == Service::Guest {
        let mut access = Access::new(server, client, Some(head));
        access.set_response(reply.status.as_u16(), reply.body.len() as u64);
    }
    reply
}

async fn guest(
    server: &Arc<Server>,
    client: SocketAddr,
    watch: &Watch,
    head: Parts,
    body: Incoming,
) -> Result<Reply, ClientGone> {
    let mut access = Access::new(server, client, Some(&head));
    let reply = tokio::select! {
        // A short run ends before the connection is watched.
        biased;
        reply = run(server, client, &mut access, head, body) => reply.unwrap_or_else(|problem| problem.reply()),
        () = watch.gone() => return Err(ClientGone),
    };
    access.set_response(reply.status.as_u16(), reply.body.len() as u64);
    Ok(reply)
}

async fn run(
    server: &Arc<Server>,
    client: SocketAddr,
    access: &mut Access,
    head: Parts,
    body: Incoming,
) -> Result<Reply, Problem> {
    server.guest.exchange.check_method(&head).map_err(Problem::closing)?;
    let body = read_body(server, body).await?;
    access.set_received(body.len() as u64);
    let permit = server.pool.acquire(client, &server.metrics, &server.phases).await?;
    let mut running = Running::new(server, access.number(), head, body);
    let result = match running.run_inline() {
        Some(result) => result,
        None => server.pool.run(permit, &server.metrics, &server.phases, move |stop| running.finish(stop)).await?,
    };
    if let Some(end) = result.end {
        access.set_run(end, result.fuel);
    }
    result.reply
}

async fn read_body(server: &Server, body: Incoming) -> Result<Vec<u8>, Problem> {
    let options = &server.options;
    let problem = |status, detail: String| Problem::new(status, detail).closing();
    body::read(body, options.max_body, options.body_timeout).await.map_err(|error| match error {
        BodyError::TooLarge => {
            problem(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {} bytes", options.max_body))
        }
        BodyError::Incomplete => problem(StatusCode::BAD_REQUEST, "the body is malformed".into()),
        BodyError::TimedOut => problem(StatusCode::REQUEST_TIMEOUT, "the body was not received in time".into()),
    })
}
