//! Explanations of stops.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{cmp::Reverse, fmt};

use serde::Serialize;

use super::{
    profile::{Callee, FuelProfile},
    symbols::{Symbols, location::Location},
};
use crate::{
    data::{text::escape, value::Value},
    error::{GuestFault, HostStop, InjectedFault, LimitExceeded, StopReason, Stopped},
    load::{
        instrument::FIRST_OPERAND,
        operator_name::{Of, operator_at},
    },
    run::machine::Called,
};

/// Explanation of a stop: the functions that were being called.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Reason of the stop.
    pub reason: StopReason,
    /// Fuel at which the guest stopped.
    pub fuel: u64,
    /// Functions that were being called, the innermost first. If they are more than 1,000, the innermost 968 and the
    /// outermost 32. Empty if the stop was before the first.
    pub frames: Vec<Frame>,
    /// Number of functions that were being called, with those that are not in `frames`.
    pub depth: u64,
    /// Functions that took most, where the run was stopped for what it took: by fuel if it had used up that or its
    /// time, by number of frames if it had used up its stack. At most five, most first, each a thousandth at least.
    pub used_by: Vec<UsedBy>,
    /// Size of the memory in bytes when the guest stopped; `None` if it is not exported, or is not the only one.
    pub memory_bytes: Option<u64>,
    /// Parts of the module's names and debugging information that were not read, and why.
    pub problems: Vec<String>,
}

/// Function and what it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UsedBy {
    /// Name of the function.
    pub function: String,
    /// Fuel that it took without the functions that it called, or number of its frames.
    pub amount: u64,
    /// Sum over all functions.
    pub of: u64,
}

/// Function that was being called.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Frame {
    /// Index of the function.
    pub function: u32,
    /// Name of the function, if the module has one.
    pub name: Option<String>,
    /// Offset in the module of the operator: in the innermost frame that at which the run stopped, in others the call.
    pub offset: u32,
    /// Name of the operator, as in the text format.
    pub operator: String,
    /// Name of the function that it calls, if it names one.
    pub callee: Option<String>,
    /// Operands of the operator, except references; of the innermost sixteen frames only. Empty for bulk operators and
    /// growths, and in the innermost frame where the run was stopped between two operators.
    pub operands: Vec<Value>,
    /// What a load or store adds to its address.
    pub access_offset: Option<u64>,
    /// Places in the source, that of the innermost inlined function first. Empty without debugging information.
    pub locations: Vec<Location>,
    /// Values of parameters and locals, except references, at most 64; of the innermost sixteen frames only.
    pub locals: Vec<Local>,
}

/// Parameter or local of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Local {
    /// Index in the function.
    pub index: u32,
    /// Name, if the module has one.
    pub name: Option<String>,
    /// Value.
    pub value: Value,
}

/// Most innermost and outermost frames of an explanation.
const MAX_FRAMES: (usize, usize) = (968, 32);

/// Bytes of a name that are shown.
const MAX_NAME: usize = 1_000;

impl Explanation {
    pub(super) fn new(
        wasm: &[u8],
        stopped: &Stopped,
        called: &[Called],
        memory_bytes: Option<u64>,
        profile: Option<&FuelProfile>,
    ) -> Explanation {
        let symbols = Symbols::read(wasm);
        let outermost = called.len().saturating_sub(MAX_FRAMES.1).max(MAX_FRAMES.0);
        let kept = called.iter().enumerate().filter(|(depth, _)| *depth < MAX_FRAMES.0 || *depth >= outermost);
        let mut frames: Vec<_> = kept.map(|(_, called)| Frame::new(wasm, &symbols, called)).collect();
        if let Some(innermost) = frames.first_mut()
            && is_between_operators(&stopped.reason)
        {
            innermost.operands.clear();
        }
        let used_by = match (profile, &stopped.reason) {
            (Some(profile), _) => fuel_users(profile),
            (None, StopReason::Limit(LimitExceeded::Stack { .. })) => stack_users(called, &symbols),
            _ => Vec::new(),
        };
        Explanation {
            reason: stopped.reason.clone(),
            fuel: stopped.usage.fuel,
            frames,
            depth: called.len() as u64,
            used_by,
            memory_bytes,
            problems: symbols.problems().iter().map(ToString::to_string).collect(),
        }
    }
}

