//! What is known of the code that ran.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::ops::AddAssign;

use serde::Serialize;

use crate::{
    data::{digest::Digest, outcome::Outcome},
    error::Stopped,
    explain::symbols::location::Location,
};

/// Which of its code a module has run, and how often, in one run or several.
///
/// The fuel of [`functions`](Coverage::functions) and [`elsewhere`](Coverage::elsewhere) is that of the runs, to the
/// unit, and so is that of [`lines`](Coverage::lines), [`without_line`](Coverage::without_line) and `elsewhere`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// The module.
    pub module: Digest,
    /// Number of runs.
    pub runs: u64,
    /// Fuel of the runs.
    pub fuel: u64,
    /// Fuel that is not that of operators: of instantiations, of host functions, of what bulk operators move, of the
    /// zeroing of locals, and of code that was paid for and did not run since the run was stopped.
    pub elsewhere: u64,
    /// Fuel of operators that have no line.
    pub without_line: u64,
    /// Functions that the module defines, in the order of their indices.
    pub functions: Vec<FunctionCoverage>,
    /// Lines that have operators, in the order of files and lines. Empty without debugging information.
    pub lines: Vec<LineCoverage>,
    /// Parts of the module's names and debugging information that were not read, and why.
    pub problems: Vec<String>,
    /// What the first run produced, as without coverage.
    #[serde(skip)]
    pub result: Result<Outcome, Box<Stopped>>,
}

/// Coverage of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FunctionCoverage {
    /// Index of the function.
    pub function: u32,
    /// Name of the function, if the module has one.
    pub name: Option<String>,
    /// Place of its first operator in the source.
    pub location: Option<Location>,
    /// Number of calls.
    pub calls: u64,
    /// Fuel of its operators.
    pub fuel: u64,
    /// Blocks, in the order of their offsets.
    pub blocks: Vec<BlockCoverage>,
    /// Branches that have a condition, in the order of their offsets.
    pub branches: Vec<BranchCoverage>,
}

/// Coverage of a block: of operators that run one after the other.
///
/// A block begins with a function, an iteration of a `loop` and an arm of an `if`, behind a `br_if`, behind the end of a
/// block that is the target of a branch or has arms, and behind a growth, which may be the last that a run does. Code
/// that cannot be reached is one block in each place, which never runs. An operator belongs to the last block of its
/// function that does not begin behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BlockCoverage {
    /// Offset of its first operator in the module.
    pub offset: u32,
    /// How often it has begun. A run that stops may leave one block unfinished in each function that was being called.
    pub count: u64,
}

/// Coverage of a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BranchCoverage {
    /// Offset of the operator in the module.
    pub offset: u32,
    /// The operator.
    pub operator: BranchOperator,
    /// Its line, as an index of [`Coverage::lines`].
    pub line: Option<usize>,
    /// How often it went where. Of `if` and `br_if` two: how often the condition was true, and how often not. Of
    /// `br_table` one for each label, in the order in which its entries name them first, the default last.
    pub counts: Vec<u64>,
}

/// An operator that branches on a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BranchOperator {
    /// `if`
    If,
    /// `br_if`
    BrIf,
    /// `br_table`
    BrTable,
}

/// Coverage of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LineCoverage {
    /// Path of the file, as in [`Location::file`].
    pub file: String,
    /// Line in the file, from 1.
    pub line: u32,
    /// How often it ran: the sum over the functions that have it of the most that one of its operators ran.
    pub count: u64,
    /// Fuel of its operators.
    pub fuel: u64,
}

/// How many of the parts of a module ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Functions that were called.
    pub functions: Part,
    /// Blocks that began.
    pub blocks: Part,
    /// Ways of branches that were taken.
    pub branches: Part,
    /// Lines that ran.
    pub lines: Part,
}

/// A part of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Part {
    /// The part.
    pub run: u64,
    /// All.
    pub all: u64,
}

impl Part {
    /// Returns how many of these counts are not 0.
    pub fn of(counts: impl IntoIterator<Item = u64>) -> Part {
        counts
            .into_iter()
            .fold(Part::default(), |part, count| Part { run: part.run + u64::from(count > 0), all: part.all + 1 })
    }
}

impl AddAssign for Part {
    fn add_assign(&mut self, other: Part) {
        self.run += other.run;
        self.all += other.all;
    }
}

impl Coverage {
    /// Adds the coverage of other runs. Returns `false`, and adds nothing, if it is of another module.
    #[must_use]
    pub fn merge(&mut self, other: &Coverage) -> bool {
        if self.module != other.module {
            return false;
        }
        let add = |to: &mut u64, more: u64| *to = to.saturating_add(more);
        add(&mut self.runs, other.runs);
        add(&mut self.fuel, other.fuel);
        add(&mut self.elsewhere, other.elsewhere);
        add(&mut self.without_line, other.without_line);
        for (function, other) in self.functions.iter_mut().zip(&other.functions) {
            add(&mut function.calls, other.calls);
            add(&mut function.fuel, other.fuel);
            for (block, other) in function.blocks.iter_mut().zip(&other.blocks) {
                add(&mut block.count, other.count);
            }
            for (branch, other) in function.branches.iter_mut().zip(&other.branches) {
                branch.counts.iter_mut().zip(&other.counts).for_each(|(count, other)| add(count, *other));
            }
        }
        for (line, other) in self.lines.iter_mut().zip(&other.lines) {
            add(&mut line.count, other.count);
            add(&mut line.fuel, other.fuel);
        }
        true
    }

    /// Returns how many functions, blocks, branches and lines ran.
    pub fn totals(&self) -> Totals {
        let lines = Part::of(self.lines.iter().map(|line| line.count));
        let mut totals = Totals { lines, ..Totals::default() };
        for function in &self.functions {
            totals.functions += Part::of([function.calls]);
            totals.blocks += function.block_part();
            totals.branches += function.branch_part();
        }
        totals
    }
}

impl FunctionCoverage {
    /// Returns how many of its blocks ran.
    pub fn block_part(&self) -> Part {
        Part::of(self.blocks.iter().map(|block| block.count))
    }

    /// Returns how many of the ways of its branches were taken.
    pub fn branch_part(&self) -> Part {
        Part::of(self.branches.iter().flat_map(|branch| branch.counts.iter().copied()))
    }
}
