//! Transport over stdin and stdout, one message per line.
//!
//! That of the SDK does not answer malformed lines, and waits without limit for running calls at the end of stdin.

use std::{
    collections::HashSet,
    io::{self, BufRead, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rmcp::{
    RoleServer,
    model::{
        ClientJsonRpcMessage, ClientNotification, ClientRequest, GetExtensions, GetMeta, JsonRpcError, ProtocolVersion,
        RequestId, ServerJsonRpcMessage,
    },
    transport::Transport,
};
use serde::Serialize;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    arguments::Arguments,
    message::{self, Message},
    reservation::Reservation,
};
use crate::net::{peer::Peer, queue::Queue};

/// Time to answer pending requests after the end of stdin, before they are cancelled.
const GRACE: Duration = Duration::from_secs(1);

/// Unread output above which no more input is read.
const BACKLOG_BYTES: usize = 64 << 20;

/// The memory of a waiting message in addition to its text.
const MESSAGE_BYTES: usize = 1 << 10;

/// The transport.
pub struct StdioTransport {
    incoming: mpsc::Receiver<Read>,
    /// The time at which pending requests are cancelled, after the end of stdin.
    end: Option<Instant>,
    outgoing: Outgoing,
    /// Whether the handshake is complete. Before that, any other message would end the SDK's session.
    initialized: bool,
    unanswered: HashSet<RequestId>,
    /// The queue of calls.
    permits: Queue<Peer>,
    gone: CancellationToken,
}

type Read = Result<ClientJsonRpcMessage, JsonRpcError>;

/// Starts the reader and the writer. The receiver resolves when all output is written.
///
/// `gone` is cancelled when the client is gone; cancelling it also ends the transport.
pub fn start(max_bytes: u64, permits: Queue<Peer>, gone: CancellationToken) -> (StdioTransport, oneshot::Receiver<()>) {
    let (read, incoming) = mpsc::channel(16);
    // A thread that blocks on stdin cannot be woken, so it ends with the process.
    thread::spawn(move || read_lines(io::stdin().lock(), max_bytes, |line| read.blocking_send(line).is_ok()));
    let (outgoing, written) = Outgoing::start(gone.clone());
    let unanswered = HashSet::new();
    (StdioTransport { incoming, end: None, outgoing, initialized: false, unanswered, permits, gone }, written)
}

/// Reads all lines. One that is too long is refused without being buffered.
fn read_lines(mut from: impl BufRead, max_bytes: u64, mut give: impl FnMut(Read) -> bool) {
    let (mut line, mut size) = (Vec::new(), 0_u64);
    loop {
        let Ok(bytes) = from.fill_buf() else { return };
        let last = bytes.is_empty();
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
        size = size.saturating_add(part.len() as u64);
        if size <= max_bytes {
            line.extend_from_slice(part);
        } else {
            line = Vec::new();
        }
        let taken = part.len() + usize::from(end.is_some());
        from.consume(taken);
        // The last line may have no line feed.
        if end.is_some() || last {
            let read = match size > max_bytes {
                true => Some(Err(message::too_large(max_bytes))),
                false if line.trim_ascii().is_empty() => None,
                false => Some(read_line(std::mem::take(&mut line))),
            };
            if !read.is_none_or(&mut give) || last {
                return;
            }
            (line, size) = (Vec::new(), 0);
        }
    }
}

/// Parses a line as a message, with the arguments of a tool in its extensions.
fn read_line(line: Vec<u8>) -> Read {
    let Message { mut message, arguments, .. } = message::read(&line.into())?;
    if let (ClientJsonRpcMessage::Request(request), Some(text)) = (&mut message, arguments) {
        request.request.extensions_mut().insert(Arguments::new(text));
    }
    Ok(message)
}

/// The writer: messages are written in the order in which they are sent.
struct Outgoing {
    lines: std::sync::mpsc::Sender<(Vec<u8>, oneshot::Sender<()>)>,
    backlog: Arc<AtomicUsize>,
}

impl Outgoing {
    fn start(gone: CancellationToken) -> (Outgoing, oneshot::Receiver<()>) {
        let (lines, waiting) = std::sync::mpsc::channel::<(Vec<u8>, oneshot::Sender<()>)>();
        let (done, written) = oneshot::channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        let counted = backlog.clone();
        thread::spawn(move || {
            let mut stdout = io::stdout().lock();
            for (line, sent) in waiting {
                if stdout.write_all(&line).and_then(|()| stdout.flush()).is_err() {
                    gone.cancel();
                    break;
                }
                counted.fetch_sub(line.len() + MESSAGE_BYTES, Ordering::Relaxed);
                let _ = sent.send(());
            }
            let _ = done.send(());
        });
        (Outgoing { lines, backlog }, written)
    }

    /// Queues a message. The receiver resolves when it is written.
    fn send(&self, message: &impl Serialize) -> oneshot::Receiver<()> {
        let (sent, written) = oneshot::channel();
        let mut line = message::write(message);
        line.push(b'\n');
        self.backlog.fetch_add(line.len() + MESSAGE_BYTES, Ordering::Relaxed);
        // If the writer has ended, the receiver is closed.
        let _ = self.lines.send((line, sent));
        written
    }
}

impl StdioTransport {
    /// Tracks unanswered requests. Returns the message if it is for the SDK.
    fn filter(&mut self, mut message: ClientJsonRpcMessage) -> Option<ClientJsonRpcMessage> {
        match &mut message {
            ClientJsonRpcMessage::Request(request) => {
                if !self.unanswered.insert(request.id.clone()) {
                    drop(self.outgoing.send(&message::duplicate_id(request.id.clone())));
                    return None;
                }
                self.initialized |= completes_handshake(&request.request);
                if matches!(request.request, ClientRequest::CallToolRequest(_)) {
                    request.request.extensions_mut().insert(Reservation::new(&self.permits));
                }
            }
            ClientJsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification {
                    // A cancelled request gets no response.
                    self.unanswered.retain(|id| Some(id) != cancelled.params.request_id.as_ref());
                }
            }
            _ => {}
        }
        (self.initialized || matches!(message, ClientJsonRpcMessage::Request(_))).then_some(message)
    }
}

