//! Locals, globals, memories, tables, output and log.

use std::fmt::Write;

use super::super::{
    command::{Answer, Answered},
    dump::dump,
    nearest::nearest,
    place,
    session::Session,
    words,
};
use crate::show;

/// Bytes of a memory that are shown if no number is given, and most of them.
const BYTES: u64 = 64;
const MAX_BYTES: u64 = 64 << 10;

/// Elements of a table on a line, and most that are shown.
const ELEMENTS: usize = 64;
const MAX_ELEMENTS: usize = 64 << 10;

pub fn print(session: &mut Session<'_>, text: &str) -> Answered {
    if text.is_empty() {
        return Err("expected a local, by index or name, or `global N`".into());
    }
    if let Some(global) = text.strip_prefix("global ") {
        let global = words::index(global.trim())?;
        let globals = session.debugger.globals();
        let Some(value) = globals.get(global as usize) else {
            let count = show::count(globals.len() as u64, "global");
            return Err(format!("there is no global {global}: the module has {count}"));
        };
        let value = value.as_ref().map_or_else(|| "a reference".into(), place::value);
        return Ok(Answer::Text(format!("global {global} = {value}\n")));
    }
    let frame = session.frame()?;
    match place::local(frame, text) {
        Some(local) => Ok(Answer::Text(format!("{} = {}\n", place::local_name(local), place::value(&local.value)))),
        None => {
            let names = frame.locals.iter().filter_map(|local| local.name.as_deref());
            let end = words::did_you_mean(nearest(text, names), "`info locals` lists them");
            Err(format!("the function has no local `{}` that is shown{end}", show::name(text)))
        }
    }
}

pub fn examine(session: &mut Session<'_>, text: &str) -> Answered {
    let words: Vec<_> = text.split_whitespace().collect();
    let [address, rest @ ..] = words.as_slice() else {
        return Err("expected ADDRESS [LEN] [MEMORY]".into());
    };
    let (len, memory) = match rest {
        [] => (BYTES, 0),
        [len] => (words::number(len)?, 0),
        [len, memory] => (words::number(len)?, words::index(memory)?),
        _ => return Err("expected ADDRESS [LEN] [MEMORY], and nothing behind it".into()),
    };
    if !(1..=MAX_BYTES).contains(&len) {
        return Err(format!("expected a length from 1 to {MAX_BYTES}, found {len}"));
    }
    let address = words::address(session, address)?;
    let bytes = session.debugger.memory(memory).ok_or_else(|| format!("there is no memory {memory}"))?;
    let size = bytes.len() as u64;
    let end = address.saturating_add(len).min(size);
    match bytes.get(address.min(end) as usize..end as usize).filter(|bytes| !bytes.is_empty()) {
        Some(bytes) => Ok(Answer::Text(dump(address, bytes))),
        None => Err(format!("{address:#x} is outside of memory {memory}, which ends at {size:#x}")),
    }
}

pub fn table(session: &mut Session<'_>, text: &str) -> Answered {
    let number = words::index(if text.is_empty() { "0" } else { text })?;
    let elements = session.debugger.table(number).ok_or_else(|| format!("there is no table {number}"))?;
    let set = elements.iter().filter(|is_set| **is_set).count();
    let mut text = format!("{} of {} have a reference\n", set, show::count(elements.len() as u64, "element"));
    for (number, line) in elements.chunks(ELEMENTS).take(MAX_ELEMENTS / ELEMENTS).enumerate() {
        let marks: String = line.iter().map(|is_set| if *is_set { '*' } else { '.' }).collect();
        let _ = writeln!(text, "{:>8}  {marks}", number * ELEMENTS);
    }
    if let Some(more) = elements.len().checked_sub(MAX_ELEMENTS).filter(|more| *more > 0) {
        let _ = writeln!(text, "… {more} more");
    }
    Ok(Answer::Text(text))
}

pub fn output(session: &mut Session<'_>, _: &str) -> Answered {
    let output = String::from_utf8_lossy(session.debugger.output());
    let mut text = belljar::text::escape_lines(&output, usize::MAX).to_string();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(Answer::Text(text))
}

pub fn log(session: &mut Session<'_>, _: &str) -> Answered {
    let mut text = String::new();
    let log = session.debugger.log();
    for entry in &log.entries {
        let _ = writeln!(text, "{}: {}", entry.level, belljar::text::escape(&entry.text, usize::MAX));
    }
    if log.dropped > 0 {
        let _ = writeln!(text, "… {} more", log.dropped);
    }
    Ok(Answer::Text(text))
}
