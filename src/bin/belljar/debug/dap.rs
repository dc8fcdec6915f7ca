//! A server of the Debug Adapter Protocol over stdin and stdout: `belljar debug --dap`.

use std::{io, path::PathBuf};

use serde_json::{Value, json};

use self::{
    client::{Client, Request},
    launch::{Launch, Start},
    server::Server,
    stack::Bases,
};
use super::{files::Files, prepared::Prepared, session::Session};
use crate::{console::Console, exit::Exit, failure::Failure, job::JobArgs};

mod client;
mod data;
mod launch;
mod member;
mod memory;
mod points;
mod server;
mod stack;
mod stop;

/// Serves one client to the end of its session.
pub fn serve(job: &JobArgs, sources: &[PathBuf], console: &Console) -> Result<Exit, Failure> {
    let mut client = Client::new(io::stdin().lock(), io::stdout());
    let mut bases = Bases::default();
    while let Some(request) = client.next()? {
        match request.command.as_str() {
            "initialize" => {
                bases = Bases::of(&request.arguments);
                client.respond(&request, Ok(capabilities()))?;
            }
            "launch" => {
                let (start, prepared) = match prepared(&request, job, sources, console) {
                    Ok(prepared) => prepared,
                    Err(message) => {
                        client.respond(&request, Err(message))?;
                        continue;
                    }
                };
                match prepared.debugger(console) {
                    Ok(debugger) => {
                        let files = Files::new(&start.sources, &start.module);
                        client.respond(&request, Ok(Value::Null))?;
                        client.event("initialized", Value::Null)?;
                        let session = Session::new(debugger, files);
                        Server::new(session, bases, start).serve(&mut client)?;
                        return Ok(Exit::Done);
                    }
                    Err(failure) => client.respond(&request, Err(message_of(&failure)))?,
                }
            }
            "disconnect" | "terminate" => {
                client.respond(&request, Ok(Value::Null))?;
                return Ok(Exit::Done);
            }
            command => {
                let message = format!("`{}` before `launch`", crate::show::name(command));
                client.respond(&request, Err(message))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn prepared(
    request: &Request,
    job: &JobArgs,
    sources: &[PathBuf],
    console: &Console,
) -> Result<(Start, Prepared), String> {
    let (start, job) = Launch::of(&request.arguments)?.over(job, sources)?;
    let prepared = Prepared::new(&job, console).map_err(|failure| message_of(&failure))?;
    Ok((start, prepared))
}

fn message_of(failure: &Failure) -> String {
    let Failure::Reported(report) = failure else { return "stdout is closed".into() };
    let file = report.file.as_ref().map(|file| format!("{file}: ")).unwrap_or_default();
    let hint = report.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{file}{}{hint}", report.message)
}

fn capabilities() -> Value {
    json!({
        "supportsConfigurationDoneRequest": true,
        "supportsStepBack": true,
        "supportsSteppingGranularity": true,
        "supportsFunctionBreakpoints": true,
        "supportsDataBreakpoints": true,
        "supportsDataBreakpointBytes": true,
        "supportsInstructionBreakpoints": true,
        "supportsReadMemoryRequest": true,
        "supportsDisassembleRequest": true,
        "supportsRestartRequest": true,
        "supportsTerminateRequest": true,
        "supportsExceptionInfoRequest": true,
        "supportsEvaluateForHovers": true,
        "supportsDelayedStackTraceLoading": true,
        "supportsValueFormattingOptions": true,
        "exceptionBreakpointFilters": [
            { "filter": stop::FILTER, "label": "Traps, limits and failures", "default": true },
        ],
    })
}
