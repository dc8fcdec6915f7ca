//! Clients over HTTP: at `/mcp`, from this machine unless others are allowed.

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
    model::JsonRpcError,
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
    body::{self, Fault, Later, Refused},
    message,
    server::Server,
    session::Session,
    sessions::Sessions,
};
use crate::{
    failure::{Failure, io_message},
    peer::Caller,
    show,
    stream::Stream,
};

/// The name of a session, and the version of the protocol, which with each request is complete in itself from one on.
const SESSION: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";
const COMPLETE: &str = "2026-07-28";

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
    let refused = |error: &std::io::Error| Failure::io(&show::name(address), io_message(error));
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
    let sessions = Arc::new(Sessions::default());
    let service = StreamableHttpService::new(session, sessions.clone(), config);
    accept(listener, &Site { service, sessions, origins, max_message }, stop).await;
    Ok(())
}

async fn accept(listener: TcpListener, site: &Site, stop: CancellationToken) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let next = async || {
        let place = connections.clone().acquire_owned().await.ok()?;
        Some((listener.accept().await, place))
    };
    while let Some(Some((accepted, place))) = stop.run_until_cancelled(next()).await {
        let Ok((stream, client)) = accepted else {
            // Too many files are open, say: it may be over in a moment.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (site, stop) = (site.clone(), stop.clone());
        task::spawn(async move {
            attend(stream, client, site, stop).await;
            drop(place);
        });
    }
    let _ = timeout(LAST_WORDS, connections.acquire_many(MAX_CONNECTIONS as u32)).await;
}

/// Answers what comes on a connection. What goes wrong with it, its client knows.
async fn attend(stream: TcpStream, client: SocketAddr, site: Site, stop: CancellationToken) {
    let answer = service_fn(move |mut request: Request<Incoming>| {
        let site = site.clone();
        let session = request.headers().get(SESSION).map(HeaderValue::as_bytes);
        let caller = Caller::of(client, session);
        request.extensions_mut().insert(caller);
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    let mut connection = http.serve_connection(TokioIo::new(Stream::new(stream, BODY_TIME)), answer);
    tokio::select! {
        _ = &mut connection => {}
        () = stop.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            let _ = (&mut connection).await;
        }
    }
    connection.into_parts().io.into_inner().linger().await;
}

/// What there is at an address.
#[derive(Clone)]
struct Site {
    service: StreamableHttpService<Session, Sessions>,
    sessions: Arc<Sessions>,
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

    /// Answers a message. Its body is read once the SDK has looked at host, origin and types, and here at the session.
    async fn post(&self, request: Request<Incoming>) -> Answer {
        let (mut parts, body) = request.into_parts();
        let arguments = Arguments::default();
        parts.extensions.insert(arguments.clone());
        let session = parts.headers.get(SESSION).cloned();
        // Without a session there is only what begins one, and what is complete in itself.
        let is_complete = parts.headers.get(VERSION).is_some_and(|version| version >= COMPLETE);
        let limit = if session.is_some() || is_complete { self.max_message } else { message::MAX_BYTES as u64 };
        let (refuse, mut refused) = oneshot::channel();
        let site = self.clone();
        let read = async move {
            let text = site.message(session, body, limit, &arguments).await;
            text.map_err(|answer| {
                let _ = refuse.send(answer);
                Refused
            })
        };
        let answer = self.service.handle(Request::from_parts(parts, Later::new(read))).await;
        refused.try_recv().unwrap_or(answer)
    }

    /// Reads the message in a body: its text without the arguments of a tool, which are set beside it.
    async fn message(
        &self,
        session: Option<HeaderValue>,
        mut body: Incoming,
        limit: u64,
        arguments: &Arguments,
    ) -> Result<Bytes, Answer> {
        if session.is_some_and(|id| !self.has(&id)) {
            return Err(text(StatusCode::NOT_FOUND, "the session is over\n"));
        }
        let limit = limit.min(self.max_message);
        let body = body::read(&mut body, limit, BODY_TIME).await.map_err(|fault| unread(fault, limit))?;
        // A large text takes a while.
        let read = task::spawn_blocking(move || message::read(&body)).await;
        let read = read.map_err(|_| text(StatusCode::SERVICE_UNAVAILABLE, "the server ends\n"))?;
        let message = read.map_err(|answer| json(StatusCode::BAD_REQUEST, &answer))?;
        arguments.set(message.arguments);
        Ok(message.text.into())
    }

    /// Returns whether there is a session of this name.
    fn has(&self, id: &HeaderValue) -> bool {
        id.to_str().is_ok_and(|id| self.sessions.has(id))
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

/// The answer to a body that could not be read.
fn unread(fault: Fault, limit: u64) -> Answer {
    match fault {
        Fault::TooLarge => json(StatusCode::PAYLOAD_TOO_LARGE, &message::too_large(limit)),
        Fault::Cut => text(StatusCode::BAD_REQUEST, "the body has no end\n"),
        Fault::Late => text(StatusCode::REQUEST_TIMEOUT, "the body takes too long\n"),
    }
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
