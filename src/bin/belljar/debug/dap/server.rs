//! The requests of a client whose run has been launched.

use std::io::{BufRead, Write};

use belljar::explain::{Direction, StepUnit};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{
    command::Answer,
    commands,
    session::{Movement, Session},
};
use super::{
    client::{Client, Request},
    data::{self, parsed},
    launch::Start,
    memory, points,
    stack::{self, Bases, frame_of},
    stop,
};
use crate::{failure::Failure, show};

/// A run and its client.
#[derive(Debug)]
pub struct Server<'a> {
    session: Session<'a>,
    bases: Bases,
    start: Start,
    /// Whether a run that is stopped is an exception.
    has_exceptions: bool,
    /// Whether the client has been told that the run is over.
    is_over: bool,
    /// The bytes of the output and the messages of the log that have been sent.
    sent: (usize, usize),
}

/// What is done behind a response.
#[derive(Debug)]
enum Then {
    Nothing,
    Begin,
    Restart,
    Move(Movement, Direction),
    /// The run has been moved by a command.
    Moved,
    Pause,
    Terminate,
    Disconnect,
}

type Reply = Result<(Value, Then), String>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Granularity {
    granularity: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evaluated {
    expression: String,
    frame_id: Option<u64>,
    context: Option<String>,
    #[serde(default)]
    format: Value,
}

impl<'a> Server<'a> {
    /// Returns a server of a run that has not begun.
    pub fn new(session: Session<'a>, bases: Bases, start: Start) -> Self {
        Server { session, bases, start, has_exceptions: true, is_over: false, sent: (0, 0) }
    }

    /// Answers requests until the client disconnects.
    pub fn serve<R: BufRead, W: Write>(mut self, client: &mut Client<R, W>) -> Result<(), Failure> {
        while let Some(request) = client.next()? {
            let (reply, then) = match self.answer(&request) {
                Ok((body, then)) => (Ok(body), then),
                Err(message) => (Err(message), Then::Nothing),
            };
            client.respond(&request, reply)?;
            match then {
                Then::Nothing => {}
                Then::Begin => self.begin(client)?,
                Then::Restart => {
                    (self.sent, self.is_over) = ((0, 0), false);
                    let moved = self.session.go_to(0);
                    self.act(client, moved, |server, client| server.begin(client))?;
                }
                Then::Move(movement, direction) => self.go(client, movement, direction)?,
                Then::Moved => self.stopped(client, None)?,
                Then::Pause => client.event("stopped", stop::because(&self.session, "pause"))?,
                Then::Terminate => {
                    self.is_over = true;
                    client.event("terminated", Value::Null)?;
                }
                Then::Disconnect => return Ok(()),
            }
        }
        Ok(())
    }

    fn answer(&mut self, request: &Request) -> Reply {
        use Direction::{Backward, Forward};
        use Movement::{Into, Out, Over, Resume};
        let Request { command, arguments, .. } = request;
        let null = Value::Null;
        let is_movement = matches!(
            command.as_str(),
            "next" | "stepIn" | "stepOut" | "stepBack" | "continue" | "reverseContinue" | "pause"
        );
        if is_movement && self.is_over {
            return Err("the run is over: `restart` begins it again".into());
        }
        let session = &mut self.session;
        let body = match command.as_str() {
            "configurationDone" => return Ok((null, Then::Begin)),
            "restart" => return Ok((null, Then::Restart)),
            "next" => return Ok((null, Then::Move(Over(unit(arguments)), Forward))),
            "stepIn" => return Ok((null, Then::Move(Into(unit(arguments)), Forward))),
            "stepOut" => return Ok((null, Then::Move(Out, Forward))),
            "stepBack" => return Ok((null, Then::Move(Over(unit(arguments)), Backward))),
            "continue" => return Ok((json!({ "allThreadsContinued": true }), Then::Move(Resume, Forward))),
            "reverseContinue" => return Ok((null, Then::Move(Resume, Backward))),
            "pause" => return Ok((null, Then::Pause)),
            "terminate" => return Ok((null, Then::Terminate)),
            "disconnect" => return Ok((null, Then::Disconnect)),
            "evaluate" => return self.evaluate(arguments),
            "setExceptionBreakpoints" => {
                let filters = arguments.get("filters").and_then(Value::as_array);
                self.has_exceptions =
                    filters.is_some_and(|filters| filters.iter().any(|filter| filter == stop::FILTER));
                null
            }
            "threads" => json!({ "threads": [{ "id": stop::THREAD, "name": "guest" }] }),
            "stackTrace" => stack::trace(session, self.bases, arguments)?,
            "scopes" => data::scopes(session, arguments)?,
            "variables" => data::variables(session, arguments)?,
            "setBreakpoints" => points::in_source(session, self.bases, arguments)?,
            "setFunctionBreakpoints" => points::of_functions(session, arguments)?,
            "setInstructionBreakpoints" => points::of_operators(session, arguments)?,
            "dataBreakpointInfo" => points::data_info(session, arguments)?,
            "setDataBreakpoints" => points::of_data(session, arguments)?,
            "readMemory" => memory::read(session, arguments)?,
            "disassemble" => memory::disassemble(session, self.bases, arguments)?,
            "exceptionInfo" => stop::exception(session)?,
            "initialize" | "launch" => return Err(format!("`{command}` a second time")),
            other => return Err(format!("`{}` is unknown", show::name(other))),
        };
        Ok((body, Then::Nothing))
    }

    /// Answers `evaluate`: in the console an expression may be a command.
    fn evaluate(&mut self, arguments: &Value) -> Reply {
        let Evaluated { expression, frame_id, context, format } = parsed("evaluate", arguments)?;
        if let Some(id) = frame_id {
            self.session.select(frame_of(id));
        }
        if context.as_deref() == Some("repl") && commands::is_command(&expression) {
            let text = |text: &str| json!({ "result": text.trim_end(), "variablesReference": 0 });
            return match commands::follow(&mut self.session, &expression)? {
                Answer::Text(answer) => Ok((text(&answer), Then::Nothing)),
                Answer::Moved => Ok((text(&self.session.place()), Then::Moved)),
                Answer::Quit => Ok((text(""), Then::Terminate)),
            };
        }
        let hex = format.get("hex").and_then(Value::as_bool).unwrap_or(false);
        Ok((data::evaluate(&mut self.session, &expression, hex)?, Then::Nothing))
    }

    /// Begins the run: stops at its first operator, or goes on to a breakpoint.
    fn begin<R: BufRead, W: Write>(&mut self, client: &mut Client<R, W>) -> Result<(), Failure> {
        if self.start.stops_on_entry {
            return client.event("stopped", stop::because(&self.session, "entry"));
        }
        if self.start.no_debug {
            let moved = self.session.go_to(u64::MAX);
            return self.act(client, moved, |server, client| server.end(client));
        }
        // The first operator is at hand, and no movement gets to it.
        if let Some(number) = self.session.point_here() {
            return client.event("stopped", stop::at_point(&self.session, number));
        }
        // A run without steps is at its end already.
        if self.session.is_at_end() {
            return self.stopped(client, Some((Movement::Resume, Direction::Forward)));
        }
        self.go(client, Movement::Resume, Direction::Forward)
    }

    fn go<R: BufRead, W: Write>(
        &mut self,
        client: &mut Client<R, W>,
        movement: Movement,
        direction: Direction,
    ) -> Result<(), Failure> {
        if direction == Direction::Forward && self.session.is_at_end() {
            return self.end(client);
        }
        let moved = self.session.go(movement, direction);
        self.act(client, moved, |server, client| server.stopped(client, Some((movement, direction))))
    }

    /// Does what follows a movement, or says that it failed.
    fn act<R: BufRead, W: Write>(
        &mut self,
        client: &mut Client<R, W>,
        moved: Result<(), belljar::Error>,
        then: impl FnOnce(&mut Self, &mut Client<R, W>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match moved {
            Ok(()) => then(self, client),
            Err(error) => {
                let output = format!("error: {error}\n");
                client.event("output", json!({ "category": "stderr", "output": output }))?;
                client.event("stopped", stop::because(&self.session, "pause"))
            }
        }
    }

    /// Says where the run has stopped.
    fn stopped<R: BufRead, W: Write>(
        &mut self,
        client: &mut Client<R, W>,
        moved: Option<(Movement, Direction)>,
    ) -> Result<(), Failure> {
        self.written(client)?;
        if self.session.is_at_end() && self.session.debugger.result().is_ok() && !self.start.stops_on_end {
            return self.end(client);
        }
        client.event("stopped", stop::behind(&self.session, moved, self.has_exceptions))
    }

    /// Says that the run has ended.
    fn end<R: BufRead, W: Write>(&mut self, client: &mut Client<R, W>) -> Result<(), Failure> {
        self.written(client)?;
        let output = format!("{}\n", self.session.ending());
        client.event("output", json!({ "category": "console", "output": output }))?;
        self.is_over = true;
        client.event("exited", json!({ "exitCode": stop::exit_code(&self.session) }))?;
        client.event("terminated", Value::Null)
    }

    /// Sends the output and the log that the run has written since it has got so far for the first time.
    fn written<R: BufRead, W: Write>(&mut self, client: &mut Client<R, W>) -> Result<(), Failure> {
        let log = &self.session.debugger.log().entries;
        for entry in log.iter().skip(self.sent.1) {
            let output = format!("{}: {}\n", entry.level, belljar::text::escape(&entry.text, usize::MAX));
            client.event("output", json!({ "category": "console", "output": output }))?;
        }
        self.sent.1 = self.sent.1.max(log.len());
        let output = self.session.debugger.output();
        let new = output.get(self.sent.0..).unwrap_or_default();
        // The rest of a character comes later, or never.
        let last = new.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
        let is_cut = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
        let cut = if is_cut && !self.session.is_at_end() { last.len() } else { 0 };
        let new = new.get(..new.len() - cut).unwrap_or_default();
        if !new.is_empty() {
            self.sent.0 += new.len();
            let text = String::from_utf8_lossy(new);
            let text = belljar::text::escape_lines(&text, usize::MAX).to_string();
            client.event("output", json!({ "category": "stdout", "output": text }))?;
        }
        Ok(())
    }
}

/// Returns by what a client moves.
fn unit(arguments: &Value) -> StepUnit {
    let Granularity { granularity } = Granularity::deserialize(arguments).unwrap_or_default();
    if granularity.as_deref() == Some("instruction") { StepUnit::Operator } else { StepUnit::Line }
}