/// Returns whether a run is stopped for this reason where fuel is charged, and not at an operator.
pub(super) fn is_between_operators(reason: &StopReason) -> bool {
    matches!(
        reason,
        StopReason::Limit(LimitExceeded::Fuel { .. })
            | StopReason::Host(
                HostStop::Deadline { .. } | HostStop::Cancelled | HostStop::Injected { fault: InjectedFault::Fuel, .. }
            )
    )
}

/// Returns whether a run is stopped for this reason by what the operator does.
fn is_of_operator(reason: &StopReason) -> bool {
    !is_between_operators(reason) && !matches!(reason, StopReason::Guest(GuestFault::Status { .. }))
}

/// Most functions of [`Explanation::used_by`].
const MAX_USERS: usize = 5;

fn fuel_users(profile: &FuelProfile) -> Vec<UsedBy> {
    let of = profile.fuel();
    let users = profile.functions().into_iter().filter(|user| user.callee != Callee::Belljar && 1_000 * user.own >= of);
    users.take(MAX_USERS).map(|user| UsedBy { function: user.callee.to_string(), amount: user.own, of }).collect()
}

fn stack_users(called: &[Called], symbols: &Symbols) -> Vec<UsedBy> {
    let mut frames = BTreeMap::<u32, u64>::new();
    for called in called {
        *frames.entry(called.function).or_default() += 1;
    }
    let mut users: Vec<_> = frames.into_iter().collect();
    users.sort_by_key(|(function, frames)| (Reverse(*frames), *function));
    let name = |function| symbols.function(function).map_or_else(|| format!("function {function}"), String::from);
    let of = called.len() as u64;
    users.retain(|(_, frames)| 1_000 * frames >= of);
    users.iter().take(MAX_USERS).map(|(user, amount)| UsedBy { function: name(*user), amount: *amount, of }).collect()
}

impl Frame {
    pub(super) fn new(wasm: &[u8], symbols: &Symbols, called: &Called) -> Frame {
        let Called { function, at, .. } = *called;
        let (operator, of) = operator_at(wasm, at).unwrap_or_default();
        let name = |function| symbols.function(function).map_or_else(|| format!("function {function}"), String::from);
        let (access_offset, callee) = match of {
            Of::Nothing => (None, None),
            Of::Access { offset } => (Some(offset), None),
            Of::Function { index } => (None, Some(name(index))),
        };
        let (operands, locals): (Vec<_>, Vec<_>) =
            called.values.iter().copied().partition(|(number, _)| *number >= FIRST_OPERAND);
        let local = |(index, value)| {
            let name = symbols.local(function, index).map(String::from);
            Local { index, name, value }
        };
        Frame {
            function,
            name: symbols.function(function).map(String::from),
            offset: at,
            operator,
            callee,
            operands: operands.into_iter().map(|(_, value)| value).collect(),
            access_offset,
            locations: symbols.locate(at),
            locals: locals.into_iter().map(local).collect(),
        }
    }
}

impl fmt::Display for Explanation {
    /// Formats the functions, the innermost first, each with its places in the source, as `wasmtime` does; in the first
    /// also the operands of the operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.frames.is_empty() {
            writeln!(f, "    before the first function of the guest")?;
        }
        let (innermost, outermost) = self.frames.split_at(self.frames.len().min(MAX_FRAMES.0));
        self.write_frames(f, innermost, 0)?;
        let first = self.depth.saturating_sub(outermost.len() as u64);
        if let Some(left_out) = first.checked_sub(innermost.len() as u64).filter(|left_out| *left_out > 0) {
            writeln!(f, "       … {left_out} more")?;
        }
        self.write_frames(f, outermost, first)?;
        for UsedBy { function, amount, of } in &self.used_by {
            let percent = 100.0 * *amount as f64 / (*of).max(1) as f64;
            let what = if is_between_operators(&self.reason) { "fuel" } else { "frames" };
            writeln!(f, "{percent:>6.1} % of the {what}: {}", escape(function, MAX_NAME))?;
        }
        Ok(())
    }
}

