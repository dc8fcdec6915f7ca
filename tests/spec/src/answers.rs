//! The answers of other instances to an instance.

use belljar::HostError;

use crate::{guest::End, reason::Reason};

/// The answers of all calls that an instance has made of others, so that none of them is made twice where the instance
/// is brought back to an earlier state.
#[derive(Debug, Default)]
pub struct Answers {
    list: Vec<End>,
    /// The number of them that have been given since the instance began.
    given: usize,
    /// The number of them that belong to calls that ended well.
    kept: usize,
    /// The reason for which one of them may be another one than in the suite.
    pub doubt: Option<Reason>,
}

impl Answers {
    /// Returns the next answer; what there is none for is asked.
    pub fn answer(&mut self, ask: impl FnOnce() -> Result<End, HostError>) -> Result<End, HostError> {
        if self.given == self.list.len() {
            self.list.push(ask()?);
        }
        self.given += 1;
        Ok(self.list[self.given - 1].clone())
    }

    /// Keeps what has been answered so far.
    pub fn keep(&mut self) {
        self.kept = self.list.len();
    }

    /// Begins again, with what is kept.
    pub fn repeat(&mut self) {
        self.list.truncate(self.kept);
        self.given = 0;
    }
}
