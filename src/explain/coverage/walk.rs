//! The blocks and branches of a function body.

use alloc::vec::Vec;
use std::collections::HashMap;

use wasmparser::{BrTable, FunctionBody, Operator};

use super::report::BranchOperator;
use crate::{
    engine::{config::parser_features, cost::ENTRY},
    explain::symbols::Symbols,
    load::{instrument::ENTRY_OF_FUNCTION, prices::price},
};

/// A block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) at: u32,
    pub(super) source: Source,
    /// Fuel of its operators, and of its entry if it has a price.
    pub(super) fuel: u64,
    /// The part of it that has no line.
    pub(super) without_line: u64,
    /// Its operators by lines; a line may be there several times.
    pub(super) lines: Vec<Stretch>,
}

/// Where the count of a block comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Counter(usize),
    /// It always follows the block before it, and costs nothing.
    Before,
    /// It is never reached.
    Unreachable,
}

/// Operators of one line that follow each other.
#[derive(Debug)]
pub(super) struct Stretch {
    /// The number of the line.
    pub(super) line: usize,
    /// The offset of the first operator.
    pub(super) first: u32,
    pub(super) fuel: u64,
}

/// A branch that has a condition.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) at: u32,
    pub(super) line: Option<usize>,
    /// The index of its block.
    pub(super) block: usize,
    pub(super) ways: Ways,
}

/// The blocks or counters from which it is known how often a branch went where.
#[derive(Debug)]
pub(super) enum Ways {
    /// The arms of an `if`.
    If { then: Option<usize>, otherwise: Option<usize> },
    /// The block behind a `br_if`.
    BrIf { next: Option<usize> },
    /// The number of labels, for each entry the number of its label, and the counter of the first entry.
    BrTable { labels: u32, entries: Vec<u32>, first: Option<usize> },
}

impl Ways {
    pub(super) fn operator(&self) -> BranchOperator {
        match self {
            Ways::If { .. } => BranchOperator::If,
            Ways::BrIf { .. } => BranchOperator::BrIf,
            Ways::BrTable { .. } => BranchOperator::BrTable,
        }
    }
}

/// The numbers of counters, by function and operator.
pub(super) type Numbers = HashMap<(u32, u32), usize>;

/// The lines that have been found, by their numbers.
pub(super) struct Lines<'s> {
    symbols: &'s Symbols,
    pub(super) list: Vec<(u32, u32)>,
    numbers: HashMap<(u32, u32), usize>,
}

impl<'s> Lines<'s> {
    pub(super) fn new(symbols: &'s Symbols) -> Lines<'s> {
        Lines { symbols, list: Vec::new(), numbers: HashMap::new() }
    }

    /// Returns the number of the line of an operator.
    fn of(&mut self, at: u32) -> Option<usize> {
        let line = self.symbols.line(at)?;
        // Most operators are of the line of the one before.
        if let Some(last) = self.list.len().checked_sub(1).filter(|last| self.list.get(*last) == Some(&line)) {
            return Some(last);
        }
        Some(*self.numbers.entry(line).or_insert_with(|| {
            self.list.push(line);
            self.list.len() - 1
        }))
    }
}

/// Returns the blocks and branches of a function body.
pub(super) fn walk(
    function: u32,
    body: &FunctionBody<'_>,
    lines: &mut Lines<'_>,
    numbers: &Numbers,
) -> wasmparser::Result<(Vec<Block>, Vec<Branch>)> {
    let mut reader = body.get_operators_reader()?.get_binary_reader();
    reader.set_features(parser_features());
    let (blocks, branches) = (Vec::new(), Vec::new());
    let labels = alloc::vec![Label::default()];
    let mut walk = Walk { function, lines, numbers, blocks, branches, labels, is_reachable: true, dead: None };
    walk.begin(ENTRY_OF_FUNCTION, reader.original_position() as u32, ENTRY);
    while !reader.eof() {
        let at = reader.original_position() as u32;
        let operator = reader.read_operator()?;
        walk.operator(&operator, at, reader.original_position() as u32);
    }
    Ok((walk.blocks, walk.branches))
}

struct Walk<'w, 's> {
    function: u32,
    lines: &'w mut Lines<'s>,
    numbers: &'w Numbers,
    blocks: Vec<Block>,
    branches: Vec<Branch>,
    labels: Vec<Label>,
    is_reachable: bool,
    dead: Option<Dead>,
}

/// An open block.
#[derive(Debug, Default, Clone, Copy)]
struct Label {
    is_loop: bool,
    /// The branch of an `if`; `None` in its other arm.
    branch: Option<usize>,
    /// Whether control reaches its end from elsewhere than the operator before it.
    is_joined: bool,
}

/// Code that is never reached.
#[derive(Debug, Default, Clone, Copy)]
struct Dead {
    /// The number of open blocks in it.
    depth: u32,
    /// Whether it has an operator.
    has_begun: bool,
}

impl Walk<'_, '_> {
    /// Begins a block behind an operator.
    fn begin(&mut self, opener: u32, at: u32, fuel: u64) -> usize {
        let counter = self.numbers.get(&(self.function, opener));
        self.push(at, counter.map_or(Source::Before, |number| Source::Counter(*number)), fuel)
    }

    fn push(&mut self, at: u32, source: Source, fuel: u64) -> usize {
        self.blocks.push(Block { at, source, fuel: 0, without_line: 0, lines: Vec::new() });
        if fuel > 0 {
            self.add(at, fuel);
        }
        self.blocks.len() - 1
    }

