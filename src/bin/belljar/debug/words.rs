//! Words of commands: numbers, places, and what is watched.

use std::ops::Range;

use belljar::explain::{Breakpoint, Debugger};

use super::{nearest::nearest, place, session::Session};
use crate::show;

/// Lines behind a line without operators that are tried in its place.
const LINES_BEHIND: u32 = 20;

/// A place with a text for it, escaped.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub text: String,
    pub breakpoints: Vec<Breakpoint>,
}

/// Parses a number, decimal or hexadecimal, with underscores between digits.
pub fn number(text: &str) -> Result<u64, String> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let is_valid = digits.split('_').all(|part| !part.is_empty() && part.chars().all(|c| c.is_digit(radix)));
    if !is_valid {
        return Err(format!("expected a number, decimal or 0x hexadecimal, found `{}`", show::name(text)));
    }
    let number = u64::from_str_radix(&digits.replace('_', ""), radix);
    number.map_err(|_| format!("`{}` is too large", show::name(text)))
}

/// Parses an index of a memory, a global or a table.
pub fn index(text: &str) -> Result<u32, String> {
    number(text)?.try_into().map_err(|_| format!("`{}` is too large", show::name(text)))
}

/// Parses an address: a number, or a local of the selected frame that is an integer.
pub fn address(session: &Session<'_>, text: &str) -> Result<u64, String> {
    let local = session.frame().ok().and_then(|frame| frame.locals.iter().find(|l| l.name.as_deref() == Some(text)));
    match local.map(|local| local.value) {
        Some(belljar::Value::I32(value)) => Ok(u64::from(value as u32)),
        Some(belljar::Value::I64(value)) => Ok(value as u64),
        Some(value) => Err(format!("expected an integer as the address, found {}", place::value(&value))),
        None => number(text).map_err(|error| format!("{error}, which is no local with a name either")),
    }
}

/// Parses a range of addresses: `ADDRESS`, `ADDRESS..END` or `ADDRESS+LEN`.
fn range(session: &Session<'_>, text: &str) -> Result<Range<u64>, String> {
    let range = if let Some((start, end)) = text.split_once("..") {
        address(session, start)?..number(end)?
    } else if let Some((start, len)) = text.split_once('+') {
        let start = address(session, start)?;
        start..start.saturating_add(number(len)?)
    } else {
        let start = address(session, text)?;
        start..start.saturating_add(1)
    };
    if range.is_empty() {
        return Err(format!("expected an end behind the address, found `{}`", show::name(text)));
    }
    Ok(range)
}

/// Parses what is watched: `ADDRESS[..END | +LEN] [MEMORY]` or `global N`.
pub fn watched(session: &mut Session<'_>, text: &str) -> Result<Named, String> {
    // `0x400 + 4` is as good as `0x400+4`.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = ["+", ".."]
        .iter()
        .fold(text, |text, sign| text.replace(&format!(" {sign}"), sign).replace(&format!("{sign} "), sign));
    let words: Vec<_> = text.split(' ').collect();
    let (range, memory) = match *words.as_slice() {
        ["global", global] => {
            let global = index(global)?;
            let count = session.debugger.globals().len();
            if global as usize >= count {
                return Err(format!(
                    "there is no global {global}: the module has {}",
                    show::count(count as u64, "global")
                ));
            }
            return Ok(Named { text: format!("global {global}"), breakpoints: vec![Breakpoint::Global(global)] });
        }
        [first] if !first.is_empty() => (range(session, first)?, 0),
        [first, memory] => (range(session, first)?, index(memory)?),
        _ => return Err("expected ADDRESS, ADDRESS..END, ADDRESS+LEN or `global N`, and behind it a memory".into()),
    };
    if session.debugger.memory(memory).is_none() {
        return Err(format!("there is no memory {memory}"));
    }
    let text = format!("{:#x}..{:#x} of memory {memory}", range.start, range.end);
    Ok(Named { text, breakpoints: vec![Breakpoint::Memory { memory, range }] })
}

