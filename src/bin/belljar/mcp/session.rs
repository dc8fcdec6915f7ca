//! Session of one client: its requests and the notifications for it.
#![expect(deprecated, reason = "logging is deprecated from 2026-07-28 on, and most clients are older")]

use std::{
    borrow::Cow,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use belljar::{Level, LogEntry};
use hyper::body::Bytes;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestMethod, CompleteRequestParams,
        CompleteResult, ConstString, CustomRequest, CustomResult, ErrorCode, GetExtensions, Implementation,
        InitializeRequestParams, InitializeResult, ListPromptsRequestMethod, ListPromptsResult,
        ListResourceTemplatesRequestMethod, ListResourceTemplatesResult, ListResourcesRequestMethod,
        ListResourcesResult, ListToolsResult, LoggingLevel, LoggingMessageNotification,
        LoggingMessageNotificationParam, PaginatedRequestParams, ProgressNotification, ProgressNotificationParam,
        ProtocolVersion, ServerCapabilities, ServerConfig, ServerNotification, SetLevelRequestParams,
        SubscriptionFilter, Tool,
    },
    service::{NotificationContext, OriginatingRequestId, RequestContext, SubscriptionContext},
};
use serde_json::json;
use tokio::{
    task,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    answer,
    arguments::Arguments,
    call::{self, Event, EventSender},
    reservation::Reservation,
    served::ServedTool,
    server::Server,
};
use crate::{
    net::{
        peer::{Caller, Peer},
        queue::{Permit, Refused},
    },
    show,
};

/// Instructions for the models of clients.
const INSTRUCTIONS: &str = "\
Each tool is a WebAssembly module in a sandbox. Each call is a separate run that keeps no state for the next \
one, and the same arguments give the same result unless the tool is granted access to the host. A call that is \
stopped by a limit reports which; repeating the same call is stopped again.";

/// Time for a client to accept a notification; if it passes, the run ends. After the end of a run, all remaining
/// notifications must be accepted within this time.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest duration of a stream that answers no request; a client may then open another.
pub const STREAM_TIMEOUT: Duration = Duration::from_secs(3_600);

/// The session of one client.
#[derive(Debug)]
pub struct Session {
    server: Arc<Server>,
    /// The least severe level of log messages that it has set.
    level: Mutex<LoggingLevel>,
    /// Whether it is notified of changes of the tools.
    subscribed: AtomicBool,
    /// Cancelled when the client is gone, to end its calls.
    gone: CancellationToken,
    _gone: DropGuard,
}

impl Session {
    /// Returns a session, which cancels `gone` on drop.
    pub fn new(server: Arc<Server>, gone: CancellationToken) -> Session {
        let (level, subscribed) = (Mutex::new(LoggingLevel::Info), AtomicBool::new(false));
        Session { server, level, subscribed, _gone: gone.clone().drop_guard(), gone }
    }

