//! Streamable HTTP transport at `/mcp`, by default for clients of this machine only.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderMap, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::{
    model::{ClientJsonRpcMessage, JsonRpcError},
    transport::{StreamableHttpServerConfig, StreamableHttpService},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, oneshot},
    task,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    args::McpArgs,
    arguments::Arguments,
    body::{LazyBody, Refused},
    message,
    server::Server,
    session::Session,
    sessions::Sessions,
};
use crate::{
    failure::{Failure, io_message},
    net::{
        body::{self, BodyError},
        head,
        peer::{Caller, Peer},
        shares::Shares,
        stream::Stream,
    },
    show,
};

/// The headers of the session and of the protocol version, and the first version in which requests need no session.
const SESSION_HEADER: &str = "mcp-session-id";
const VERSION_HEADER: &str = "mcp-protocol-version";
const STATELESS: &str = "2026-07-28";

/// The path of the endpoint.
const PATH: &str = "/mcp";

/// The most connections at a time; half of them for one client. More wait.
const MAX_CONNECTIONS: usize = 1_024;

/// The most large messages that are parsed at a time.
const MAX_PARSERS: usize = 2;

/// Time to receive the head and the body of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Time for clients to read their responses when the server ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

type HttpResponse = Response<BoxBody<Bytes, Infallible>>;

