//! Movements to a place in the run.

use super::super::{
    command::{Answer, Answered},
    nearest::nearest,
    session::Session,
    words,
};
use crate::show;

/// Words that `goto` takes.
const WORDS: [&str; 4] = ["fuel", "call", "start", "end"];

pub fn goto(session: &mut Session<'_>, text: &str) -> Answered {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match word {
        "" => return Err("expected a step, `fuel N`, `call FUNCTION [K]`, `start` or `end`".into()),
        "start" => session.go_to(0),
        "end" => session.go_to(u64::MAX),
        "fuel" => session.go_to_fuel(words::number(rest)?),
        "call" => return call(session, rest),
        _ => {
            let step = words::number(word).map_err(|error| {
                let otherwise = "expected a step, `fuel N`, `call FUNCTION [K]`, `start` or `end`";
                match word.starts_with(|c: char| c.is_ascii_digit()) {
                    true => error,
                    false => {
                        let end = words::did_you_mean(nearest(word, WORDS.into_iter()), otherwise);
                        format!("`goto {}` is unknown{end}", show::name(word))
                    }
                }
            })?;
            if step > session.debugger.last() {
                let last = show::grouped(session.debugger.last());
                return Err(format!("expected a step up to {last}, at which the run ends, found {step}"));
            }
            session.go_to(step)
        }
    }
    .map_err(|error| error.to_string())?;
    Ok(Answer::Moved)
}

pub fn restart(session: &mut Session<'_>, _: &str) -> Answered {
    session.go_to(0).map_err(|error| error.to_string())?;
    Ok(Answer::Moved)
}

/// Goes to a call of a function, the first if there is no number.
fn call(session: &mut Session<'_>, text: &str) -> Answered {
    // The last word of `function 3` is no number of a call.
    let counted = text.rsplit_once(char::is_whitespace).filter(|(name, _)| *name != "function");
    let counted = counted.and_then(|(name, k)| Some((name.trim(), words::number(k).ok()?)));
    let (name, k) = counted.unwrap_or((text, 1));
    let functions = words::functions(&session.debugger, name)?;
    let [function] = *functions.as_slice() else {
        let indices: Vec<_> = functions.iter().take(8).map(|function| format!("`function {function}`")).collect();
        let count = show::count(functions.len() as u64, "function");
        return Err(format!("{count} are named `{}`: choose one as {}", show::name(name), indices.join(", ")));
    };
    if k == 0 {
        return Err("calls are counted from 1".into());
    }
    match session.go_to_call(function, k).map_err(|error| error.to_string())? {
        true => Ok(Answer::Moved),
        false => {
            let name = words::function_name(&session.debugger, function);
            Err(format!("`{name}` is not called {}", show::count(k, "time")))
        }
    }
}
