//! One client: what it asks, and what it is told.
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
    call::{self, Event, Teller},
    served::Served,
    server::Server,
};
use crate::{
    peer::{Caller, Peer},
    queue::{Place, Refused},
    show,
};

/// What clients are told of the server, for their models.
const INSTRUCTIONS: &str = "\
Each tool is a WebAssembly module in a sandbox: a call is a run of its own, which keeps nothing for the next \
one, and the same arguments give the same result unless the tool is granted something of the outside. A call \
that is stopped by a limit says which; the same call again is stopped again.";

/// A client that takes nothing of what it is told for so long is not there, and its run ends. When a run has ended, all
/// that is left is to be taken within this time.
const UNREAD: Duration = Duration::from_secs(30);

/// A stream of what is no answer ends after so long; a client that wants more of it opens another.
pub const STREAM_TIME: Duration = Duration::from_secs(3_600);

/// One client.
#[derive(Debug)]
pub struct Session {
    server: Arc<Server>,
    /// The least severe messages that it wants.
    level: Mutex<LoggingLevel>,
    /// Whether it is told of other tools.
    told: AtomicBool,
    /// The client is gone: what it has asked for ends.
    gone: CancellationToken,
    _gone: DropGuard,
}

impl Session {
    /// A client of a server, until it is gone.
    pub fn new(server: Arc<Server>, gone: CancellationToken) -> Session {
        let (level, told) = (Mutex::new(LoggingLevel::Info), AtomicBool::new(false));
        Session { server, level, told, _gone: gone.clone().drop_guard(), gone }
    }

    /// The least severe messages that are wanted of a call. Newer clients say so with each.
    fn level(&self, context: &RequestContext<RoleServer>) -> Option<LoggingLevel> {
        match context.protocol_version() {
            Some(version) if version >= ProtocolVersion::V_2026_07_28 => context.meta.log_level(),
            _ => Some(*self.level.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Waits for a place for a call of its client.
    async fn turn(&self, context: &RequestContext<RoleServer>) -> Result<Place<Peer>, Refused> {
        let over_http = context.extensions.get::<hyper::http::request::Parts>();
        let caller = over_http.and_then(|parts| parts.extensions.get::<Caller>()).copied().unwrap_or(Caller::ONLY);
        self.server.places.join(caller.peer, caller.strand)?.turn().await
    }

    /// Runs a tool when there is a place, and passes on what it tells.
    async fn run(
        &self,
        served: Arc<Served>,
        arguments: Bytes,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let cancelled = &context.ct;
        let place = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Ok(answer::cancelled()),
            () = self.gone.cancelled() => return Ok(answer::cancelled()),
            place = self.turn(context) => place,
        };
        let place = match place {
            Ok(place) => place,
            Err(why) => return Ok(answer::busy(why)),
        };
        let mut notes = Notes::of(self, &served, context);
        let name = show::name(served.tool.name());
        let (teller, mut told) = Teller::new();
        let running = task::spawn_blocking(move || {
            let _place = place;
            call::call(&served, arguments, teller)
        });
        let passed_on = async {
            let mut last = None;
            while let Some(event) = told.recv().await {
                if running.is_finished() {
                    last.get_or_insert_with(|| Instant::now() + UNREAD);
                }
                let until = last.unwrap_or_else(|| Instant::now() + UNREAD);
                if timeout_at(until, notes.pass(event, context)).await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            () = passed_on => {}
            () = cancelled.cancelled() => {}
            () = self.gone.cancelled() => {}
        }
        // If it still runs, that ends it.
        let untaken = told.len() as u64;
        drop(told);
        let (mut result, dropped) =
            running.await.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        answer::note_dropped(&mut result, dropped + untaken);
        self.server.tell(|console| console.note(format_args!("{name}: {}", answer::summary(&result))));
        Ok(result)
    }
}

/// What a client is told while a tool runs.
struct Notes {
    tool: String,
    level: Option<LoggingLevel>,
    fuel_limit: u64,
    /// The progress that it knows of, which may only grow.
    fuel: u64,
}

impl Notes {
    fn of(session: &Session, served: &Served, context: &RequestContext<RoleServer>) -> Notes {
        let fuel_limit = served.tool.sandbox().config().limits.fuel;
        Notes { tool: served.tool.name().into(), level: session.level(context), fuel_limit, fuel: 0 }
    }

    /// Waits until the client has it, so that it keeps its place. A client that is gone is noticed elsewhere.
    async fn pass(&mut self, event: Event, context: &RequestContext<RoleServer>) {
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

/// The levels of MCP are those of syslog, which has none below debug.
fn level(entry: &LogEntry) -> LoggingLevel {
    match entry.level {
        Level::Error => LoggingLevel::Error,
        Level::Warn => LoggingLevel::Warning,
        Level::Info => LoggingLevel::Info,
        Level::Debug | Level::Trace => LoggingLevel::Debug,
    }
}

impl ServerHandler for Session {
    /// All but 2025-03-26, of which batches are a part.
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
            // All tools are on one page, so nobody was given one.
            Some(cursor) => Err(ErrorData::invalid_params("no such cursor", Some(json!({ "cursor": cursor })))),
            None => Ok(ListToolsResult::with_all_items(self.server.catalog().listed())),
        }
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.server.catalog().find(name).ok().map(|served| served.listed.clone())
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
        let arguments = Arguments::of(&context.extensions).unwrap_or_else(|| Bytes::from_static(b"{}"));
        Ok(self.run(served.clone(), arguments, &context).await?.into())
    }

    async fn set_level(&self, request: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = request.level;
        Ok(())
    }

    /// From now on it is told of other tools.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if self.told.swap(true, Ordering::Relaxed) {
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

    /// The same for newer clients, which ask for it.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.server.changes();
        let mut end = pin!(sleep(STREAM_TIME));
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

    // What is not offered, the SDK would answer with nothing.

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        absent::<CompleteRequestMethod, _>()
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        absent::<ListPromptsRequestMethod, _>()
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        absent::<ListResourcesRequestMethod, _>()
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        absent::<ListResourceTemplatesRequestMethod, _>()
    }
}

fn absent<M: ConstString, T>() -> Result<T, ErrorData> {
    Err(unknown(M::VALUE))
}

fn unknown(method: &str) -> ErrorData {
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("unknown method: {}", show::name(method)), None)
}
