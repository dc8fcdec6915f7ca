//! Branches with values, to labels at every height; returns; and what stands behind them.

use wasm_encoder::{Instruction, ValType};

use super::body::{Body, Counter, Frame, Kind};

/// A label: how far out it is, the values that it takes, and what bounds it if it is a loop's.
struct Label {
    level: u32,
    values: Vec<ValType>,
    counter: Option<Counter>,
}

impl Body<'_> {
    fn label(&self, level: usize) -> Label {
        let Frame { kind, params, results, .. } = &self.frames[self.frames.len() - 1 - level];
        let (values, counter) = match kind {
            Kind::Loop(counter) => (params, Some(*counter)),
            _ => (results, None),
        };
        Label { level: level as u32, values: values.clone(), counter }
    }

    /// Picks a label, one whose values are on the stack if there is one of a few.
    fn any_label(&mut self) -> Label {
        let levels = [(); 3].map(|()| self.random.below(self.frames.len()));
        let fits = |level: &usize| {
            let label = self.label(*level);
            self.matching(&label.values) == label.values.len()
        };
        let level = levels.iter().copied().find(fits).unwrap_or(levels[0]);
        self.label(level)
    }

    /// Branches on a condition.
    pub fn branch_if(&mut self, depth: usize) {
        let Label { level, values, counter } = self.any_label();
        self.operands(&values, depth);
        match counter {
            Some(counter) => self.again(counter),
            None => self.condition(depth),
        }
        self.apply(Instruction::BrIf(level), 1, &[]);
        // In dead code the values are there now, whether they were or not.
        let count = values.len();
        self.take(count);
        self.stack.extend(values);
    }

    /// Leaves: branches, returns, calls in tail position or traps. What follows is dead.
    pub fn depart(&mut self, depth: usize) {
        match self.random.below(20) {
            0..8 => self.branch(depth),
            8..13 => self.branch_table(depth),
            13..16 => self.give_back(depth),
            16..19 if self.tail_call(depth) => {}
            19 => {
                self.emit(Instruction::Unreachable);
                self.die();
            }
            _ => self.give_back(depth),
        }
    }

    fn branch(&mut self, depth: usize) {
        let Label { level, values, counter } = self.any_label();
        self.operands(&values, depth);
        let count = values.len();
        if let Some(counter) = counter {
            self.take(count);
            self.stack.extend_from_slice(&values);
            return self.next_turn(level, counter, &values);
        }
        self.apply(Instruction::Br(level), count, &[]);
        self.die();
    }

    /// Returns from the function.
    pub fn give_back(&mut self, depth: usize) {
        let results = self.results.clone();
        self.operands(&results, depth);
        self.emit(Instruction::Return);
        self.die();
    }

    fn branch_table(&mut self, depth: usize) {
        let first = self.any_label();
        let all: Vec<Label> = (0..self.frames.len()).map(|level| self.label(level)).collect();
        let same: Vec<&Label> = all.iter().filter(|label| label.values == first.values).collect();
        // A loop is among the targets only where it is certain not to go on for ever.
        let ways_out: Vec<u32> = same.iter().filter(|l| l.counter.is_none()).map(|l| l.level).collect();
        let Some(out) = ways_out.last().copied() else { return self.branch(depth) };
        self.operands(&first.values, depth);
        let (count, mut targets) = (first.values.len(), ways_out);
        for label in &same {
            if let Some(counter) = label.counter.filter(|_| self.random.percent(60)) {
                self.again(counter);
                self.apply(Instruction::I32Eqz, 1, &[ValType::I32]);
                self.apply(Instruction::BrIf(out), 1, &[]);
                self.take(count);
                self.stack.extend_from_slice(&first.values);
                targets.push(label.level);
            }
        }
        let len = self.random.below(6);
        let table: Vec<u32> = (0..len).map(|_| *self.random.pick(&targets)).collect();
        let default = *self.random.pick(&targets);
        self.push(ValType::I32, depth);
        if self.random.percent(70) {
            self.number(7);
            self.apply(Instruction::I32And, 2, &[ValType::I32]);
        }
        self.apply(Instruction::BrTable(table.into(), default), count + 1, &[]);
        self.die();
    }
}
