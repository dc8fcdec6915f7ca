//! The source, and the operators.

use std::fmt::Write;

use super::super::{
    command::{Answer, Answered},
    session::Session,
    words,
};
use crate::show;

/// Lines of the source, or operators, before and behind the middle.
const AROUND: usize = 5;

/// The longest line that is shown.
const MAX_LINE: usize = 400;

pub fn list(session: &mut Session<'_>, text: &str) -> Answered {
    if !text.is_empty() {
        return Err("expected nothing behind the command; `disassemble OFFSET` shows operators".into());
    }
    let frame = session.frame()?;
    let lines = frame.locations.first().and_then(|location| {
        let file = session.files.find(&location.file)?;
        around(&file.lines, location.line)
    });
    match lines {
        Some(lines) => Ok(Answer::Text(lines)),
        None => operators(session, frame.offset),
    }
}

/// Returns lines around one; `None` if the file does not have it.
fn around(lines: &[String], middle: u32) -> Option<String> {
    let middle = (middle as usize).checked_sub(1).filter(|line| *line < lines.len())?;
    let first = middle.saturating_sub(AROUND);
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate().skip(first).take(middle - first + AROUND + 1) {
        let mark = if number == middle { '>' } else { ' ' };
        let shown = format!("{mark}{:>5}  {}", number + 1, belljar::text::escape_lines(line, MAX_LINE));
        let _ = writeln!(text, "{}", shown.trim_end());
    }
    Some(text)
}

pub fn disassemble(session: &mut Session<'_>, text: &str) -> Answered {
    let middle = if text.is_empty() { session.frame()?.offset } else { words::index(text.trim_start_matches('*'))? };
    operators(session, middle)
}

fn operators(session: &Session<'_>, middle: u32) -> Answered {
    let offsets = session.debugger.offsets();
    let at = offsets.partition_point(|offset| *offset < middle);
    let first = at.saturating_sub(AROUND);
    let Some(start) = offsets.get(first).filter(|_| at < offsets.len()) else {
        return Err(format!("{middle:#x} is behind the last operator"));
    };
    let mut text = String::new();
    let mut function = None;
    for (offset, name) in session.debugger.operators(*start, at - first + AROUND + 1) {
        let its = session.debugger.function_at(offset);
        if its != function {
            function = its;
            let name = its.map(|function| words::function_name(&session.debugger, function));
            let _ = writeln!(text, "{}:", name.unwrap_or_default());
        }
        let location = session.debugger.locations(offset).first().map(|location| format!("  {location}"));
        let mark = if offset == middle { '>' } else { ' ' };
        let shown = format!("{mark} {offset:#8x}  {:<30}{}", show::name(&name), location.unwrap_or_default());
        let _ = writeln!(text, "{}", shown.trim_end());
    }
    Ok(Answer::Text(text))
}
