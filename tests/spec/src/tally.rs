//! Verdicts, added up.

use std::{collections::BTreeMap, fmt};

use crate::{
    reason::Reason,
    verdict::{Kind, Verdict},
};

/// A sum over directives.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub files: u64,
    pub assertions: Sum,
    /// Modules that are made, and calls of which nothing is asserted.
    pub steps: Sum,
    /// Files that are not looked at, by proposal.
    proposals: BTreeMap<&'static str, u64>,
}

/// A sum over directives of one kind.
#[derive(Debug, Clone, Default)]
pub struct Sum {
    pub passed: u64,
    pub failed: u64,
    pub left: BTreeMap<Reason, u64>,
}

impl Tally {
    /// Counts a directive.
    pub fn add(&mut self, kind: Kind, verdict: &Verdict) {
        let sum = match kind {
            Kind::Assertion => &mut self.assertions,
            Kind::Step => &mut self.steps,
        };
        match verdict {
            Verdict::Passed => sum.passed += 1,
            Verdict::Failed(_) => sum.failed += 1,
            Verdict::Left(reason) => *sum.left.entry(*reason).or_default() += 1,
        }
    }

    /// Counts a file of a proposal that belljar does not run.
    pub fn skip(&mut self, proposal: &'static str) {
        *self.proposals.entry(proposal).or_default() += 1;
    }

    /// Returns whether nothing failed and at least this number of assertions passed.
    pub fn is_good(&self, least: u64) -> bool {
        self.assertions.failed + self.steps.failed == 0 && self.assertions.passed >= least
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} files", self.files)?;
        for (proposal, files) in &self.proposals {
            writeln!(f, "{files} files left out: {proposal}")?;
        }
        writeln!(f, "modules and calls without an assertion: {}", self.steps)?;
        write!(f, "assertions: {}", self.assertions)
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left: u64 = self.left.values().sum();
        write!(f, "{} passed, {} failed, {left} cannot apply", self.passed, self.failed)?;
        for (reason, count) in &self.left {
            write!(f, "\n  {count:>6}  {reason}")?;
        }
        Ok(())
    }
}
