//! Breakpoints and watchpoints with their numbers.

use belljar::explain::Breakpoint;

/// Most breakpoints: each movement looks for all of them.
pub const MAX_POINTS: usize = 1_000;

/// A breakpoint or watchpoint of the user, which may stand for many places.
#[derive(Debug)]
pub struct Point {
    pub number: u32,
    pub owner: Owner,
    /// What it is, escaped.
    pub text: String,
    pub breakpoints: Vec<Breakpoint>,
}

/// What sets and replaces a breakpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A command.
    Command,
    /// The list of breakpoints of a file of the source.
    Source(String),
    /// The list of functions.
    Functions,
    /// The list of watched data.
    Data,
    /// The list of operators.
    Instructions,
}

/// Breakpoints and watchpoints with their numbers.
#[derive(Debug, Default)]
pub struct Points {
    points: Vec<Point>,
    last: u32,
}

impl Point {
    /// Returns whether it is a watchpoint.
    pub fn is_watch(&self) -> bool {
        self.breakpoints.iter().any(|point| matches!(point, Breakpoint::Memory { .. } | Breakpoint::Global(_)))
    }

    /// Returns what it is called: `breakpoint 1`.
    pub fn name(&self) -> String {
        format!("{} {}", if self.is_watch() { "watchpoint" } else { "breakpoint" }, self.number)
    }
}

impl Points {
    /// Adds one, and returns it.
    pub fn add(&mut self, owner: Owner, text: String, breakpoints: Vec<Breakpoint>) -> Result<&Point, String> {
        if self.points.len() >= MAX_POINTS {
            return Err(format!("there are {MAX_POINTS} breakpoints, and more are not kept; `delete` removes them"));
        }
        self.last = self.last.saturating_add(1);
        self.points.push(Point { number: self.last, owner, text, breakpoints });
        self.points.last().ok_or_else(String::new)
    }

    /// Removes those of an owner.
    pub fn clear(&mut self, owner: &Owner) {
        self.points.retain(|point| point.owner != *owner);
    }

    /// Removes all.
    pub fn clear_all(&mut self) {
        self.points.clear();
    }

    /// Removes one by its number; returns whether there is one.
    pub fn remove(&mut self, number: u64) -> bool {
        let before = self.points.len();
        self.points.retain(|point| u64::from(point.number) != number);
        self.points.len() < before
    }

    /// Returns them in the order of their numbers.
    pub fn all(&self) -> &[Point] {
        &self.points
    }

    /// Returns all places, and the number of the point of each.
    pub fn places(&self) -> (Vec<Breakpoint>, Vec<u32>) {
        let places = self.points.iter().flat_map(|point| point.breakpoints.iter().map(|place| (place, point.number)));
        places.map(|(place, number)| (place.clone(), number)).unzip()
    }
}