/// Parses a place of the code: `FUNCTION`, `FILE:LINE`, `LINE`, or `*OFFSET`.
pub fn place_of_code(session: &Session<'_>, text: &str) -> Result<Named, String> {
    if let Some(offset) = text.strip_prefix('*') {
        return operator(&session.debugger, number(offset.trim())?);
    }
    let file_and_line = text.rsplit_once(':').filter(|(file, _)| !file.is_empty() && !file.ends_with(':'));
    if let Some((file, line)) = file_and_line.filter(|(_, line)| line.starts_with(|c: char| c.is_ascii_digit())) {
        return self::line(&session.debugger, file, index(line)?).map(|(named, _)| named);
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let frame = session.frame().map_err(|error| format!("a line needs a file, as FILE:LINE: {error}"))?;
        let Some(location) = frame.locations.first() else {
            return Err("the function has no lines; `break *OFFSET` stops at an operator".into());
        };
        return line(&session.debugger, &location.file, index(text)?).map(|(named, _)| named);
    }
    let functions = functions(&session.debugger, text)?;
    let named = match *functions.as_slice() {
        [function] => function_name(&session.debugger, function),
        _ => format!("{} ({})", show::name(text), show::count(functions.len() as u64, "function")),
    };
    Ok(Named { text: named, breakpoints: functions.into_iter().map(Breakpoint::Function).collect() })
}

/// Returns the operator at an offset.
pub fn operator(debugger: &Debugger<'_>, offset: u64) -> Result<Named, String> {
    let found = u32::try_from(offset).ok().and_then(|offset| debugger.operators(offset, 1).pop());
    match found {
        Some((at, name)) if u64::from(at) == offset => {
            Ok(Named { text: format!("{at:#x} {}", show::name(&name)), breakpoints: vec![Breakpoint::Operator(at)] })
        }
        Some((next, name)) => {
            Err(format!("no operator begins at {offset:#x}; the next is {next:#x} {}", show::name(&name)))
        }
        None => Err(format!("{offset:#x} is behind the last operator")),
    }
}

/// Returns the operators at which a line begins, or the next one that has some; and that line.
pub fn line(debugger: &Debugger<'_>, file: &str, line: u32) -> Result<(Named, u32), String> {
    let lines = (line..=line.saturating_add(LINES_BEHIND)).map(|line| (line, debugger.operators_of_line(file, line)));
    if let Some((line, operators)) = lines.into_iter().find(|(_, operators)| !operators.is_empty()) {
        let text = format!("{}:{line}", show::name(file));
        return Ok((Named { text, breakpoints: operators.into_iter().map(Breakpoint::Operator).collect() }, line));
    }
    let files = debugger.files();
    let name = |path: &str| path.rsplit(['/', '\\']).next().map(String::from).unwrap_or_default();
    let shown = show::name(file);
    Err(match files.iter().any(|path| name(path) == name(file)) {
        true => format!("`{shown}` has no code at line {line} or just behind it"),
        false if files.is_empty() => "the module has no lines: compile it with `-g`".into(),
        false => {
            let names: Vec<_> = files.iter().map(|path| name(path)).collect();
            let meant = nearest(&name(file), names.iter().map(String::as_str));
            format!("the module has no file `{shown}`{}", did_you_mean(meant, "`info files` lists them"))
        }
    })
}

/// Returns the functions with a name, or that of `function N`.
pub fn functions(debugger: &Debugger<'_>, name: &str) -> Result<Vec<u32>, String> {
    let count = debugger.function_count();
    let found = debugger.functions_named(name);
    if !found.is_empty() {
        return Ok(found);
    }
    if let Some(number) = name.strip_prefix("function ") {
        let number = index(number.trim())?;
        return match number < count {
            true => Ok(vec![number]),
            false => {
                let count = show::count(count.into(), "function");
                Err(format!("there is no function {number}: the module has {count}"))
            }
        };
    }
    if name.is_empty() {
        return Err("expected the name of a function, or `function N`".into());
    }
    let meant = nearest(name, (0..count).filter_map(|function| debugger.function_name(function)));
    let other = did_you_mean(meant, "`info functions` lists them");
    Err(format!("there is no function `{}`{other}", show::name(name)))
}

/// Returns the name of a function, escaped, or its number.
pub fn function_name(debugger: &Debugger<'_>, function: u32) -> String {
    debugger.function_name(function).map_or_else(|| format!("function {function}"), show::name)
}

/// Returns the end of a message about a word that is unknown.
pub fn did_you_mean(meant: Option<&str>, otherwise: &str) -> String {
    meant.map_or_else(|| format!("; {otherwise}"), |meant| format!("; did you mean `{}`?", show::name(meant)))
}
