//! Breakpoints and watchpoints.

use super::super::{
    command::{Answer, Answered},
    points::{Owner, Point},
    session::Session,
    words::{self, Named},
};

pub fn set_break(session: &mut Session<'_>, text: &str) -> Answered {
    if text.is_empty() {
        return Err("expected FUNCTION, FILE:LINE, LINE or *OFFSET".into());
    }
    let named = words::place_of_code(session, text)?;
    add(session, named)
}

pub fn watch(session: &mut Session<'_>, text: &str) -> Answered {
    let named = words::watched(session, text)?;
    add(session, named)
}

fn add(session: &mut Session<'_>, Named { text, breakpoints }: Named) -> Answered {
    session.points.add(Owner::Command, text, breakpoints).map(|point| Answer::Text(line(point)))
}

pub fn delete(session: &mut Session<'_>, text: &str) -> Answered {
    if text.is_empty() {
        session.points.clear_all();
        return Ok(Answer::Text(String::new()));
    }
    let number = words::number(text)?;
    match session.points.remove(number) {
        true => Ok(Answer::Text(String::new())),
        false => Err(format!("there is no breakpoint {number}; `info breakpoints` lists them")),
    }
}

/// Returns a line about a breakpoint.
pub fn line(point: &Point) -> String {
    format!("{}: {}\n", point.name(), point.text)
}
