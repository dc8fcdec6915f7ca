//! Coverage: which of its code a module has run, and how often.

pub use self::{
    counter::Counter,
    report::{BlockCoverage, BranchCoverage, BranchOperator, Coverage, FunctionCoverage, LineCoverage, Part, Totals},
};
use super::rerun::Rerun;
use crate::{data::outcome::Usage, error::Error, sandbox::Sandbox};

mod counted;
mod counter;
mod lcov;
mod map;
mod report;
mod walk;

impl Sandbox {
    /// Runs a module once more and returns which of its code ran, and how often. Host functions are not called: their
    /// recorded answers are repeated.
    ///
    /// It takes about twice the time of the run, and more once more if the run was stopped or the guest exited: that is
    /// how the branches are found that it did not get to.
    ///
    /// ```
    /// use belljar::{Config, Sandbox, explain::Rerun};
    ///
    /// let wasm = wat::parse_str(r#"(module (func (export "_start") (local i32) (local.set 0 (i32.const 3))
    ///     (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#)?;
    /// let coverage = Sandbox::new(Config::default())?.coverage(&Rerun::new(&wasm, b""))?;
    /// assert_eq!(coverage.functions[0].branches[0].counts, [2, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of loading and starting. A run that is stopped has coverage.
    pub fn coverage(&self, rerun: &Rerun<'_>) -> Result<Coverage, Error> {
        self.counter(rerun.wasm)?.coverage(rerun)
    }

    /// Runs a module for the first time, as [`coverage`](Sandbox::coverage) does, but asks the host. From time to time
    /// `progress` gets what the run has used so far.
    ///
    /// # Errors
    ///
    /// As [`coverage`](Sandbox::coverage).
    pub fn first_coverage(&self, rerun: &Rerun<'_>, progress: impl FnMut(&Usage)) -> Result<Coverage, Error> {
        self.counter(rerun.wasm)?.first_coverage(rerun, progress)
    }

    /// Loads a module with an instrument that counts, for any number of runs.
    ///
    /// # Errors
    ///
    /// The errors of loading.
    pub fn counter<'a>(&self, wasm: &'a [u8]) -> Result<Counter<'a>, Error> {
        Counter::new(self, wasm)
    }
}
