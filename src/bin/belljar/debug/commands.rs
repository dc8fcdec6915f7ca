//! The table of commands.

use std::fmt::Write;

use super::{
    command::{Answer, Answered, Command},
    nearest::nearest,
    session::Session,
    words,
};
use crate::show;

mod code;
mod data;
mod goto;
mod info;
mod moves;
mod points;

/// All commands, in the order of their help.
const TABLE: &[Command] = &[
    command("step", &["s"], "[COUNT]", "Go to the next line, into functions that are called", moves::step),
    command("next", &["n"], "[COUNT]", "Go to the next line, over functions that are called", moves::next),
    command("stepi", &["si"], "[COUNT]", "Go to the next operator, into functions that are called", moves::stepi),
    command("nexti", &["ni"], "[COUNT]", "Go to the next operator, over functions that are called", moves::nexti),
    command("finish", &["fin"], "", "Go to where the function has returned", moves::finish),
    command("continue", &["c"], "[COUNT]", "Go to the next breakpoint, or to the end", moves::resume),
    command("reverse-step", &["rs"], "[COUNT]", "Go back to a line before, into functions", moves::reverse_step),
    command("reverse-next", &["rn"], "[COUNT]", "Go back to a line before, over functions", moves::reverse_next),
    command("reverse-stepi", &["rsi"], "[COUNT]", "Go back to the operator before", moves::reverse_stepi),
    command("reverse-nexti", &["rni"], "[COUNT]", "Go back by an operator, over functions", moves::reverse_nexti),
    command("reverse-finish", &["rfin"], "", "Go back to the call of the function", moves::reverse_finish),
    command("reverse-continue", &["rc"], "[COUNT]", "Go back to a breakpoint, or to step 0", moves::reverse_resume),
    command(
        "goto",
        &["g"],
        "STEP | fuel N | call FUNCTION [K] | start | end",
        "Go to a step, to where an amount of fuel is used, or to the K-th call of a function",
        goto::goto,
    ),
    command("run", &["r", "restart"], "", "Go to step 0", goto::restart),
    command(
        "break",
        &["b"],
        "FUNCTION | FILE:LINE | LINE | *OFFSET",
        "Stop at a function, a line or an operator; `function N` is a function without a name",
        points::set_break,
    ),
    command(
        "watch",
        &["w"],
        "ADDRESS[..END | +LEN] [MEMORY] | global N",
        "Stop where bytes of a memory or a global are written",
        points::watch,
    ),
    command("delete", &["d"], "[N]", "Delete a breakpoint or watchpoint, or all of them", points::delete),
    command(
        "info",
        &["i"],
        "breakpoints | locals | globals | frame | functions [TEXT] | files",
        "Show what there is",
        info::info,
    ),
    command("backtrace", &["bt", "where"], "[COUNT]", "Show the functions that are being called", info::backtrace),
    command("frame", &["f"], "[N]", "Select a function that is being called, 0 is the innermost", info::frame),
    command("up", &[], "[COUNT]", "Select the function that calls the selected one", info::up),
    command("down", &[], "[COUNT]", "Select the function that the selected one calls", info::down),
    command("print", &["p"], "LOCAL | global N", "Show a local, by index or name, or a global", data::print),
    command("x", &[], "ADDRESS [LEN] [MEMORY]", "Show bytes of a memory; a local can be the address", data::examine),
    command("table", &["t"], "N", "Show which elements of a table have a reference", data::table),
    command("list", &["l"], "", "Show the source around the line, or the operators without its file", code::list),
    command("disassemble", &["dis"], "[OFFSET]", "Show the operators around that of the frame", code::disassemble),
    command("output", &["o"], "", "Show the output so far", data::output),
    command("log", &[], "", "Show the log so far", data::log),
    command("help", &["h"], "[COMMAND]", "Show the commands", help),
    command("quit", &["q", "exit"], "", "End", quit),
];

const fn command(
    name: &'static str,
    short: &'static [&'static str],
    syntax: &'static str,
    help: &'static str,
    run: fn(&mut Session<'_>, &str) -> Answered,
) -> Command {
    Command { name, short, syntax, help, run }
}

/// Follows a command; an empty line is none.
pub fn follow(session: &mut Session<'_>, line: &str) -> Answered {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if word.is_empty() {
        return Ok(Answer::Text(String::new()));
    }
    (find(word)?.run)(session, rest.trim())
}

/// Returns whether a line begins with a command.
pub fn is_command(line: &str) -> bool {
    line.split_whitespace().next().is_some_and(|word| TABLE.iter().any(|command| command.is(word)))
}

fn find(word: &str) -> Result<&'static Command, String> {
    TABLE.iter().find(|command| command.is(word)).ok_or_else(|| {
        let meant = nearest(word, TABLE.iter().map(|command| command.name));
        let end = words::did_you_mean(meant, "`help` lists the commands");
        format!("there is no command `{}`{end}", show::name(word))
    })
}

fn help(_: &mut Session<'_>, word: &str) -> Answered {
    let mut text = String::new();
    if word.is_empty() {
        for command in TABLE {
            let names: Vec<_> = [command.name].iter().chain(command.short).copied().collect();
            let _ = writeln!(text, "{:<22} {}", names.join(", "), command.help);
        }
    } else {
        let command = find(word)?;
        let _ = writeln!(text, "{}\n  {}", command.usage(), command.help);
    }
    Ok(Answer::Text(text))
}

fn quit(_: &mut Session<'_>, _: &str) -> Answered {
    Ok(Answer::Quit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_stands_for_two_commands() {
        for command in TABLE {
            for word in [command.name].iter().chain(command.short) {
                assert_eq!(TABLE.iter().filter(|command| command.is(word)).count(), 1, "{word}");
            }
        }
    }
}
