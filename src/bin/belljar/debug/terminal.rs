//! Commands from a terminal, or from a file.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use super::{command::Answer, commands, session::Session};
use crate::{exit::Exit, failure::Failure, show};

/// The longest command that is read.
const MAX_LINE: u64 = 64 << 10;

/// Follows the commands of stdin to its end.
pub fn follow(mut session: Session<'_>) -> Result<Exit, Failure> {
    let is_terminal = io::stdin().is_terminal();
    let last = show::grouped(session.debugger.last());
    print(&format!("{last} steps: {}\n{}\n", session.ending(), session.place()))?;
    let mut moved = String::new();
    let mut stdin = io::stdin().lock();
    loop {
        if is_terminal {
            print("(belljar) ")?;
        }
        let Some(line) = read_line(&mut stdin)? else {
            if is_terminal {
                print("\n")?;
            }
            return Ok(Exit::Done);
        };
        let line = if line.trim().is_empty() && is_terminal { moved.clone() } else { line };
        match commands::follow(&mut session, &line) {
            Ok(Answer::Text(text)) => print(&text)?,
            Ok(Answer::Moved) => {
                print(&format!("{}\n", session.place()))?;
                moved = line;
            }
            Ok(Answer::Quit) => return Ok(Exit::Done),
            Err(message) => print(&format!("error: {message}\n"))?,
        }
    }
}

/// Reads a line; the rest of one that is too long is another.
fn read_line(from: &mut impl BufRead) -> Result<Option<String>, Failure> {
    let mut line = Vec::new();
    let read = from.take(MAX_LINE).read_until(b'\n', &mut line);
    read.map_err(|error| Failure::io("stdin", crate::failure::io_message(&error)))?;
    Ok((!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned()))
}

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| Failure::stdout(&error))
}
