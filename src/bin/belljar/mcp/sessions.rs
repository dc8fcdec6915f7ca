//! Session manager of the HTTP transport.
//!
//! That of the SDK sends log messages on a stream that clients need not open, and does not end a call when its client
//! is gone.

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

use super::session::STREAM_TIMEOUT;

/// Open sessions; for a further one, the session that has been idle longest is closed.
const MAX_SESSIONS: usize = 1_000;

/// Time after which an idle session is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Capacity of the channel of a stream; when it is full, senders wait.
const CHANNEL_CAPACITY: usize = 16;

/// Open streams of a session: of requests, beyond which requests are refused, and others, of which the oldest is
/// closed for a new one.
const MAX_REQUESTS: usize = 1_024;
const MAX_OTHER: usize = 4;

/// The sessions by their ids, which are secret.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<SessionId, OpenSession>>);

/// The reason why a message is refused.
#[derive(Debug, Clone, Copy, Error)]
pub enum SessionError {
    /// The session has ended.
    #[error("the session has ended")]
    Ended,
    /// The id of the request is in use.
    #[error("a request with this id is in progress")]
    DuplicateId,
    /// The session has the maximum number of streams.
    #[error("{MAX_REQUESTS} requests of the session are in progress")]
    TooManyRequests,
    /// No session is idle.
    #[error("{MAX_SESSIONS} sessions are in use")]
    TooManySessions,
}

#[derive(Debug, Clone)]
struct OpenSession {
    incoming: mpsc::UnboundedSender<ClientJsonRpcMessage>,
    streams: Arc<Mutex<Streams>>,
    closed: CancellationToken,
    last_used: Instant,
}

/// The streams to a client.
#[derive(Debug, Default)]
struct Streams {
    /// The streams of unanswered requests.
    requests: HashMap<RequestId, mpsc::Sender<ServerSseMessage>>,
    /// The streams for other messages.
    other: Vec<mpsc::Sender<ServerSseMessage>>,
    /// The notification to send on the next such stream. There is only one kind: that the tools have changed.
    pending: Option<ServerJsonRpcMessage>,
}

impl OpenSession {
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether no request is unanswered, and no stream open.
    fn is_idle(&self) -> bool {
        let streams = self.streams();
        streams.requests.is_empty() && streams.other.iter().all(mpsc::Sender::is_closed)
    }

    /// Opens the stream of a request, and passes the request to the session.
    fn request(&self, message: ClientJsonRpcMessage) -> Result<EventStream, SessionError> {
        let ClientJsonRpcMessage::Request(request) = &message else { return Err(SessionError::Ended) };
        let id = request.id.clone();
        let (answers, messages) = mpsc::channel(CHANNEL_CAPACITY);
        {
            let mut streams = self.streams();
            if streams.requests.contains_key(&id) {
                return Err(SessionError::DuplicateId);
            }
            if streams.requests.len() >= MAX_REQUESTS {
                return Err(SessionError::TooManyRequests);
            }
            streams.requests.insert(id.clone(), answers);
        }
        let stream = EventStream { messages, request: Some((id, self.clone())), end: None };
        self.incoming.send(message).map_err(|_| SessionError::Ended)?;
        Ok(stream)
    }

    /// Opens a stream for messages that answer no request.
    fn listen(&self) -> EventStream {
        let (other, messages) = mpsc::channel(CHANNEL_CAPACITY);
        let mut streams = self.streams();
        if let Some(message) = streams.pending.take() {
            let _ = other.try_send(ServerSseMessage::from_message(message));
        }
        streams.other.retain(|stream| !stream.is_closed());
        if streams.other.len() >= MAX_OTHER {
            streams.other.remove(0);
        }
        streams.other.push(other);
        EventStream { messages, request: None, end: Some(Box::pin(sleep(STREAM_TIMEOUT))) }
    }
}

/// A stream of messages to a client.
pub struct EventStream {
    messages: mpsc::Receiver<ServerSseMessage>,
    /// The request that it answers, and its session.
    request: Option<(RequestId, OpenSession)>,
    /// The end of a stream that answers no request.
    end: Option<Pin<Box<Sleep>>>,
}

