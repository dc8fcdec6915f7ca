//! The coverage of a run, from its counts.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::{
    map::{Function, Map, Unfinished},
    report::{BlockCoverage, BranchCoverage, Coverage, FunctionCoverage, LineCoverage},
    walk::{Branch, Source, Ways},
};
use crate::{data::outcome::Outcome, error::Stopped};

impl Map {
    /// Returns the coverage of a run with these counts, in which these functions did not get to their end.
    pub(super) fn coverage(
        &self,
        counts: &[u64],
        unfinished: &[Unfinished],
        result: Result<Outcome, Box<Stopped>>,
    ) -> Coverage {
        let fuel = result.as_ref().map_or_else(|stopped| stopped.usage.fuel, |outcome| outcome.usage.fuel);
        let line = |(file, line): &(String, u32)| LineCoverage { file: file.clone(), line: *line, count: 0, fuel: 0 };
        let mut unfinished = unfinished.to_vec();
        unfinished.sort_by_key(|one| one.function);
        let mut coverage = Coverage {
            module: self.module.clone(),
            runs: 1,
            fuel,
            elsewhere: 0,
            without_line: 0,
            functions: Vec::with_capacity(self.functions.len()),
            lines: self.lines.iter().map(line).collect(),
            problems: self.problems.clone(),
            result,
        };
        for function in &self.functions {
            let from = unfinished.partition_point(|one| one.function < function.function);
            let to = unfinished.partition_point(|one| one.function <= function.function);
            let counted = Counted::new(function, counts, unfinished.get(from..to).unwrap_or_default());
            coverage.without_line = coverage.without_line.saturating_add(counted.add_lines(&mut coverage.lines));
            coverage.functions.push(counted.coverage());
        }
        let known = coverage.functions.iter().map(|function| function.fuel).fold(0, u64::saturating_add);
        coverage.elsewhere = fuel.saturating_sub(known);
        coverage
    }
}

/// A function with the counts of a run.
struct Counted<'a> {
    function: &'a Function,
    counters: &'a [u64],
    /// How often each block began.
    begun: Vec<u64>,
    /// The blocks that were not finished, in order, and the last operator that ran.
    unfinished: Vec<(usize, u32)>,
}

impl<'a> Counted<'a> {
    fn new(function: &'a Function, counters: &'a [u64], unfinished: &[Unfinished]) -> Counted<'a> {
        let block_of = |at: u32| function.blocks.partition_point(|block| block.at <= at).saturating_sub(1);
        let mut unfinished: Vec<_> = unfinished.iter().map(|one| (block_of(one.block), one.at)).collect();
        unfinished.sort_unstable();
        let begun = Vec::with_capacity(function.blocks.len());
        let mut counted = Counted { function, counters, begun, unfinished };
        for (number, block) in function.blocks.iter().enumerate() {
            let count = match block.source {
                Source::Counter(counter) => counters.get(counter).copied().unwrap_or_default(),
                Source::Before => number.checked_sub(1).map_or(0, |before| counted.finished(before)),
                Source::Unreachable => 0,
            };
            counted.begun.push(count);
        }
        counted
    }

    /// Returns how often a block began.
    fn begun(&self, block: usize) -> u64 {
        self.begun.get(block).copied().unwrap_or_default()
    }

    /// Returns how often the operator of a block at an offset ran.
    fn ran(&self, block: usize, at: u32) -> u64 {
        let from = self.unfinished.partition_point(|one| one.0 < block);
        let to = self.unfinished.partition_point(|one| *one < (block, at));
        self.begun(block).saturating_sub(to.saturating_sub(from) as u64)
    }

    /// Returns how often a block got to its end.
    fn finished(&self, block: usize) -> u64 {
        let from = self.unfinished.partition_point(|one| one.0 < block);
        let to = self.unfinished.partition_point(|one| one.0 <= block);
        self.begun(block).saturating_sub(to.saturating_sub(from) as u64)
    }

    /// Adds the counts and the fuel of lines; returns the fuel that has no line.
    fn add_lines(&self, lines: &mut [LineCoverage]) -> u64 {
        let mut counts = Vec::new();
        let mut without_line = 0_u64;
        for (number, block) in self.function.blocks.iter().enumerate() {
            let begun = self.begun(number);
            without_line = without_line.saturating_add(begun.saturating_mul(block.without_line));
            for stretch in &block.lines {
                counts.push((stretch.line, self.ran(number, stretch.first)));
                if let Some(line) = lines.get_mut(stretch.line) {
                    line.fuel = line.fuel.saturating_add(begun.saturating_mul(stretch.fuel));
                }
            }
        }
        counts.sort_unstable();
        for same in counts.chunk_by(|a, b| a.0 == b.0) {
            // The last has most.
            if let Some((line, count)) = same.last()
                && let Some(line) = lines.get_mut(*line)
            {
                line.count = line.count.saturating_add(*count);
            }
        }
        without_line
    }

    fn coverage(&self) -> FunctionCoverage {
        let Function { function, name, location, blocks, branches } = self.function;
        let fuel = blocks.iter().zip(&self.begun).map(|(block, count)| count.saturating_mul(block.fuel));
        FunctionCoverage {
            function: *function,
            name: name.clone(),
            location: location.clone(),
            calls: self.begun(0),
            fuel: fuel.fold(0, u64::saturating_add),
            blocks: blocks
                .iter()
                .zip(&self.begun)
                .map(|(block, count)| BlockCoverage { offset: block.at, count: *count })
                .collect(),
            branches: branches.iter().map(|branch| self.branch(branch)).collect(),
        }
    }

    fn branch(&self, branch: &Branch) -> BranchCoverage {
        let all = self.finished(branch.block);
        let counts = match &branch.ways {
            Ways::If { then, otherwise } => {
                let taken = then.map_or(0, |then| self.begun(then));
                alloc::vec![taken, otherwise.map_or(all.saturating_sub(taken), |other| self.begun(other))]
            }
            Ways::BrIf { next } => {
                let passed = next.map_or(0, |next| self.begun(next));
                alloc::vec![all.saturating_sub(passed), passed]
            }
            Ways::BrTable { labels, entries, first } => {
                let mut counts = alloc::vec![0_u64; *labels as usize];
                let counters = first.and_then(|first| self.counters.get(first..)).unwrap_or_default();
                for (label, counter) in entries.iter().zip(counters) {
                    if let Some(count) = counts.get_mut(*label as usize) {
                        *count = count.saturating_add(*counter);
                    }
                }
                counts
            }
        };
        BranchCoverage { offset: branch.at, operator: branch.ways.operator(), line: branch.line, counts }
    }
}
