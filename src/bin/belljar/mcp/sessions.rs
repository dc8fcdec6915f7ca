//! Clients over HTTP, each with a session of its own.
//!
//! The SDK has this too, but puts what a guest logs on a stream that clients need not open, and lets a call
//! run on that nobody is there for any more.

use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_core::Stream;
use rmcp::{
    RoleServer,
    model::{
        CancelledNotification, CancelledNotificationParam, ClientJsonRpcMessage, ClientNotification, GetExtensions,
        RequestId, ServerJsonRpcMessage,
    },
    service::OriginatingRequestId,
    transport::{
        Transport,
        common::server_side_http::session_id,
        streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager},
    },
};
use thiserror::Error;
use tokio::{
    sync::mpsc,
    time::{Sleep, sleep},
};
use tokio_util::sync::CancellationToken;

use super::session::STREAM_TIME;

/// More are not kept: the one that has been silent longest has to give way.
const MAX_SESSIONS: usize = 1_000;

/// A session that is silent so long has been left.
const SILENCE: Duration = Duration::from_secs(3_600);

/// What waits for one stream; more of it waits where it comes from.
const WAITING: usize = 16;

/// The streams of a session at a time: of requests, after which more are refused, and of all else, of which the oldest
/// gives way.
const MAX_REQUESTS: usize = 1_024;
const MAX_OTHER: usize = 4;

/// The sessions, by their secret names.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<SessionId, Open>>);

/// Why a message cannot be taken.
#[derive(Debug, Clone, Copy, Error)]
pub enum SessionError {
    /// There is none of this name any more.
    #[error("the session is over")]
    Over,
    /// Two requests could not be told apart.
    #[error("a request with this id is being answered")]
    Twice,
    /// It has all the streams that a session may have.
    #[error("{MAX_REQUESTS} requests of the session are being answered")]
    Many,
    /// None of them is idle.
    #[error("{MAX_SESSIONS} sessions are at work")]
    Full,
}

#[derive(Debug, Clone)]
struct Open {
    incoming: mpsc::UnboundedSender<ClientJsonRpcMessage>,
    streams: Arc<Mutex<Streams>>,
    closed: CancellationToken,
    heard: Instant,
}

/// Where messages to the client go.
#[derive(Debug, Default)]
struct Streams {
    /// Those of requests that are not answered yet.
    requests: HashMap<RequestId, mpsc::Sender<ServerSseMessage>>,
    /// Those that are open for all else.
    other: Vec<mpsc::Sender<ServerSseMessage>>,
    /// What is to be told once there is such a stream. It is the same each time: that there are other tools.
    untold: Option<ServerJsonRpcMessage>,
}

impl Open {
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody would miss it.
    fn is_idle(&self) -> bool {
        self.streams().requests.is_empty()
    }

    /// Opens the stream of a request, and hands the request on.
    fn ask(&self, message: ClientJsonRpcMessage) -> Result<Answers, SessionError> {
        let ClientJsonRpcMessage::Request(request) = &message else { return Err(SessionError::Over) };
        let id = request.id.clone();
        let (answers, messages) = mpsc::channel(WAITING);
        {
            let mut streams = self.streams();
            if streams.requests.contains_key(&id) {
                return Err(SessionError::Twice);
            }
            if streams.requests.len() >= MAX_REQUESTS {
                return Err(SessionError::Many);
            }
            streams.requests.insert(id.clone(), answers);
        }
        let asked = Answers { messages, request: Some((id, self.clone())), end: None };
        self.incoming.send(message).map_err(|_| SessionError::Over)?;
        Ok(asked)
    }

    /// Opens a stream for what is no answer.
    fn listen(&self) -> Answers {
        let (other, messages) = mpsc::channel(WAITING);
        let mut streams = self.streams();
        if let Some(untold) = streams.untold.take() {
            let _ = other.try_send(ServerSseMessage::from_message(untold));
        }
        streams.other.retain(|stream| !stream.is_closed());
        if streams.other.len() >= MAX_OTHER {
            streams.other.remove(0);
        }
        streams.other.push(other);
        Answers { messages, request: None, end: Some(Box::pin(sleep(STREAM_TIME))) }
    }
}

/// Messages to a client, on one stream.
pub struct Answers {
    messages: mpsc::Receiver<ServerSseMessage>,
    /// The request that they answer.
    request: Option<(RequestId, Open)>,
    /// When it ends, if it answers none.
    end: Option<Pin<Box<Sleep>>>,
}

impl Stream for Answers {
    type Item = ServerSseMessage;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ServerSseMessage>> {
        let next = self.messages.poll_recv(context);
        let is_over = |end: &mut Pin<Box<Sleep>>| end.as_mut().poll(context).is_ready();
        if next.is_pending() && self.end.as_mut().is_some_and(is_over) { Poll::Ready(None) } else { next }
    }
}

impl Drop for Answers {
    /// Nobody can be told any more what is still being worked at.
    fn drop(&mut self) {
        if let Some((id, open)) = self.request.take()
            && open.streams().requests.remove(&id).is_some()
        {
            let _ = open.incoming.send(cancel(id));
        }
    }
}