/// Most frames of a cycle that is shown once. Functions that call each other in turn are seldom more.
const MAX_CYCLE: usize = 4;

/// Returns the number of frames of the cycle that the first frames repeat, and how often they are there in a row: the
/// cycle with which most frames are shown once, and of such the shortest.
fn first_cycle(frames: &[Frame]) -> (usize, usize) {
    let of = |cycle: usize| {
        let later = frames.get(cycle..).unwrap_or_default();
        let pairs = frames.iter().zip(later);
        let same = pairs.take_while(|(a, b)| (a.function, a.offset) == (b.function, b.offset)).count();
        (cycle, 1 + same / cycle)
    };
    let folded = |(cycle, times): (usize, usize)| if times > 1 { cycle * times } else { 0 };
    (2..=MAX_CYCLE).map(of).fold(of(1), |best, other| if folded(other) > folded(best) { other } else { best })
}

fn write_name(f: &mut fmt::Formatter<'_>, depth: u64, name: Option<&str>, frame: &Frame) -> fmt::Result {
    write!(f, "{depth:>5}: {:#8x} - ", frame.offset)?;
    match name {
        Some(name) => writeln!(f, "{}", escape(name, MAX_NAME)),
        None => writeln!(f, "function {}", frame.function),
    }
}

impl Explanation {
    /// Writes frames, equal ones in a row once, and those of a cycle too; `depth` is that of the first.
    fn write_frames(&self, f: &mut fmt::Formatter<'_>, mut frames: &[Frame], mut depth: u64) -> fmt::Result {
        while !frames.is_empty() {
            let (cycle, times) = first_cycle(frames);
            let (same, others) = frames.split_at_checked(cycle * times).unwrap_or((frames, &[]));
            for (frame, depth) in same.iter().take(cycle).zip(depth..) {
                self.write_frame(f, frame, depth)?;
            }
            match (cycle, times - 1) {
                (_, 0) => {}
                (1, more) => writeln!(f, "            … {more} more of these")?,
                (_, more) => writeln!(f, "            … {more} more of these {cycle}")?,
            }
            depth += same.len() as u64;
            frames = others;
        }
        Ok(())
    }

    fn write_frame(&self, f: &mut fmt::Formatter<'_>, frame: &Frame, depth: u64) -> fmt::Result {
        let inlined = frame.locations.len().saturating_sub(1);
        for (level, location) in frame.locations.iter().enumerate() {
            let name = if level < inlined { location.function.as_deref() } else { frame.name.as_deref() };
            write_name(f, depth, name, frame)?;
            writeln!(f, "            at {location}")?;
        }
        if frame.locations.is_empty() {
            write_name(f, depth, frame.name.as_deref(), frame)?;
        }
        if depth == 0 && is_of_operator(&self.reason) {
            self.write_operator(f, frame)?;
        }
        Ok(())
    }

    /// Writes the operator of the innermost frame with its operands: `i32.load at 0x10f000 + 8, memory is 0x10000`.
    fn write_operator(&self, f: &mut fmt::Formatter<'_>, frame: &Frame) -> fmt::Result {
        write!(f, "            {}", frame.operator)?;
        if let Some(callee) = &frame.callee {
            write!(f, " {}", escape(callee, MAX_NAME))?;
        }
        match (frame.access_offset, frame.operands.split_first()) {
            (Some(offset), Some((Value::I32(address), values))) => {
                write!(f, " at {:#x} + {offset}", *address as u32)?;
                if let Some(value) = values.first() {
                    write!(f, " of {value}")?;
                }
                if let Some(bytes) = self.memory_bytes {
                    write!(f, ", memory is {bytes:#x}")?;
                }
            }
            (_, Some((first, others))) => {
                write!(f, " {first}")?;
                others.iter().try_for_each(|value| write!(f, ", {value}"))?;
            }
            (_, None) => {}
        }
        writeln!(f)
    }
}