/// Returns whether a request completes the handshake: `initialize`, or one with the metadata of newer clients.
fn completes_handshake(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::DiscoverRequest(_) | ClientRequest::PingRequest(_) => false,
        other => other.get_meta().missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty(),
    }
}

impl Transport<RoleServer> for StdioTransport {
    type Error = oneshot::error::RecvError;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        match &message {
            ServerJsonRpcMessage::Response(response) => drop(self.unanswered.remove(&response.id)),
            ServerJsonRpcMessage::Error(error) => self.unanswered.retain(|id| Some(id) != error.id.as_ref()),
            _ => {}
        }
        self.outgoing.send(&message)
    }

    /// Receives the next message. The SDK drops and repeats this call after each message it sends, so the end is
    /// detected once all requests are answered.
    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        while self.end.is_none() {
            // Also between messages that are answered here: a client that does not read is not read either.
            while self.outgoing.backlog.load(Ordering::Relaxed) > BACKLOG_BYTES && !self.gone.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            match self.gone.run_until_cancelled(self.incoming.recv()).await? {
                Some(Ok(message)) => {
                    if let Some(message) = self.filter(message) {
                        return Some(message);
                    }
                }
                Some(Err(answer)) => drop(self.outgoing.send(&answer)),
                None => self.end = Some(Instant::now() + GRACE),
            }
        }
        if let Some(end) = self.end.filter(|_| !self.unanswered.is_empty()) {
            self.gone.run_until_cancelled(tokio::time::sleep_until(end)).await;
        }
        self.gone.cancel();
        None
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        // The channel to the writer is dropped with the transport.
        Ok(())
    }
}
