//! Clients over HTTP: at `/mcp`, from this machine unless others are allowed.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderMap, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use rmcp::{
    model::JsonRpcError,
    transport::{StreamableHttpServerConfig, StreamableHttpService},
};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    task,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{args::McpArgs, message, server::Server, session::Session, sessions::Sessions};
use crate::{
    failure::{Failure, io_words},
    show,
};

/// Where clients find the server.
const PATH: &str = "/mcp";

/// More have to wait.
const MAX_CONNECTIONS: usize = 512;

/// A client that takes longer for a header or a body has had its turn.
const HEADER_TIME: Duration = Duration::from_secs(10);
const BODY_TIME: Duration = Duration::from_secs(30);

/// What clients may still read when the server ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Serves clients until it is stopped.
pub async fn serve(
    server: Arc<Server>,
    args: &McpArgs,
    address: &str,
    max_message: u64,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let origins = args.allow_origin.iter().map(|text| origin(text)).collect::<Result<Vec<_>, _>>()?;
    let refused = |error: &std::io::Error| Failure::io(&show::name(address), io_words(error));
    let listener = TcpListener::bind(address).await.map_err(|error| refused(&error))?;
    let local = listener.local_addr().map_err(|error| refused(&error))?;
    server.tell(|console| {
        if !local.ip().is_loopback() {
            console.warn("who can reach this address can call the tools: nobody is asked for a password");
        }
        if !console.is_quiet() {
            console.line(format_args!("listening on http://{local}{PATH}"));
        }
    });
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(hosts(local, &args.allow_host))
        .with_allowed_origins(origins.clone())
        .enforce_origin_validation()
        .with_sse_retry(None)
        .with_max_request_body_bytes(usize::try_from(max_message).unwrap_or(usize::MAX))
        .with_cancellation_token(stop.child_token());
    let session = {
        let server = server.clone();
        move || Ok(Session::new(server.clone(), CancellationToken::new()))
    };
    let service = StreamableHttpService::new(session, Arc::new(Sessions::default()), config);
    accept(listener, &Site { service, origins, max_message }, stop).await;
    Ok(())
}

async fn accept(listener: TcpListener, site: &Site, stop: CancellationToken) {
    let (connections, graceful) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), GracefulShutdown::new());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    let next = async || {
        let place = connections.clone().acquire_owned().await.ok()?;
        Some((listener.accept().await, place))
    };
    while let Some(Some((accepted, place))) = stop.run_until_cancelled(next()).await {
        let Ok((stream, _)) = accepted else {
            // Too many files are open, say: it may be over in a moment.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let site = site.clone();
        let answer = service_fn(move |request| {
            let site = site.clone();
            async move { Ok::<_, Infallible>(site.answer(request).await) }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), answer));
        task::spawn(async move {
            // What goes wrong with a connection, its client knows.
            let _ = connection.await;
            drop(place);
        });
    }
    let _ = timeout(LAST_WORDS, graceful.shutdown()).await;
}

/// What there is at an address.
#[derive(Clone)]
struct Site {
    service: StreamableHttpService<Session, Sessions>,
    /// The web pages that may use it.
    origins: Vec<String>,
    max_message: u64,
}

impl Site {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let page = self.page(request.headers());
        let mut answer = match *request.method() {
            _ if request.uri().path() != PATH => text(StatusCode::NOT_FOUND, "it is at /mcp\n"),
            Method::OPTIONS if page.is_some() => preflight(),
            Method::POST => self.post(request).await,
            Method::DELETE => done(self.service.handle(request).await),
            _ => self.service.handle(request).await,
        };
        if let Some(page) = page {
            let headers = answer.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("mcp-session-id"));
            headers.insert(header::VARY, HeaderValue::from_static("origin"));
        }
        answer
    }

    /// Reads a message, and answers what is none as it is answered elsewhere.
    async fn post(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let limit = usize::try_from(self.max_message).unwrap_or(usize::MAX);
        let body = match timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return json(StatusCode::PAYLOAD_TOO_LARGE, &message::too_large(self.max_message));
            }
            Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the body has no end\n"),
            Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body takes too long\n"),
        };
        match message::read(&body) {
            Ok(_) => self.service.handle(Request::from_parts(parts, Full::new(body))).await,
            Err(answer) => json(StatusCode::BAD_REQUEST, &answer),
        }
    }

    /// The page that a request comes from, if it may.
    fn page(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let page = headers.get(header::ORIGIN)?;
        let named = page.to_str().ok()?;
        let same = |allowed: &String| match allowed.strip_suffix(":*") {
            Some(host) => named.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')),
            None => allowed == named || origin(named).is_ok_and(|named| *allowed == named),
        };
        self.origins.iter().any(same).then(|| page.clone())
    }
}

/// The names by which clients may call the server: a page that has had its own name lead here uses that one.
fn hosts(local: SocketAddr, more: &[String]) -> Vec<String> {
    let own = ["localhost", "127.0.0.1", "::1"].map(String::from);
    let bound = (!local.ip().is_unspecified()).then(|| local.ip().to_string());
    own.into_iter().chain(bound).chain(more.iter().cloned()).collect()
}

/// An origin as it is typed, with the port that it means.
fn origin(text: &str) -> Result<String, Failure> {
    let port = text.strip_prefix("http://").map(|host| (host, 80)).or(text.strip_prefix("https://").map(|h| (h, 443)));
    let Some((host, port)) = port.filter(|(host, _)| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
    else {
        let message = format!("--allow-origin: `{}` is no origin of a web page", show::name(text));
        return Err(Failure::usage(message).with_hint("for example `--allow-origin http://localhost:6274`"));
    };
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    Ok(if has_port { text.into() } else { format!("{text}:{port}") })
}

/// The SDK says that it has accepted to end a session; clients want to hear that it has.
fn done(answer: Answer) -> Answer {
    if answer.status() == StatusCode::ACCEPTED { text(StatusCode::NO_CONTENT, "") } else { answer }
}

/// What a browser asks before it lets a page ask.
fn preflight() -> Answer {
    let mut answer = text(StatusCode::NO_CONTENT, "");
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    let allowed = "content-type, accept, last-event-id, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    answer
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    body(status, "text/plain; charset=utf-8", text.into())
}

fn json(status: StatusCode, message: &JsonRpcError) -> Answer {
    body(status, "application/json", message::write(message).into())
}

fn body(status: StatusCode, kind: &'static str, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(bytes).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
