//! A debugger with breakpoints, and a selected frame.

use std::fmt::Write;

use belljar::{
    Error,
    explain::{Breakpoint, Debugger, Direction, Frame, Hit, StepUnit},
};

use super::{
    dump,
    files::Files,
    place,
    points::{Point, Points},
};
use crate::show::grouped;

/// A debugger with breakpoints, and a selected frame.
#[derive(Debug)]
pub struct Session<'a> {
    pub debugger: Debugger<'a>,
    pub points: Points,
    pub files: Files,
    frames: Vec<Frame>,
    selected: usize,
    arrival: Option<Arrival>,
}

/// A breakpoint at which a movement has ended.
#[derive(Debug)]
pub struct Arrival {
    /// Its number.
    pub number: u32,
    /// What it is, and what was written.
    pub text: String,
}

/// A movement to another step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// By a unit, into functions that are called.
    Into(StepUnit),
    /// By a unit, over functions that are called.
    Over(StepUnit),
    /// Out of the function.
    Out,
    /// To the next breakpoint.
    Resume,
}

impl<'a> Session<'a> {
    /// Returns a session at the step where a debugger is.
    pub fn new(debugger: Debugger<'a>, files: Files) -> Session<'a> {
        let frames = debugger.frames();
        Session { debugger, points: Points::default(), files, frames, selected: 0, arrival: None }
    }

    /// Moves, and stops at breakpoints.
    pub fn go(&mut self, movement: Movement, direction: Direction) -> Result<(), Error> {
        let (places, numbers) = self.points.places();
        let hit = match movement {
            Movement::Into(unit) => self.debugger.step_into(direction, unit, &places),
            Movement::Over(unit) => self.debugger.step_over(direction, unit, &places),
            Movement::Out => self.debugger.step_out(direction, &places),
            Movement::Resume => self.debugger.resume(direction, &places),
        }?;
        self.arrive(hit.and_then(|hit| self.arrival_of(&hit, &numbers)));
        Ok(())
    }

    /// Moves to a step.
    pub fn go_to(&mut self, step: u64) -> Result<(), Error> {
        self.debugger.go_to(step)?;
        self.arrive(None);
        Ok(())
    }

    /// Moves to the first step that the run does not begin with this fuel.
    pub fn go_to_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        self.debugger.go_to_fuel(fuel)?;
        self.arrive(None);
        Ok(())
    }

    /// Moves to the n-th call of a function, from 1; returns whether there is one.
    pub fn go_to_call(&mut self, function: u32, n: u64) -> Result<bool, Error> {
        let is_found = self.debugger.go_to_hit(&Breakpoint::Function(function), n)?.is_some();
        if is_found {
            self.arrive(None);
        }
        Ok(is_found)
    }

    fn arrive(&mut self, arrival: Option<Arrival>) {
        self.frames = self.debugger.frames();
        self.selected = 0;
        self.arrival = arrival;
    }

    fn arrival_of(&self, hit: &Hit, numbers: &[u32]) -> Option<Arrival> {
        let number = *numbers.get(hit.breakpoint)?;
        let mut text = self.points.all().iter().find(|point| point.number == number).map(Point::name)?;
        let (before, after) = &hit.written;
        if !before.is_empty() || !after.is_empty() {
            let _ = write!(text, " ({} → {})", dump::hex(before), dump::hex(after));
        }
        Some(Arrival { number, text })
    }

    /// Returns the breakpoint at which the last movement ended.
    pub fn arrival(&self) -> Option<&Arrival> {
        self.arrival.as_ref()
    }

    /// Returns the breakpoint at the operator that is about to run.
    pub fn point_here(&self) -> Option<u32> {
        let frame = self.frames.first()?;
        let is_here = |place: &Breakpoint| match place {
            Breakpoint::Operator(at) => *at == frame.offset,
            // At step 0 the outermost function begins.
            Breakpoint::Function(index) => *index == frame.function && self.debugger.step() == 0,
            _ => false,
        };
        let point = self.points.all().iter().find(|point| point.breakpoints.iter().any(is_here));
        point.map(|point| point.number)
    }

    /// Returns the functions that are being called, the innermost first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Returns the number of the selected frame.
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// Returns the selected frame; the error says why there is none.
    pub fn frame(&self) -> Result<&Frame, String> {
        self.frames.get(self.selected).ok_or_else(|| match self.is_at_end() {
            true => "no function is being called: the run has ended; `reverse-step` goes back".into(),
            false => "no function is being called yet; `step` goes to the first".into(),
        })
    }

    /// Selects a frame; returns whether there is one.
    pub fn select(&mut self, frame: usize) -> bool {
        let is_there = frame < self.frames.len();
        if is_there {
            self.selected = frame;
        }
        is_there
    }

    /// Returns whether the run has got to its last step.
    pub fn is_at_end(&self) -> bool {
        self.debugger.step() == self.debugger.last()
    }

    /// Returns how the run ends.
    pub fn ending(&self) -> String {
        match self.debugger.result() {
            Ok(outcome) if outcome.results.is_empty() => "the run ends".into(),
            Ok(outcome) => {
                let results: Vec<_> = outcome.results.iter().map(place::value).collect();
                format!("the run ends with {}", results.join(", "))
            }
            Err(stopped) => stopped.reason.to_string(),
        }
    }

    /// Returns where the run is, on one line.
    pub fn place(&self) -> String {
        let mut text = self.arrival.as_ref().map(|arrival| format!("{}: ", arrival.text)).unwrap_or_default();
        let [step, last, fuel] = [self.debugger.step(), self.debugger.last(), self.debugger.usage().fuel].map(grouped);
        let _ = write!(text, "step {step} of {last}, fuel {fuel}: ");
        match self.frames.first() {
            Some(frame) => text += &place::frame(frame),
            None if self.is_at_end() => {}
            None => text += "before the first function",
        }
        if self.is_at_end() {
            let separator = if self.frames.is_empty() { "" } else { ": " };
            let _ = write!(text, "{separator}{}", self.ending());
        }
        text
    }
}
