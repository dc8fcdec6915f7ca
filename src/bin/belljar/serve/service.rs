//! From a request to its answer.

use std::{net::SocketAddr, sync::Arc};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes, Incoming},
    http::request::Parts,
};
use thiserror::Error;
use tokio::time::timeout;

use super::{access::Access, head, metrics, problem::Problem, reply::Reply, running::Running, server::Server};
use crate::stream::Watch;

/// Who answers on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The guest, and where they have no address of their own the metrics.
    Guest,
    /// The metrics.
    Metrics,
}

/// There is no other end to answer to.
#[derive(Debug, Error)]
#[error("the client is gone")]
pub struct Gone;

impl Service {
    /// The answer to a request.
    pub async fn answer(
        self,
        server: Arc<Server>,
        client: SocketAddr,
        watch: Watch,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Gone> {
        let _answering = watch.answering();
        let (mut head, body) = request.into_parts();
        let reply = match head::settle(&mut head) {
            Err(problem) => refuse(self, &server, client, &head, &problem),
            Ok(()) => match figures(self, &server, &head) {
                Some(reply) => reply,
                None => guest(&server, client, &watch, head, body).await?,
            },
        };
        Ok(reply.into_response())
    }
}

/// What is told of the server itself. It is no request of the guest's, and counted as none.
fn figures(service: Service, server: &Server, head: &Parts) -> Option<Reply> {
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
        Problem::new(StatusCode::NOT_FOUND, "there are the metrics and /healthz here").reply()
    } else {
        return None;
    };
    if [Method::GET, Method::HEAD].contains(&head.method) {
        return Some(text);
    }
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "there is nothing to do here but to read");
    Some(problem.with_header("allow", "GET, HEAD").closing().reply())
}

/// The answer to what is no request. That of a guest is noted.
fn refuse(service: Service, server: &Arc<Server>, client: SocketAddr, head: &Parts, problem: &Problem) -> Reply {
    let reply = problem.reply();
    if service == Service::Guest {
        let mut access = Access::new(server, client, Some(head));
        access.answered(reply.status.as_u16(), reply.body.len() as u64);
    }
    reply
}

async fn guest(
    server: &Arc<Server>,
    client: SocketAddr,
    watch: &Watch,
    head: Parts,
    body: Incoming,
) -> Result<Reply, Gone> {
    let mut access = Access::new(server, client, Some(&head));
    let reply = tokio::select! {
        // There is nothing to watch while a short run is made.
        biased;
        reply = run(server, client, &mut access, head, body) => reply.unwrap_or_else(|problem| problem.reply()),
        () = watch.gone() => return Err(Gone),
    };
    access.answered(reply.status.as_u16(), reply.body.len() as u64);
    Ok(reply)
}

async fn run(
    server: &Arc<Server>,
    client: SocketAddr,
    access: &mut Access,
    head: Parts,
    body: Incoming,
) -> Result<Reply, Problem> {
    server.guest.exchange.admits(&head).map_err(Problem::closing)?;
    let body = collected(server, body).await?;
    access.received(body.len() as u64);
    let place = server.pool.place(client, &server.metrics, &server.phases).await?;
    let mut running = Running::new(server, access.number(), head, body);
    let ran = match running.begin() {
        Some(ran) => ran,
        None => server.pool.run(place, &server.metrics, &server.phases, move |stop| running.finish(stop)).await?,
    };
    if let Some(end) = ran.end {
        access.ran(end, ran.fuel);
    }
    ran.reply
}

async fn collected(server: &Server, body: Incoming) -> Result<Vec<u8>, Problem> {
    let options = &server.options;
    let too_large = || {
        let message = format!("a body of more than {} bytes", options.max_body);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message).closing()
    };
    // Whoever says so beforehand need not send it.
    if body.size_hint().lower() > options.max_body {
        return Err(too_large());
    }
    let limit = usize::try_from(options.max_body).unwrap_or(usize::MAX);
    match timeout(options.body_timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "the body is malformed").closing()),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time").closing()),
    }
}