impl Stream for EventStream {
    type Item = ServerSseMessage;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ServerSseMessage>> {
        let next = self.messages.poll_recv(context);
        let is_over = |end: &mut Pin<Box<Sleep>>| end.as_mut().poll(context).is_ready();
        if next.is_pending() && self.end.as_mut().is_some_and(is_over) { Poll::Ready(None) } else { next }
    }
}

impl Drop for EventStream {
    /// Cancels a request whose response can no longer be sent.
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
pub struct SessionTransport {
    open: OpenSession,
    incoming: mpsc::UnboundedReceiver<ClientJsonRpcMessage>,
    /// The requests left to cancel after the end of the session.
    last: Option<VecDeque<RequestId>>,
}

impl Transport<RoleServer> for SessionTransport {
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
                            streams.pending = Some(message.clone());
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
            to.send(ServerSseMessage::from_message(message)).await.map_err(|_| SessionError::Ended)
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
    fn all(&self) -> MutexGuard<'_, HashMap<SessionId, OpenSession>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, id: &SessionId) -> Result<OpenSession, SessionError> {
        let mut all = self.all();
        let open = all.get_mut(id).ok_or(SessionError::Ended)?;
        open.last_used = Instant::now();
        Ok(open.clone())
    }

    /// Returns whether a session with this id is open.
    pub fn has(&self, id: &str) -> bool {
        self.all().get(id).is_some_and(|open| !open.closed.is_cancelled())
    }

    /// Returns whether a request with this id is unanswered in a session.
    pub fn is_answering(&self, session: &str, id: &RequestId) -> bool {
        self.all().get(session).is_some_and(|open| open.streams().requests.contains_key(id))
    }

    /// Closes idle sessions to make room for a new one.
    fn make_room(&self) -> Result<(), SessionError> {
        let mut all = self.all();
        all.retain(|_, open| {
            let left = open.is_idle() && open.last_used.elapsed() >= IDLE_TIMEOUT;
            if left {
                open.closed.cancel();
            }
            !left && !open.closed.is_cancelled()
        });
        if all.len() < MAX_SESSIONS {
            return Ok(());
        }
        let idle = all.iter().filter(|(_, open)| open.is_idle()).min_by_key(|(_, open)| open.last_used);
        let id = idle.map(|(id, _)| id.clone()).ok_or(SessionError::TooManySessions)?;
        all.remove(&id).iter().for_each(|open| open.closed.cancel());
        Ok(())
    }
}

impl SessionManager for Sessions {
    type Error = SessionError;
    type Transport = SessionTransport;

    async fn create_session(&self) -> Result<(SessionId, SessionTransport), SessionError> {
        self.make_room()?;
        let (incoming, messages) = mpsc::unbounded_channel();
        let (streams, closed) = (Arc::default(), CancellationToken::new());
        let open = OpenSession { incoming, streams, closed, last_used: Instant::now() };
        let id = session_id();
        self.all().insert(id.clone(), open.clone());
        Ok((id, SessionTransport { open, incoming: messages, last: None }))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionError> {
        let mut answers = self.open(id)?.request(message)?;
        let answer = answers.messages.recv().await.and_then(|answer| answer.message);
        answer.map(Arc::unwrap_or_clone).ok_or(SessionError::Ended)
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
        self.open(id)?.request(message)
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionError> {
        let open = self.open(id)?;
        if let ClientJsonRpcMessage::Notification(notification) = &message
            && let ClientNotification::CancelledNotification(cancelled) = &notification.notification
            && let Some(request) = &cancelled.params.request_id
        {
            // The request gets no response, so its stream ends.
            open.streams().requests.remove(request);
        }
        open.incoming.send(message).map_err(|_| SessionError::Ended)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.open(id)?.listen())
    }

    /// Opens a new stream: events have no ids, so none can be resumed.
    async fn resume(
        &self,
        id: &SessionId,
        _: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.open(id)?.listen())
    }
}
