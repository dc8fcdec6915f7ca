//! The text format: read only on request, bounded before it is parsed.

use alloc::{string::ToString, vec::Vec};

use super::refusal::limit;
use crate::{
    config::Config,
    error::{ModuleError, Position},
    observe,
};

/// Parses text; returns the binary format, which is then loaded like any other bytes.
pub(crate) fn parse(text: &str, config: &Config) -> Result<Vec<u8>, ModuleError> {
    limit("module.text_bytes", config.module.text_bytes, text.len() as u64)?;
    // The parser recurses for components, without a bound on the stack; for modules it does not.
    if has_component(text) {
        return Err(ModuleError::Component);
    }
    let parsed = observe::contain(|| wat::parse_str(text)).map_err(|message| ModuleError::Engine { message })?;
    parsed.map_err(|error| {
        let shown = error.to_string();
        let (line, column) = position(&shown);
        let message = shown.lines().next().unwrap_or_default().into();
        ModuleError::Text { at: Position { line, column }, message }
    })
}

/// Checks whether `(component` occurs outside strings and comments. No module contains it.
fn has_component(text: &str) -> bool {
    let mut rest = text.as_bytes();
    let mut opened = false;
    while let Some((byte, tail)) = rest.split_first() {
        rest = match byte {
            b'"' => skip_string(tail),
            b';' if tail.first() == Some(&b';') => skip_line(tail),
            b'(' if tail.first() == Some(&b';') => skip_comment(tail.get(1..).unwrap_or_default()),
            b'(' => {
                opened = true;
                tail
            }
            byte if byte.is_ascii_whitespace() => tail,
            _ if opened && rest.starts_with(b"component") => return true,
            _ => {
                opened = false;
                tail
            }
        };
    }
    false
}

fn skip_string(mut rest: &[u8]) -> &[u8] {
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'"' => break,
            b'\\' => rest = tail.get(1..).unwrap_or_default(),
            _ => {}
        }
    }
    rest
}

fn skip_line(rest: &[u8]) -> &[u8] {
    // The format ends lines with a line feed, a carriage return, or both.
    let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    end.and_then(|end| rest.get(end..)).unwrap_or_default()
}

/// Skips a block comment and those nested in it.
fn skip_comment(mut rest: &[u8]) -> &[u8] {
    let mut depth = 1u64;
    while depth > 0
        && let Some((_, tail)) = rest.split_first()
    {
        if let Some(tail) = rest.strip_prefix(b"(;") {
            (depth, rest) = (depth + 1, tail);
        } else if let Some(tail) = rest.strip_prefix(b";)") {
            (depth, rest) = (depth - 1, tail);
        } else {
            rest = tail;
        }
    }
    rest
}

/// Returns line and column of an error, which the parser reports only in its message, as `--> NAME:LINE:COLUMN`.
fn position(shown: &str) -> (u64, u64) {
    let place = shown.lines().find_map(|line| line.trim_start().strip_prefix("--> "));
    let mut numbers = place.into_iter().flat_map(|place| place.rsplit(':')).map_while(|n| n.trim().parse().ok());
    let column = numbers.next().unwrap_or(1);
    (numbers.next().unwrap_or(1), column)
}
