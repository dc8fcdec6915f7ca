//! Movements from step to step.

use alloc::collections::BTreeSet;

use super::{
    Debugger,
    breakpoint::{Breakpoint, Hit, Looked},
};
use crate::{
    error::Error,
    load::{instrument::steps::Places, operator_name::parsed_operator_at},
    run::probe::search::{self, Search},
};

/// Direction of a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards the end of the run.
    Forward,
    /// Towards its beginning.
    Backward,
}

/// StepUnit of a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepUnit {
    /// One operator.
    Operator,
    /// A line of the source; an operator where the module has no lines.
    Line,
}

/// What a movement looks for.
#[derive(Debug, Default)]
struct Wanted {
    places: Places,
    search: Search,
}

impl Debugger<'_> {
    /// Moves to the next breakpoint in a direction, or to the end or the beginning if there is none; returns which.
    ///
    /// # Errors
    ///
    /// The errors of loading and starting.
    pub fn resume(&mut self, direction: Direction, breakpoints: &[Breakpoint]) -> Result<Option<Hit>, Error> {
        let looked = Looked::new(self, breakpoints);
        let wanted = looked.wanted();
        let found = self.find(direction, wanted)?;
        self.go_to(found.as_ref().map_or_else(|| self.edge(direction), |hit| hit.step))?;
        Ok(found.and_then(|hit| looked.hit(hit)))
    }

    /// Moves to the step at which a breakpoint is hit for the `n`-th time since the run has begun, from 1; returns `None`,
    /// and stays where it is, if that is not often enough.
    ///
    /// # Errors
    ///
    /// The errors of loading and starting.
    pub fn go_to_hit(&mut self, breakpoint: &Breakpoint, n: u64) -> Result<Option<Hit>, Error> {
        let looked = Looked::new(self, core::slice::from_ref(breakpoint));
        let Wanted { places, search } = looked.wanted();
        let search = Search { passes: Some(n.saturating_sub(1)), ..search };
        let (_, found, _) = self.search(BTreeSet::new(), places, search)?;
        let Some(hit) = found.hit else { return Ok(None) };
        self.go_to(hit.step)?;
        Ok(looked.hit(hit))
    }

    /// Moves by a line or an operator, into functions that are called; stops at a breakpoint before, and returns it.
    ///
    /// # Errors
    ///
    /// The errors of loading and starting.
    pub fn step_into(
        &mut self,
        direction: Direction,
        unit: StepUnit,
        breakpoints: &[Breakpoint],
    ) -> Result<Option<Hit>, Error> {
        match (unit, self.lines(u32::MAX)) {
            (StepUnit::Line, Some(wanted)) => self.move_to(direction, wanted, breakpoints),
            _ => {
                let step = match direction {
                    Direction::Forward => self.step() + 1,
                    Direction::Backward => self.step().saturating_sub(1),
                };
                self.go_to(step).map(|()| None)
            }
        }
    }

    /// Moves by a line or an operator of the same function, or of one that called it; stops at a breakpoint before, and
    /// returns it.
    ///
    /// # Errors
    ///
    /// The errors of loading and starting.
    pub fn step_over(
        &mut self,
        direction: Direction,
        unit: StepUnit,
        breakpoints: &[Breakpoint],
    ) -> Result<Option<Hit>, Error> {
        // At the end no function is being called any more.
        let depth = if self.depth() == 0 { u32::MAX } else { self.depth() as u32 };
        let wanted = match (unit, self.lines(depth)) {
            (StepUnit::Line, Some(wanted)) => Some(wanted),
            _ => self.operators_here(direction, depth),
        };
        match wanted {
            Some(wanted) => self.move_to(direction, wanted, breakpoints),
            None => self.step_into(direction, StepUnit::Operator, breakpoints),
        }
    }

    /// Moves to where the function has returned, or backwards to its call; stops at a breakpoint before, and returns it.
    ///
    /// # Errors
    ///
    /// The errors of loading and starting.
    pub fn step_out(&mut self, direction: Direction, breakpoints: &[Breakpoint]) -> Result<Option<Hit>, Error> {
        let Some(caller) = self.now.called.get(1).map(|called| called.at) else {
            return self.resume(direction, breakpoints);
        };
        let mut wanted = Wanted::default();
        wanted.search.depth = (self.depth() as u32).saturating_sub(1);
        match direction {
            Direction::Forward => wanted.places.returns.insert(caller),
            Direction::Backward => wanted.places.operators.insert(caller),
        };
        self.move_to(direction, wanted, breakpoints)
    }

    /// Moves to what is wanted, or to a breakpoint before.
    fn move_to(
        &mut self,
        direction: Direction,
        wanted: Wanted,
        breakpoints: &[Breakpoint],
    ) -> Result<Option<Hit>, Error> {
        let looked = Looked::new(self, breakpoints);
        let target = self.find(direction, wanted)?.map_or_else(|| self.edge(direction), |hit| hit.step);
        let hit = if breakpoints.is_empty() { None } else { self.find(direction, looked.wanted())? };
        let hit = hit.filter(|hit| match direction {
            Direction::Forward => hit.step <= target,
            Direction::Backward => hit.step >= target,
        });
        self.go_to(hit.as_ref().map_or(target, |hit| hit.step))?;
        Ok(hit.and_then(|hit| looked.hit(hit)))
    }

    /// Finds the next hit in a direction.
    fn find(&mut self, direction: Direction, wanted: Wanted) -> Result<Option<search::Hit>, Error> {
        let Wanted { places, search } = wanted;
        let search = match direction {
            Direction::Forward => Search { from: self.step() + 1, passes: Some(0), ..search },
            Direction::Backward => {
                let Some(to) = self.step().checked_sub(1) else { return Ok(None) };
                // The segment that has the last step counts as a whole where it begins.
                let limit = to.saturating_add(self.instrument.tables.steps.operators.len() as u64);
                Search { to, limit, ..search }
            }
        };
        Ok(self.search(BTreeSet::new(), places, search)?.1.hit)
    }

    /// Returns the last step in a direction.
    fn edge(&self, direction: Direction) -> u64 {
        match direction {
            Direction::Forward => self.last(),
            Direction::Backward => 0,
        }
    }

    /// Returns the beginnings of other lines, where at most `depth` functions are being called; `None` if the module has no
    /// lines.
    fn lines(&self, depth: u32) -> Option<Wanted> {
        let operators = self.source.line_starts();
        if operators.is_empty() {
            return None;
        }
        let here = self.now.called.first().and_then(|called| self.source.starts_of_line(called.at));
        let left_out = (self.depth() as u32, here.unwrap_or_default());
        let search = Search { depth, left_out, ..Search::default() };
        Some(Wanted { places: Places { operators, ..Places::default() }, search })
    }

    /// Returns the operators that may be next where at most `depth` functions are being called; `None` if that is the next
    /// step.
    fn operators_here(&self, direction: Direction, mut depth: u32) -> Option<Wanted> {
        use wasmparser::Operator::{Call, CallIndirect, ReturnCall, ReturnCallIndirect};
        let at = self.now.called.first()?.at;
        let mut places = Places::default();
        match direction {
            Direction::Forward => {
                let operator = parsed_operator_at(self.rerun.wasm, at)?;
                match operator {
                    Call { function_index } if function_index < self.instrument.imported => return None,
                    Call { .. } | CallIndirect { .. } => places.returns.insert(at),
                    // The function that it calls returns to the caller of this one.
                    ReturnCall { .. } | ReturnCallIndirect { .. } => {
                        depth = depth.saturating_sub(1);
                        places.returns.insert(self.now.called.get(1)?.at)
                    }
                    _ => return None,
                };
            }
            Direction::Backward => {
                let body = self.source.body(at);
                let operators = self.instrument.tables.steps.operators.iter().copied();
                places.operators = operators.filter(|other| self.source.body(*other) == body).collect();
                places.operators.extend(self.now.called.get(1).map(|caller| caller.at));
            }
        }
        Some(Wanted { places, search: Search { depth, ..Search::default() } })
    }
}

impl Looked {
    fn wanted(&self) -> Wanted {
        let search = Search { watched: self.watched.clone(), ..Search::default() };
        Wanted { places: self.places.clone(), search }
    }
}