    /// Returns the least severe level of log messages for a call. Newer clients send it with each call.
    fn level(&self, context: &RequestContext<RoleServer>) -> Option<LoggingLevel> {
        match context.protocol_version() {
            Some(version) if version >= ProtocolVersion::V_2026_07_28 => context.meta.log_level(),
            _ => Some(*self.level.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Waits for a permit for a call of its client.
    async fn acquire(&self, context: &RequestContext<RoleServer>) -> Result<Permit<Peer>, Refused> {
        if let Some(reserved) = context.extensions.get::<Reservation>().and_then(Reservation::take) {
            return reserved?.ready().await;
        }
        let over_http = context.extensions.get::<hyper::http::request::Parts>();
        let caller = over_http.and_then(|parts| parts.extensions.get::<Caller>()).copied().unwrap_or(Caller::ONLY);
        self.server.permits.enqueue(caller.peer, caller.flow)?.ready().await
    }

    /// Runs a tool when there is a permit, and sends its events to the client.
    async fn run(
        &self,
        served: Arc<ServedTool>,
        arguments: Bytes,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let cancelled = &context.ct;
        let permit = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Ok(answer::cancelled()),
            () = self.gone.cancelled() => return Ok(answer::cancelled()),
            permit = self.acquire(context) => permit,
        };
        let permit = match permit {
            Ok(permit) => permit,
            Err(why) => return Ok(answer::busy(why)),
        };
        let mut notifier = Notifier::of(self, &served, context);
        let name = show::name(served.tool.name());
        let (sender, mut events) = EventSender::new();
        let server = Arc::clone(&self.server);
        let running = task::spawn_blocking(move || {
            let _permit = permit;
            call::call(&server, &served, arguments, sender)
        });
        let forwarded = async {
            let mut last = None;
            while let Some(event) = events.recv().await {
                if running.is_finished() {
                    last.get_or_insert_with(|| Instant::now() + SEND_TIMEOUT);
                }
                let until = last.unwrap_or_else(|| Instant::now() + SEND_TIMEOUT);
                if timeout_at(until, notifier.send(event, context)).await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            () = forwarded => {}
            () = cancelled.cancelled() => {}
            () = self.gone.cancelled() => {}
        }
        // Dropping the receiver cancels a run that has not ended.
        let unsent = events.len() as u64;
        drop(events);
        let (mut result, dropped) =
            running.await.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        answer::note_dropped(&mut result, dropped + unsent);
        self.server.with_console(|console| console.note(format_args!("{name}: {}", answer::summary(&result))));
        Ok(result)
    }
}

/// Sends the events of a run to the client.
struct Notifier {
    tool: String,
    level: Option<LoggingLevel>,
    fuel_limit: u64,
    /// The last reported progress, which must only grow.
    fuel: u64,
}

impl Notifier {
    fn of(session: &Session, served: &ServedTool, context: &RequestContext<RoleServer>) -> Notifier {
        let fuel_limit = served.tool.sandbox().config().limits.fuel;
        Notifier { tool: served.tool.name().into(), level: session.level(context), fuel_limit, fuel: 0 }
    }

    /// Sends an event, and waits until the client has accepted it, so that the order is kept. Errors are ignored, since
    /// a client that is gone is detected elsewhere.
    async fn send(&mut self, event: Event, context: &RequestContext<RoleServer>) {
        let mut notification = match event {
            Event::Log(entry) if self.level.is_some_and(|least| level(&entry) as u8 >= least as u8) => {
                let message = LoggingMessageNotificationParam::new(level(&entry), entry.text.into());
                let message = message.with_logger(self.tool.clone());
                ServerNotification::LoggingMessageNotification(LoggingMessageNotification::new(message))
            }
            Event::Progress(fuel) if fuel > self.fuel => {
                let Some(token) = context.meta.get_progress_token() else { return };
                self.fuel = fuel;
                let progress = ProgressNotificationParam::new(token, fuel as f64).with_total(self.fuel_limit as f64);
                ServerNotification::ProgressNotification(ProgressNotification::new(progress))
            }
            _ => return,
        };
        notification.extensions_mut().insert(OriginatingRequestId(context.id.clone()));
        let _ = context.peer.send_notification(notification).await;
    }
}

/// Converts a level. Those of MCP are the levels of syslog, which has none below debug.
fn level(entry: &LogEntry) -> LoggingLevel {
    match entry.level {
        Level::Error => LoggingLevel::Error,
        Level::Warn => LoggingLevel::Warning,
        Level::Info => LoggingLevel::Info,
        Level::Debug | Level::Trace => LoggingLevel::Debug,
    }
}

impl ServerHandler for Session {
    /// Returns all versions but 2025-03-26, which requires batches.
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let all = ProtocolVersion::KNOWN_VERSIONS.iter();
        all.filter(|version| **version != ProtocolVersion::V_2025_03_26).cloned().collect()
    }

    /// Answers a client of 2025-03-26 with the version before it, which it knows too.
    async fn initialize(
        &self,
        mut request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        if request.protocol_version == ProtocolVersion::V_2025_03_26 {
            request.protocol_version = ProtocolVersion::V_2024_11_05;
        }
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }

    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        capabilities.logging = Some(Default::default());
        ServerConfig::new(capabilities)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
            .with_server_info(Implementation::new("belljar", env!("CARGO_PKG_VERSION")).with_title("belljar"))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        match request.and_then(|request| request.cursor) {
            // All tools are on one page, so no cursor was ever returned.
            Some(cursor) => Err(ErrorData::invalid_params("no such cursor", Some(json!({ "cursor": cursor })))),
            None => Ok(ListToolsResult::with_all_items(self.server.catalog().definitions())),
        }
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.server.catalog().find(name).ok().map(|served| served.definition.clone())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let catalog = self.server.catalog();
        let served = catalog.find(&request.name).map_err(|why| {
            let data = json!({ "tool": request.name });
            ErrorData::invalid_params(why, Some(data))
        })?;
        let arguments = Arguments::take_from(&context.extensions).unwrap_or_else(|| Bytes::from_static(b"{}"));
        Ok(self.run(served.clone(), arguments, &context).await?.into())
    }

    async fn set_level(&self, request: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = request.level;
        Ok(())
    }

    /// Starts to notify the client of changes of the tools.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if self.subscribed.swap(true, Ordering::Relaxed) {
            return;
        }
        let (mut changes, gone) = (self.server.changes(), self.gone.clone());
        task::spawn(async move {
            while let Some(Ok(())) = gone.run_until_cancelled(changes.changed()).await {
                if context.peer.notify_tool_list_changed().await.is_err() {
                    break;
                }
            }
        });
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    /// Notifies newer clients, which subscribe, of changes of the tools.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.server.changes();
        let mut end = pin!(sleep(STREAM_TIMEOUT));
        loop {
            tokio::select! {
                () = context.cancelled() => break,
                () = self.gone.cancelled() => break,
                () = &mut end => break,
                changed = changes.changed() => {
                    if changed.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(unknown(&request.method))
    }

    // For methods that are not supported, the SDK would return empty results.

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        unsupported::<CompleteRequestMethod, _>()
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        unsupported::<ListPromptsRequestMethod, _>()
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        unsupported::<ListResourcesRequestMethod, _>()
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        unsupported::<ListResourceTemplatesRequestMethod, _>()
    }
}

fn unsupported<M: ConstString, T>() -> Result<T, ErrorData> {
    Err(unknown(M::VALUE))
}

fn unknown(method: &str) -> ErrorData {
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("unknown method: {}", show::name(method)), None)
}
