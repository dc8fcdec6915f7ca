//! What was done and found, added up.

use std::{fmt, time::Instant};

use crate::outcome::{Bound, End, TRAPS};

/// How many differences are told.
const TOLD: usize = 20;

/// A sum over modules.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub modules: u64,
    /// Modules that belljar refused for one of its limits.
    pub refused: u64,
    /// Calls whose ends were compared.
    pub calls: u64,
    /// Those that ended with results.
    pub done: u64,
    pub traps: [u64; TRAPS.len()],
    /// Calls that were not compared, since fuel or stack were used up: here, and in Wasmtime only.
    pub fuel: [u64; 2],
    pub stack: [u64; 2],
    /// Runs that were repeated in slices.
    pub sliced: u64,
    pub fuel_used: u64,
    /// Where the time went, in nanoseconds of all threads.
    pub times: [u64; PHASES.len()],
    /// By seed.
    pub differences: Vec<(u64, String)>,
}

/// What a module takes time for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Generate = 0,
    Load = 1,
    Run = 2,
    Compile = 3,
    Call = 4,
}

/// What is said of each phase.
pub const PHASES: [&str; 5] = ["generating", "loading", "running", "compiling", "calling"];

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Belljar = 0,
    Wasmtime = 1,
}

impl Tally {
    /// Counts a call that both sides ended in the same way.
    pub fn same(&mut self, end: &End) {
        self.calls += 1;
        match end {
            End::Trap(trap) => {
                let kind = TRAPS.iter().position(|(known, _)| known == trap).expect("all are known");
                self.traps[kind] += 1;
            }
            _ => self.done += 1,
        }
    }

    /// Counts a call that cannot be compared.
    pub fn bound(&mut self, bound: Bound, side: Side) {
        match bound {
            Bound::Fuel => self.fuel[side as usize] += 1,
            Bound::Stack => self.stack[side as usize] += 1,
        }
    }

    /// Does something, and adds the time that it takes to a phase.
    pub fn timed<T>(&mut self, phase: Phase, what: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = what();
        self.times[phase as usize] += start.elapsed().as_nanos() as u64;
        done
    }

    /// Returns the time that each phase takes for a module, as text.
    pub fn phases(&self) -> String {
        let each = |nanoseconds: &u64| *nanoseconds as f64 / 1e6 / self.modules.max(1) as f64;
        let phases: Vec<_> =
            self.times.iter().zip(PHASES).map(|(time, name)| format!("{:.2} ms {name}", each(time))).collect();
        phases.join(", ")
    }

    /// Adds what another has.
    pub fn add(&mut self, other: Tally) {
        self.modules += other.modules;
        self.refused += other.refused;
        self.calls += other.calls;
        self.done += other.done;
        self.traps.iter_mut().zip(other.traps).for_each(|(sum, more)| *sum += more);
        self.fuel.iter_mut().zip(other.fuel).for_each(|(sum, more)| *sum += more);
        self.stack.iter_mut().zip(other.stack).for_each(|(sum, more)| *sum += more);
        self.sliced += other.sliced;
        self.fuel_used += other.fuel_used;
        self.times.iter_mut().zip(other.times).for_each(|(sum, more)| *sum += more);
        self.differences.extend(other.differences);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} modules ({} refused), {} calls compared: {} done",
            self.modules, self.refused, self.calls, self.done
        )?;
        for (count, (_, name)) in self.traps.iter().zip(&TRAPS) {
            write!(f, ", {count} {name}")?;
        }
        let ([fuel, their_fuel], [stack, their_stack]) = (self.fuel, self.stack);
        write!(f, "; not compared: {fuel} fuel, {stack} stack, there only {their_fuel} fuel, {their_stack} stack")?;
        write!(f, "; {} sliced; {} differ", self.sliced, self.differences.len())?;
        let mut seeds: Vec<_> = self.differences.iter().map(|(seed, _)| *seed).collect();
        seeds.sort_unstable();
        if !seeds.is_empty() {
            let told: Vec<_> = seeds.iter().take(TOLD).map(u64::to_string).collect();
            write!(f, " (seeds {}{})", told.join(" "), if seeds.len() > TOLD { " ..." } else { "" })?;
        }
        Ok(())
    }
}
