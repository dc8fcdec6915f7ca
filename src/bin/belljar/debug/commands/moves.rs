//! Movements by lines, operators and breakpoints.

use belljar::explain::{Direction, StepUnit};

use super::super::{
    command::{Answer, Answered},
    session::{Movement, Session},
    words,
};
use Direction::{Backward, Forward};
use Movement::{Into, Out, Over, Resume};

/// Most movements of one command: each may have the whole run again.
const MAX_COUNT: u64 = 10_000;

pub fn step(session: &mut Session<'_>, count: &str) -> Answered {
    go(session, Into(StepUnit::Line), Forward, count)
}

pub fn next(session: &mut Session<'_>, count: &str) -> Answered {
    go(session, Over(StepUnit::Line), Forward, count)
}

pub fn stepi(session: &mut Session<'_>, count: &str) -> Answered {
    go(session, Into(StepUnit::Operator), Forward, count)
}

pub fn nexti(session: &mut Session<'_>, count: &str) -> Answered {
    go(session, Over(StepUnit::Operator), Forward, count)
}

pub fn finish(session: &mut Session<'_>, none: &str) -> Answered {
    nothing(none).and_then(|()| go(session, Out, Forward, ""))
}

pub fn resume(session: &mut Session<'_>, count: &str) -> Answered {
    go(session, Resume, Forward, count)
}

pub fn reverse_step(session: &mut Session<'_>, count: &str) -> Answered {
    go(session, Into(StepUnit::Line), Backward, count)
}

pub fn reverse_next(session: &mut Session<'_>, count: &str) -> Answered {
    go(session, Over(StepUnit::Line), Backward, count)
}

pub fn reverse_stepi(session: &mut Session<'_>, count: &str) -> Answered {
    go(session, Into(StepUnit::Operator), Backward, count)
}

pub fn reverse_nexti(session: &mut Session<'_>, count: &str) -> Answered {
    go(session, Over(StepUnit::Operator), Backward, count)
}

pub fn reverse_finish(session: &mut Session<'_>, none: &str) -> Answered {
    nothing(none).and_then(|()| go(session, Out, Backward, ""))
}

pub fn reverse_resume(session: &mut Session<'_>, count: &str) -> Answered {
    go(session, Resume, Backward, count)
}

/// Moves a number of times, or to the end.
fn go(session: &mut Session<'_>, movement: Movement, direction: Direction, count: &str) -> Answered {
    let count = if count.is_empty() { 1 } else { words::number(count)? };
    // That of operators is one movement, of any length.
    let is_far = movement == Into(StepUnit::Operator) && count > 1;
    if !is_far && !(1..=MAX_COUNT).contains(&count) || count == 0 {
        return Err(format!("expected a count from 1 to {MAX_COUNT}, found {count}"));
    }
    let is_at_edge = |session: &Session<'_>| match direction {
        Forward => session.is_at_end(),
        Backward => session.debugger.step() == 0,
    };
    if is_at_edge(session) {
        return Err(match direction {
            Forward => format!("the run is at its end: {}; `reverse-` commands and `run` go back", session.ending()),
            Backward => "the run is at its beginning".into(),
        });
    }
    if is_far {
        let step = session.debugger.step();
        let step = match direction {
            Forward => step.saturating_add(count),
            Backward => step.saturating_sub(count),
        };
        session.go_to(step).map_err(|error| error.to_string())?;
        return Ok(Answer::Moved);
    }
    for _ in 0..count {
        session.go(movement, direction).map_err(|error| error.to_string())?;
        // `continue 3` passes two breakpoints; steps end at one.
        if is_at_edge(session) || movement != Resume && session.arrival().is_some() {
            break;
        }
    }
    Ok(Answer::Moved)
}

fn nothing(text: &str) -> Result<(), String> {
    if text.is_empty() { Ok(()) } else { Err("expected nothing behind the command".into()) }
}
