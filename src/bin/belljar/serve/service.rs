//! From a request to its answer.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Instant};

use belljar::{Error, Log, Outcome, Step};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode, Version,
    body::{Body, Bytes, Incoming},
    header::HOST,
    http::request::Parts,
};
use tokio::time::timeout;

use super::{
    access::{self, Access},
    metrics,
    pool::Stop,
    problem::{self, Problem},
    reply::Reply,
    server::Server,
};

/// Who answers on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The guest, and where they have no address of their own the metrics.
    Guest,
    /// The metrics.
    Metrics,
}

impl Service {
    /// The answer to a request.
    pub async fn answer(
        self,
        server: Arc<Server>,
        client: SocketAddr,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let reply = match figures(self, &server, &head) {
            Some(reply) => reply,
            None => guest(&server, client, head, body).await,
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

async fn guest(server: &Arc<Server>, client: SocketAddr, head: Parts, body: Incoming) -> Reply {
    let mut access = Access::new(server, client, Some(&head));
    let reply = run(server, client, &mut access, head, body).await.unwrap_or_else(|problem| problem.reply());
    access.answered(reply.status.as_u16(), reply.body.len() as u64);
    reply
}

async fn run(
    server: &Arc<Server>,
    client: SocketAddr,
    access: &mut Access,
    head: Parts,
    body: Incoming,
) -> Result<Reply, Problem> {
    server.guest.exchange.admits(&head).map_err(Problem::closing)?;
    one_host(&head)?;
    let body = collected(server, body).await?;
    access.received(body.len() as u64);
    let (of_run, number) = (Arc::clone(server), access.number());
    let work = move |stop: &Stop| of_run.serve_one(number, &head, body, stop);
    let ran = server.pool.run(client, &server.metrics, &server.phases, work).await?;
    if let Some(end) = &ran.end {
        access.ran(end, ran.fuel);
    }
    ran.reply
}

/// As RFC 9112 (section 3.2) asks: whoever is before this server has to see the same host.
fn one_host(head: &Parts) -> Result<(), Problem> {
    let hosts = head.headers.get_all(HOST).iter().count();
    match hosts {
        1 => Ok(()),
        0 if head.version < Version::HTTP_11 => Ok(()),
        _ => Err(Problem::new(StatusCode::BAD_REQUEST, "there has to be one `host`").closing()),
    }
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

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// How it ended; `None` if there was none.
    end: Option<String>,
    fuel: u64,
    reply: Result<Reply, Problem>,
}

impl Server {
    /// Makes the run of a request, on a thread that may be kept for as long as it takes.
    fn serve_one(&self, number: u64, head: &Parts, body: Vec<u8>, stop: &Stop) -> Ran {
        let started = Instant::now();
        let exchange = self.guest.exchange;
        let input = match exchange.input(&self.guest, head, body) {
            Ok(input) => input,
            Err(problem) => return Ran { end: None, fuel: 0, reply: Err(problem) },
        };
        let (end, fuel, reply) = match self.drive(input, stop) {
            Ok(outcome) => {
                self.tell(number, &outcome.log);
                let fuel = outcome.usage.fuel;
                let reply = exchange.reply(&self.guest, outcome.output, self.options.content_type.as_deref());
                ("done".into(), fuel, reply.map_err(|problem| problem.with_fuel(fuel)))
            }
            Err(Error::Stopped(stopped)) => {
                self.tell(number, &stopped.log);
                (problem::kind(&stopped.reason), stopped.usage.fuel, Err(Problem::stopped(&stopped)))
            }
            Err(error) => ("failed".into(), 0, Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))),
        };
        self.metrics.runs.count(end.clone());
        self.metrics.fuel.add(fuel);
        self.metrics.run_time.add(started.elapsed());
        let with_fuel = |reply: Reply| reply.with_header("belljar-fuel", fuel.to_string());
        Ran { end: Some(end), fuel, reply: reply.map(with_fuel) }
    }

    fn drive(&self, input: Vec<u8>, stop: &Stop) -> Result<Outcome, Error> {
        let mut run = self.guest.start(input)?;
        stop.stops(run.cancel_handle());
        loop {
            if let Step::Done(outcome) = run.step()? {
                return Ok(outcome);
            }
        }
    }

    /// What a guest has logged, for those who asked for it.
    fn tell(&self, number: u64, log: &Log) {
        if self.verbose {
            for entry in &log.entries {
                self.say(access::message(entry, number, self.options.log_format));
            }
        }
    }
}
