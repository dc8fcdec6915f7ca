//! What there is: breakpoints, functions, and those that are being called.

use std::fmt::Write;

use super::super::{
    command::{Answer, Answered},
    nearest::nearest,
    place,
    session::Session,
    words,
};
use super::points;
use crate::show;

/// Words that `info` takes.
const WORDS: [&str; 6] = ["breakpoints", "locals", "globals", "frame", "functions", "files"];

/// Functions that a backtrace has if no number is given.
const FRAMES: u64 = 50;

/// Most functions or files that are listed.
const MAX_LISTED: usize = 1_000;

pub fn info(session: &mut Session<'_>, text: &str) -> Answered {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    // As short as it is clear.
    let found = WORDS.iter().find(|name| !word.is_empty() && name.starts_with(word));
    let text = match found.copied() {
        Some("breakpoints") => {
            let lines: String = session.points.all().iter().map(points::line).collect();
            if lines.is_empty() { "no breakpoints\n".into() } else { lines }
        }
        Some("locals") => locals(session)?,
        Some("globals") => globals(session),
        Some("frame") => this_frame(session)?,
        Some("functions") => functions(session, rest.trim()),
        Some("files") => listed(session.debugger.files().iter().map(|path| show::name(path))),
        _ if word.is_empty() => return Err(format!("expected one of {}", WORDS.join(", "))),
        _ => {
            let end =
                words::did_you_mean(nearest(word, WORDS.into_iter()), &format!("expected one of {}", WORDS.join(", ")));
            return Err(format!("`info {}` is unknown{end}", show::name(word)));
        }
    };
    Ok(Answer::Text(text))
}

fn locals(session: &Session<'_>) -> Result<String, String> {
    let frame = session.frame()?;
    let lines = frame.locals.iter().map(|local| {
        let name = local.name.as_deref().map(|name| format!(" {}", show::name(name))).unwrap_or_default();
        format!("{}{name} = {}\n", local.index, place::value(&local.value))
    });
    let lines: String = lines.collect();
    Ok(if lines.is_empty() { "no locals that are shown\n".into() } else { lines })
}

fn globals(session: &mut Session<'_>) -> String {
    let lines = session
        .debugger
        .globals()
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let value = value.as_ref().map_or_else(|| "a reference".into(), place::value);
            format!("{index} = {value}\n")
        })
        .collect::<String>();
    if lines.is_empty() { "no globals\n".into() } else { lines }
}

fn this_frame(session: &Session<'_>) -> Result<String, String> {
    let frame = session.frame()?;
    let number = session.selected();
    let mut text =
        format!("#{number}: function {}, operator {:#x} {}\n", frame.function, frame.offset, place::operator(frame));
    for function in place::functions(frame) {
        let _ = writeln!(text, "  {}", place::function(&function));
    }
    if let Some(caller) = session.frames().get(number + 1) {
        let _ = writeln!(text, "  called by {}", place::frame(caller));
    }
    Ok(text)
}

fn functions(session: &Session<'_>, part: &str) -> String {
    let debugger = &session.debugger;
    let all = (0..debugger.function_count()).filter(|function| {
        part.is_empty() || debugger.function_name(*function).is_some_and(|name| name.contains(part))
    });
    listed(all.map(|function| format!("{function} {}", words::function_name(debugger, function))))
}

fn listed(lines: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for (number, line) in lines.enumerate() {
        if number == MAX_LISTED {
            return text + "… and more\n";
        }
        let _ = writeln!(text, "{line}");
    }
    if text.is_empty() { "none\n".into() } else { text }
}

pub fn backtrace(session: &mut Session<'_>, count: &str) -> Answered {
    let count = if count.is_empty() { FRAMES } else { words::number(count)? };
    session.frame()?;
    let mut text = String::new();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    for (number, frame) in session.frames().iter().enumerate().take(count) {
        let mark = if number == session.selected() { '*' } else { ' ' };
        for (level, function) in place::functions(frame).iter().enumerate() {
            let head = if level == 0 { format!("{mark}#{number:<4} {:#x}", frame.offset) } else { String::new() };
            let _ = writeln!(text, "{head:<16} {}", place::function(function));
        }
    }
    if let Some(more) = session.frames().len().checked_sub(count).filter(|more| *more > 0) {
        let _ = writeln!(text, "… {more} more");
    }
    Ok(Answer::Text(text))
}

pub fn frame(session: &mut Session<'_>, number: &str) -> Answered {
    let number = if number.is_empty() { session.selected() as u64 } else { words::number(number)? };
    select(session, number)
}

pub fn up(session: &mut Session<'_>, count: &str) -> Answered {
    let count = if count.is_empty() { 1 } else { words::number(count)? };
    select(session, (session.selected() as u64).saturating_add(count))
}

pub fn down(session: &mut Session<'_>, count: &str) -> Answered {
    let count = if count.is_empty() { 1 } else { words::number(count)? };
    match (session.selected() as u64).checked_sub(count) {
        Some(number) => select(session, number),
        None => Err("frame 0 is the innermost".into()),
    }
}

fn select(session: &mut Session<'_>, number: u64) -> Answered {
    session.frame()?;
    if !usize::try_from(number).is_ok_and(|number| session.select(number)) {
        let outermost = session.frames().len().saturating_sub(1);
        return Err(format!("there is no frame {number}: the outermost is {outermost}"));
    }
    let frame = session.frame()?;
    Ok(Answer::Text(format!("#{number}: {}\n", place::frame(frame))))
}
