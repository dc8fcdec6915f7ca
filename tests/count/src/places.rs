//! Where in a function how much is added to the counter.

use wasmparser::Operator;

use crate::{operator, prices::Prices};

/// Fuel that is added right before each operator.
pub type Places = Vec<u64>;

/// The way to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Each operator when it runs.
    Operators,
    /// All operators of a stretch when it begins, as the docs have it for runs that are stopped: operators that run
    /// together, whatever happens, but for traps and exits. A growth is the last of a stretch.
    Stretches,
}

/// Finds the places of a function with these operators, of which entering costs so much beside.
pub fn places(way: Way, operators: &[Operator<'_>], entering: u64, prices: &Prices) -> Places {
    match way {
        Way::Operators => one_by_one(operators, entering, prices),
        Way::Stretches => stretches(operators, entering, prices),
    }
}

/// Adds up along straight lines: up to each operator at which control or the run may end.
fn one_by_one(operators: &[Operator<'_>], entering: u64, prices: &Prices) -> Places {
    let mut places = vec![0; operators.len()];
    let mut sum = prices.entry + entering;
    for (at, op) in operators.iter().enumerate() {
        sum += prices.operator(operator::name(op));
        if operator::is_control(op) || operator::may_stop(op) {
            places[at] = std::mem::take(&mut sum);
        }
        if matches!(op, Operator::Loop { .. } | Operator::If { .. } | Operator::Else) {
            sum = prices.entry;
        }
    }
    places
}

/// The kind of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Block,
    Loop,
    If,
}

/// A block that is open, or the function.
#[derive(Debug)]
struct Frame {
    kind: Kind,
    /// The stretch it stands in; `None` if no run comes there.
    around: Option<usize>,
    /// A run comes to its end.
    ends: bool,
    /// The outermost frame to whose label something in it goes.
    leaves: usize,
}

/// Adds all that runs together at the first operator of it.
fn stretches(operators: &[Operator<'_>], entering: u64, prices: &Prices) -> Places {
    let mut places = vec![0; operators.len() + 1];
    places[0] = prices.entry + entering;
    // A stretch is the place where it begins.
    let mut now = Some(0);
    let mut frames = vec![Frame { kind: Kind::Block, around: None, ends: false, leaves: usize::MAX }];
    for (at, op) in operators.iter().enumerate() {
        if let Some(begin) = now {
            places[begin] += prices.operator(operator::name(op));
        }
        let innermost = frames.len() - 1;
        let mut open = |kind, frames: &mut Vec<Frame>| {
            frames.push(Frame { kind, around: now, ends: false, leaves: usize::MAX });
            if kind != Kind::Block && now.is_some() {
                now = Some(at + 1);
                places[at + 1] = prices.entry;
            }
        };
        match op {
            Operator::Block { .. } => open(Kind::Block, &mut frames),
            Operator::Loop { .. } => open(Kind::Loop, &mut frames),
            Operator::If { .. } => open(Kind::If, &mut frames),
            Operator::Else => {
                let frame = &mut frames[innermost];
                frame.ends |= now.is_some();
                frame.kind = Kind::Block;
                now = frame.around.map(|_| at + 1);
                if now.is_some() {
                    places[at + 1] = prices.entry;
                }
            }
            Operator::End => {
                let frame = frames.pop().expect("functions are valid");
                let Some(parent) = frames.last_mut() else { continue };
                parent.leaves = parent.leaves.min(frame.leaves);
                let is_reached = now.is_some() || frame.ends || frame.kind == Kind::If;
                now = frame.around.filter(|_| is_reached);
                // What comes next does not run whenever the block does.
                if now.is_some() && frame.leaves < innermost {
                    now = Some(at + 1);
                }
            }
            Operator::Br { relative_depth } => branch(&mut frames, &mut now, *relative_depth),
            Operator::BrIf { relative_depth } => {
                let mut here = now;
                branch(&mut frames, &mut here, *relative_depth);
                now = now.map(|_| at + 1);
            }
            Operator::BrTable { targets } => {
                for depth in targets.targets().map(|target| target.expect("functions are valid")) {
                    let mut here = now;
                    branch(&mut frames, &mut here, depth);
                }
                branch(&mut frames, &mut now, targets.default());
            }
            Operator::Return | Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } => {
                branch(&mut frames, &mut now, innermost as u32);
            }
            Operator::Unreachable => now = None,
            Operator::MemoryGrow { .. } | Operator::TableGrow { .. } => now = now.map(|_| at + 1),
            _ => {}
        }
    }
    places.pop();
    places
}

/// Notes a branch from here, after which there is nothing.
fn branch(frames: &mut [Frame], now: &mut Option<usize>, depth: u32) {
    let innermost = frames.len() - 1;
    let target = innermost - depth as usize;
    if now.take().is_some() {
        frames[innermost].leaves = frames[innermost].leaves.min(target);
        // To the label of a loop is to its beginning.
        frames[target].ends |= frames[target].kind != Kind::Loop;
    }
}