fn cancel(id: RequestId) -> ClientJsonRpcMessage {
    let params = CancelledNotificationParam::new(Some(id), Some("the client is gone".into()));
    let notification = CancelledNotification::new(params);
    ClientJsonRpcMessage::notification(ClientNotification::CancelledNotification(notification))
}

/// The server's end of a session.
pub struct Wire {
    open: Open,
    incoming: mpsc::UnboundedReceiver<ClientJsonRpcMessage>,
    /// What is left to be cancelled, once the session is over.
    last: Option<VecDeque<RequestId>>,
}

impl Transport<RoleServer> for Wire {
    type Error = SessionError;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), SessionError>> + Send + 'static {
        let mut streams = self.open.streams();
        let to = match &message {
            ServerJsonRpcMessage::Response(response) => streams.requests.remove(&response.id),
            ServerJsonRpcMessage::Error(error) => error.id.as_ref().and_then(|id| streams.requests.remove(id)),
            ServerJsonRpcMessage::Notification(notification) => {
                match notification.notification.extensions().get::<OriginatingRequestId>() {
                    Some(OriginatingRequestId(id)) => streams.requests.get(id).cloned(),
                    None => {
                        let to = streams.other.iter().find(|stream| !stream.is_closed()).cloned();
                        if to.is_none() {
                            streams.untold = Some(message.clone());
                        }
                        to
                    }
                }
            }
            ServerJsonRpcMessage::Request(_) => None,
        };
        drop(streams);
        async move {
            let Some(to) = to else { return Ok(()) };
            to.send(ServerSseMessage::from_message(message)).await.map_err(|_| SessionError::Over)
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        if self.last.is_none() {
            let message = self.open.closed.run_until_cancelled(self.incoming.recv()).await.flatten();
            if message.is_some() {
                return message;
            }
            self.last = Some(self.open.streams().requests.drain().map(|(id, _)| id).collect());
        }
        self.last.as_mut()?.pop_front().map(cancel)
    }

    async fn close(&mut self) -> Result<(), SessionError> {
        self.open.closed.cancel();
        Ok(())
    }
}

impl Sessions {
    fn all(&self) -> MutexGuard<'_, HashMap<SessionId, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, id: &SessionId) -> Result<Open, SessionError> {
        let mut all = self.all();
        let open = all.get_mut(id).ok_or(SessionError::Over)?;
        open.heard = Instant::now();
        Ok(open.clone())
    }

    /// Returns whether there is a session of this name.
    pub fn has(&self, id: &str) -> bool {
        self.all().get(id).is_some_and(|open| !open.closed.is_cancelled())
    }

    /// Makes room for one more.
    fn clear(&self) -> Result<(), SessionError> {
        let mut all = self.all();
        all.retain(|_, open| {
            let left = open.is_idle() && open.heard.elapsed() >= SILENCE;
            if left {
                open.closed.cancel();
            }
            !left && !open.closed.is_cancelled()
        });
        if all.len() < MAX_SESSIONS {
            return Ok(());
        }
        let idle = all.iter().filter(|(_, open)| open.is_idle()).min_by_key(|(_, open)| open.heard);
        let id = idle.map(|(id, _)| id.clone()).ok_or(SessionError::Full)?;
        all.remove(&id).iter().for_each(|open| open.closed.cancel());
        Ok(())
    }
}

impl SessionManager for Sessions {
    type Error = SessionError;
    type Transport = Wire;

    async fn create_session(&self) -> Result<(SessionId, Wire), SessionError> {
        self.clear()?;
        let (incoming, messages) = mpsc::unbounded_channel();
        let (streams, closed) = (Arc::default(), CancellationToken::new());
        let open = Open { incoming, streams, closed, heard: Instant::now() };
        let id = session_id();
        self.all().insert(id.clone(), open.clone());
        Ok((id, Wire { open, incoming: messages, last: None }))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionError> {
        let mut answers = self.open(id)?.ask(message)?;
        let answer = answers.messages.recv().await.and_then(|answer| answer.message);
        answer.map(Arc::unwrap_or_clone).ok_or(SessionError::Over)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionError> {
        Ok(self.open(id).is_ok_and(|open| !open.closed.is_cancelled()))
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionError> {
        self.all().remove(id).iter().for_each(|open| open.closed.cancel());
        Ok(())
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        self.open(id)?.ask(message)
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionError> {
        let open = self.open(id)?;
        if let ClientJsonRpcMessage::Notification(notification) = &message
            && let ClientNotification::CancelledNotification(cancelled) = &notification.notification
            && let Some(request) = &cancelled.params.request_id
        {
            // It is not answered any more, so that its stream ends.
            open.streams().requests.remove(request);
        }
        open.incoming.send(message).map_err(|_| SessionError::Over)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.open(id)?.listen())
    }

    /// Events have no names by which one could be asked for again.
    async fn resume(
        &self,
        id: &SessionId,
        _: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.open(id)?.listen())
    }
}