/// Serves clients until `stop` is cancelled.
pub async fn serve(
    server: Arc<Server>,
    args: &McpArgs,
    address: &str,
    max_message: u64,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let origins = args.allow_origin.iter().map(|text| origin(text)).collect::<Result<Vec<_>, _>>()?;
    let refused = |error: &std::io::Error| Failure::io(&show::name(address), io_message(error));
    let listener = TcpListener::bind(address).await.map_err(|error| refused(&error))?;
    let local = listener.local_addr().map_err(|error| refused(&error))?;
    server.with_console(|console| {
        if !local.ip().is_loopback() {
            console.warn("anyone who can reach this address can call the tools: there is no authentication");
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
    let sessions = Arc::new(Sessions::default());
    let service = StreamableHttpService::new(session, sessions.clone(), config);
    let parsers = Arc::new(Semaphore::new(MAX_PARSERS));
    accept(listener, &Endpoint { service, sessions, origins, parsers, max_message }, stop).await;
    Ok(())
}

async fn accept(listener: TcpListener, endpoint: &Endpoint, stop: CancellationToken) {
    let (connections, shares) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), Shares::new(MAX_CONNECTIONS / 2));
    let next = async || {
        let place = connections.clone().acquire_owned().await.ok()?;
        Some((listener.accept().await, place))
    };
    while let Some(Some((accepted, place))) = stop.run_until_cancelled(next()).await {
        let Ok((stream, client)) = accepted else {
            // For example too many open files, which may be temporary.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Some(share) = shares.take(Peer::of(client)) else {
            // The others are left to other clients.
            continue;
        };
        let (endpoint, stop) = (endpoint.clone(), stop.clone());
        task::spawn(async move {
            serve_connection(stream, client, endpoint, stop).await;
            drop((place, share));
        });
    }
    let _ = timeout(SHUTDOWN_TIMEOUT, connections.acquire_many(MAX_CONNECTIONS as u32)).await;
}

/// Answers the requests on a connection. Its errors concern only its client.
async fn serve_connection(stream: TcpStream, client: SocketAddr, endpoint: Endpoint, stop: CancellationToken) {
    let answer = service_fn(move |mut request: Request<Incoming>| {
        let endpoint = endpoint.clone();
        let session = request.headers().get(SESSION_HEADER).map(HeaderValue::as_bytes);
        let caller = Caller::of(client, session);
        request.extensions_mut().insert(caller);
        async move { Ok::<_, Infallible>(endpoint.answer(request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let mut connection = http.serve_connection(TokioIo::new(Stream::new(stream, BODY_TIMEOUT)), answer);
    tokio::select! {
        _ = &mut connection => {}
        () = stop.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            let _ = (&mut connection).await;
        }
    }
    connection.into_parts().io.into_inner().linger().await;
}

/// The state of the endpoint.
#[derive(Clone)]
struct Endpoint {
    service: StreamableHttpService<Session, Sessions>,
    sessions: Arc<Sessions>,
    /// The allowed origins of web pages.
    origins: Vec<String>,
    /// Permits to parse large messages.
    parsers: Arc<Semaphore>,
    max_message: u64,
}

impl Endpoint {
    async fn answer(&self, request: Request<Incoming>) -> HttpResponse {
        let (mut parts, body) = request.into_parts();
        if let Err((status, detail)) = head::normalize(&mut parts) {
            return text(status, detail);
        }
        if parts.headers.contains_key(header::CONTENT_ENCODING) {
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must not be encoded\n");
        }
        let request = Request::from_parts(parts, body);
        let page = self.allowed_origin(request.headers());
        let mut answer = match *request.method() {
            _ if request.uri().path() != PATH => text(StatusCode::NOT_FOUND, "the endpoint is /mcp\n"),
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

    /// Answers a message. Its body is read after the SDK has checked host, origin and types, and this the session.
    async fn post(&self, request: Request<Incoming>) -> HttpResponse {
        let (mut parts, body) = request.into_parts();
        let arguments = Arguments::default();
        parts.extensions.insert(arguments.clone());
        let session = parts.headers.get(SESSION_HEADER).cloned();
        // Without a session, only `initialize` and stateless requests are valid.
        let is_stateless = parts.headers.get(VERSION_HEADER).is_some_and(|version| version == STATELESS);
        let limit = if session.is_some() || is_stateless { self.max_message } else { message::MAX_BYTES as u64 };
        let (refuse, mut refused) = oneshot::channel();
        let endpoint = self.clone();
        let read = async move {
            let text = endpoint.message(session, body, limit, &arguments).await;
            text.map_err(|answer| {
                let _ = refuse.send(answer);
                Refused
            })
        };
        let answer = self.service.handle(Request::from_parts(parts, LazyBody::new(read))).await;
        refused.try_recv().unwrap_or(answer)
    }

    /// Reads the message in a body. Returns its text without the arguments of a tool, which are stored in `arguments`.
    async fn message(
        &self,
        session: Option<HeaderValue>,
        body: Incoming,
        limit: u64,
        arguments: &Arguments,
    ) -> Result<Bytes, HttpResponse> {
        if session.as_ref().is_some_and(|id| !self.has_session(id)) {
            return Err(text(StatusCode::NOT_FOUND, "the session has ended\n"));
        }
        let limit = limit.min(self.max_message);
        let body = body::read(body, limit, BODY_TIMEOUT).await.map_err(|error| body_response(error, limit))?;
        let body = Bytes::from(body);
        let shutdown = || text(StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down\n");
        let read = if body.len() <= message::MAX_BYTES {
            message::read(&body)
        } else {
            // Parsing a large text would block the runtime, and many of them the threads of runs.
            let permit = self.parsers.clone().acquire_owned().await.map_err(|_| shutdown())?;
            let read = task::spawn_blocking(move || {
                let _permit = permit;
                message::read(&body)
            });
            read.await.map_err(|_| shutdown())?
        };
        let message = read.map_err(|answer| json(StatusCode::BAD_REQUEST, &answer))?;
        if let (Some(session), ClientJsonRpcMessage::Request(request)) = (&session, &message.message)
            && session.to_str().is_ok_and(|session| self.sessions.is_answering(session, &request.id))
        {
            return Err(json(StatusCode::BAD_REQUEST, &message::duplicate_id(request.id.clone())));
        }
        arguments.set(message.arguments);
        Ok(message.text.into())
    }

    /// Returns whether a session with this id is open.
    fn has_session(&self, id: &HeaderValue) -> bool {
        id.to_str().is_ok_and(|id| self.sessions.has(id))
    }

    /// Returns the origin of a request, if it is allowed.
    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let page = headers.get(header::ORIGIN)?;
        let named = page.to_str().ok()?;
        let same = |allowed: &String| match allowed.strip_suffix(":*") {
            Some(host) => named.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')),
            None => allowed == named || origin(named).is_ok_and(|named| *allowed == named),
        };
        self.origins.iter().any(same).then(|| page.clone())
    }
}

/// Returns the allowed values of `host`. Others are refused, as a protection against DNS rebinding.
fn hosts(local: SocketAddr, more: &[String]) -> Vec<String> {
    let own = ["localhost", "127.0.0.1", "::1"].map(String::from);
    let bound = (!local.ip().is_unspecified()).then(|| local.ip().to_string());
    own.into_iter().chain(bound).chain(more.iter().cloned()).collect()
}

/// Parses an origin, and adds the default port if it has none.
fn origin(text: &str) -> Result<String, Failure> {
    let port = text.strip_prefix("http://").map(|host| (host, 80)).or(text.strip_prefix("https://").map(|h| (h, 443)));
    let Some((host, port)) = port.filter(|(host, _)| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
    else {
        let message = format!("--allow-origin: `{}` is not the origin of a web page", show::name(text));
        return Err(Failure::usage(message).with_hint("for example `--allow-origin http://localhost:6274`"));
    };
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    Ok(if has_port { text.into() } else { format!("{text}:{port}") })
}

/// Replaces the 202 of the SDK for an ended session by 204, as clients expect.
fn done(answer: HttpResponse) -> HttpResponse {
    if answer.status() == StatusCode::ACCEPTED { text(StatusCode::NO_CONTENT, "") } else { answer }
}

/// Returns the response to a CORS preflight request.
fn preflight() -> HttpResponse {
    let mut answer = text(StatusCode::NO_CONTENT, "");
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    let allowed = "content-type, accept, last-event-id, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    answer
}

/// Returns the response to a body that could not be read.
fn body_response(error: BodyError, limit: u64) -> HttpResponse {
    match error {
        BodyError::TooLarge => json(StatusCode::PAYLOAD_TOO_LARGE, &message::too_large(limit)),
        BodyError::Incomplete => text(StatusCode::BAD_REQUEST, "the body is incomplete or malformed\n"),
        BodyError::TimedOut => text(StatusCode::REQUEST_TIMEOUT, "the body was not received in time\n"),
    }
}

fn text(status: StatusCode, text: &'static str) -> HttpResponse {
    body(status, "text/plain; charset=utf-8", text.into())
}

fn json(status: StatusCode, message: &JsonRpcError) -> HttpResponse {
    body(status, "application/json", message::write(message).into())
}

fn body(status: StatusCode, kind: &'static str, bytes: Bytes) -> HttpResponse {
    let mut answer = Response::new(Full::new(bytes).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
