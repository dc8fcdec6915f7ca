//! Commands as their table has them.

use super::session::Session;

/// A command.
#[derive(Debug)]
pub struct Command {
    pub name: &'static str,
    /// Its short forms.
    pub short: &'static [&'static str],
    /// Arguments, as help shows them.
    pub syntax: &'static str,
    pub help: &'static str,
    pub run: fn(&mut Session<'_>, &str) -> Answered,
}

/// The answer to a command, or what is wrong with it.
pub type Answered = Result<Answer, String>;

/// The answer to a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Text, whose lines have an end.
    Text(String),
    /// The run has been moved.
    Moved,
    /// The commands have ended.
    Quit,
}

impl Command {
    /// Returns whether a word is its name or a short form.
    pub fn is(&self, word: &str) -> bool {
        self.name == word || self.short.contains(&word)
    }

    /// Returns the names and what is written behind them: `step, s [COUNT]`.
    pub fn usage(&self) -> String {
        let names: Vec<_> = [self.name].into_iter().chain(self.short.iter().copied()).collect();
        let space = if self.syntax.is_empty() { "" } else { " " };
        format!("{}{space}{}", names.join(", "), self.syntax)
    }
}
