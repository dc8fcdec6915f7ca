//! Functions that are being called, as clients see them.

use std::path::Path;

use belljar::explain::{Frame, Location};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{place, session::Session};
use super::member;

/// Levels of inlined functions that a number of a frame has room for.
const LEVELS: u64 = 1_000;

/// The numbers of the first line and column, as the client counts them.
#[derive(Debug, Clone, Copy)]
pub struct Bases {
    line: u32,
    column: u32,
}

impl Default for Bases {
    fn default() -> Self {
        Bases { line: 1, column: 1 }
    }
}

impl Bases {
    /// Returns what the arguments of `initialize` say.
    pub fn of(arguments: &Value) -> Bases {
        let base = |key| u32::from(arguments.get(key).and_then(Value::as_bool).unwrap_or(true));
        Bases { line: base("linesStartAt1"), column: base("columnsStartAt1") }
    }

    /// Returns a line as the client counts it.
    pub fn line_out(&self, line: u32) -> u32 {
        line.saturating_sub(1).saturating_add(self.line)
    }

    /// Returns a line of the client, from 1.
    pub fn line_in(&self, line: u32) -> u32 {
        line.saturating_sub(self.line).saturating_add(1)
    }

    fn column_out(&self, column: Option<u32>) -> u32 {
        column.unwrap_or(1).saturating_sub(1).saturating_add(self.column)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Range {
    start_frame: Option<u64>,
    levels: Option<u64>,
}

/// Answers `stackTrace`: inlined functions have frames of their own.
pub fn trace(session: &Session<'_>, bases: Bases, arguments: &Value) -> Result<Value, String> {
    let Range { start_frame, levels } =
        Range::deserialize(arguments).map_err(|error| format!("arguments of `stackTrace`: {error}"))?;
    let all = session.frames().iter().enumerate().flat_map(|(number, frame)| {
        let levels = frame.locations.len().clamp(1, LEVELS as usize);
        (0..levels).map(move |level| (number, frame, level))
    });
    let total = all.clone().count();
    let start = start_frame.unwrap_or(0).min(total as u64) as usize;
    let levels = levels.filter(|levels| *levels > 0).unwrap_or(total as u64).min(total as u64) as usize;
    let frames = all.skip(start).take(levels);
    let mut frames: Vec<_> = frames.map(|(number, frame, level)| shown(session, bases, number, frame, level)).collect();
    if total == 0 {
        let name = if session.is_at_end() { session.ending() } else { "before the first function".into() };
        frames.push(json!({ "id": 1, "name": name, "line": 0, "column": 0, "presentationHint": "label" }));
    }
    Ok(json!({ "stackFrames": frames, "totalFrames": total.max(1) }))
}

fn shown(session: &Session<'_>, bases: Bases, number: usize, frame: &Frame, level: usize) -> Value {
    let functions = place::functions(frame);
    let (name, location) = functions.get(level).cloned().unwrap_or_default();
    let mut shown = json!({
        "id": number as u64 * LEVELS + level as u64 + 1,
        "name": name,
        "line": 0,
        "column": 0,
        "instructionPointerReference": format!("{:#x}", frame.offset),
    });
    if let Some(location) = location {
        place_at(&mut shown, session, bases, location);
    }
    shown
}

/// Adds the source, the line and the column of a location.
pub fn place_at(value: &mut Value, session: &Session<'_>, bases: Bases, location: &Location) {
    member::set(value, "source", source(session, &location.file));
    member::set(value, "line", bases.line_out(location.line));
    member::set(value, "column", bases.column_out(location.column));
}

/// Returns a file of the source: with its path here, or as the module names it.
pub fn source(session: &Session<'_>, file: &str) -> Value {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    match session.files.find(file) {
        Some(found) => json!({ "name": name, "path": path_text(&found.path) }),
        // The path is a text of the module; it is escaped, so that it is only shown.
        None => {
            json!({ "name": crate::show::name(name), "path": crate::show::name(file), "presentationHint": "deemphasize" })
        }
    }
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Returns the frame that a client's number stands for.
pub fn frame_of(id: u64) -> usize {
    usize::try_from(id.saturating_sub(1) / LEVELS).unwrap_or(usize::MAX)
}