    /// Adds an operator with its fuel to the current block; returns its line.
    fn add(&mut self, at: u32, fuel: u64) -> Option<usize> {
        let line = self.lines.of(at);
        let block = self.blocks.last_mut()?;
        block.fuel += fuel;
        match (line, block.lines.last_mut()) {
            (None, _) => block.without_line += fuel,
            (Some(line), Some(last)) if last.line == line => last.fuel += fuel,
            (Some(line), _) => block.lines.push(Stretch { line, first: at, fuel }),
        }
        line
    }

    fn operator(&mut self, operator: &Operator<'_>, at: u32, end: u32) {
        if self.is_dead(operator, at) {
            return;
        }
        // These do nothing, and whatever line they have is that of something else. The end of a function returns.
        let is_last = self.is_reachable && self.labels.len() == 1;
        let is_structure = match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::Else => true,
            Operator::End => !is_last,
            _ => false,
        };
        let line = if is_structure { None } else { self.add(at, price(operator)) };
        match operator {
            Operator::Block { .. } => self.labels.push(Label::default()),
            Operator::Loop { .. } => {
                self.labels.push(Label { is_loop: true, ..Label::default() });
                self.begin(at, end, ENTRY);
            }
            Operator::If { .. } => {
                self.branch(at, line, Ways::If { then: None, otherwise: None });
                let branch = self.branches.len().checked_sub(1);
                self.labels.push(Label { branch, ..Label::default() });
                let block = self.begin(at, end, ENTRY);
                self.arm(branch, |then, _| *then = Some(block));
            }
            Operator::Else => self.otherwise(at, end),
            Operator::End => self.end(at, end),
            Operator::Br { relative_depth } => {
                self.join(*relative_depth);
                self.leave();
            }
            Operator::BrIf { relative_depth } => {
                self.join(*relative_depth);
                let next = Some(self.blocks.len());
                self.branch(at, line, Ways::BrIf { next });
                self.begin(at, end, 0);
            }
            Operator::BrTable { targets } => {
                labels(targets).for_each(|depth| self.join(depth));
                let ways = self.table(targets, at);
                self.branch(at, line, ways);
                self.leave();
            }
            Operator::Return
            | Operator::Unreachable
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. } => self.leave(),
            Operator::MemoryGrow { .. } | Operator::TableGrow { .. } => {
                self.begin(at, end, 0);
            }
            _ => {}
        }
    }

    /// Handles an operator in dead code; returns whether it is in it.
    fn is_dead(&mut self, operator: &Operator<'_>, at: u32) -> bool {
        let Some(mut dead) = self.dead else { return false };
        match operator {
            Operator::Else | Operator::End if dead.depth == 0 => {
                self.dead = None;
                self.is_reachable = false;
                return false;
            }
            Operator::End => dead.depth -= 1,
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => dead.depth += 1,
            _ => {}
        }
        if !core::mem::replace(&mut dead.has_begun, true) {
            self.push(at, Source::Unreachable, 0);
        }
        let line = self.add(at, price(operator));
        match operator {
            Operator::If { .. } => self.branch(at, line, Ways::If { then: None, otherwise: None }),
            Operator::BrIf { .. } => self.branch(at, line, Ways::BrIf { next: None }),
            Operator::BrTable { targets } => {
                let ways = self.table(targets, at);
                self.branch(at, line, ways);
            }
            _ => {}
        }
        self.dead = Some(dead);
        true
    }

    fn branch(&mut self, at: u32, line: Option<usize>, ways: Ways) {
        let block = self.blocks.len().saturating_sub(1);
        self.branches.push(Branch { at, line, block, ways });
    }

    /// Changes the arms of an `if`.
    fn arm(&mut self, branch: Option<usize>, change: impl FnOnce(&mut Option<usize>, &mut Option<usize>)) {
        let branch = branch.and_then(|branch| self.branches.get_mut(branch));
        if let Some(Branch { ways: Ways::If { then, otherwise }, .. }) = branch {
            change(then, otherwise);
        }
    }

    fn otherwise(&mut self, at: u32, end: u32) {
        let block = self.begin(at, end, ENTRY);
        let Some(label) = self.labels.last_mut() else { return };
        let branch = label.branch.take();
        label.is_joined |= self.is_reachable;
        self.is_reachable = true;
        self.arm(branch, |_, otherwise| *otherwise = Some(block));
    }

    fn end(&mut self, at: u32, end: u32) {
        let label = self.labels.pop().unwrap_or_default();
        if self.labels.is_empty() {
            return;
        }
        if label.is_joined || label.branch.is_some() {
            self.is_reachable = true;
            self.begin(at, end, 0);
        } else if !self.is_reachable {
            self.dead = Some(Dead::default());
        }
    }

    /// Handles a branch to a label.
    fn join(&mut self, depth: u32) {
        if let Some(label) = self.labels.iter_mut().rev().nth(depth as usize) {
            label.is_joined |= !label.is_loop;
        }
    }

    fn leave(&mut self) {
        self.dead = Some(Dead::default());
    }

    /// Returns the ways of a `br_table`.
    fn table(&self, targets: &BrTable<'_>, at: u32) -> Ways {
        let mut seen = HashMap::new();
        let number = |label| {
            let next = seen.len() as u32;
            *seen.entry(label).or_insert(next)
        };
        let entries = labels(targets).map(number).collect();
        let first = self.numbers.get(&(self.function, at)).copied();
        Ways::BrTable { labels: seen.len() as u32, entries, first }
    }
}

/// Returns the labels of the entries of a `br_table`, and the default.
fn labels(targets: &BrTable<'_>) -> impl Iterator<Item = u32> {
    targets.targets().map_while(Result::ok).chain([targets.default()])
}
