//! Large bulk operators and growths, one piece after another.
//!
//! The engine does a bulk operator in one go and asks for nothing meanwhile. Where one moves more than a piece, the
//! normal form has a loop in its place, each turn of which asks here for what to do next: first nothing, at the ends
//! of the ranges, which traps where the operator would; then one piece after the other, from the end that no piece
//! before it writes over. The whole is paid for before the first piece, with the fuel of the operator, so that neither
//! totals nor where a run stops depend on pieces. Where the run has not so much fuel, or a growth will be refused, the
//! answer is the whole operator, which then ends as it would have.

use core::ops::Range;

use wasmi::Caller;

use super::Host;
use crate::{error::StopReason, inspect::PAGE, meter, watch::Alarm};

/// The place of [`growth::top_up`](super::growth::top_up) in the table that is added to a module.
pub(crate) const TOP_UP: u32 = 0;
/// The place of [`next`] there.
pub(crate) const NEXT: u32 = 1;
/// The size of that table.
pub(crate) const SLOTS: u64 = 2;

/// Bytes that are moved, set or added in one piece: some 50 microseconds, or 200 where they are touched for the first
/// time.
pub(crate) const BYTES: u32 = 1 << 18;
/// As many bytes, in pages.
pub(crate) const PAGES: u32 = BYTES / PAGE as u32;
/// As many bytes, in elements of tables.
pub(crate) const ELEMENTS: u32 = BYTES / 4;

/// What is done piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A range is set to one value.
    FillBytes = 0,
    /// A range is copied to where it may overlap.
    CopyBytes = 1,
    /// A range is copied from elsewhere.
    MoveBytes = 2,
    FillElements = 3,
    CopyElements = 4,
    MoveElements = 5,
    GrowMemory = 6,
    GrowTable = 7,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::FillBytes,
        Kind::CopyBytes,
        Kind::MoveBytes,
        Kind::FillElements,
        Kind::CopyElements,
        Kind::MoveElements,
        Kind::GrowMemory,
        Kind::GrowTable,
    ];

    /// Returns what one piece has at most.
    pub(crate) fn piece(self) -> u32 {
        match self {
            Kind::FillBytes | Kind::CopyBytes | Kind::MoveBytes => BYTES,
            Kind::FillElements | Kind::CopyElements | Kind::MoveElements | Kind::GrowTable => ELEMENTS,
            Kind::GrowMemory => PAGES,
        }
    }

    /// Returns the fuel that the engine takes for so much.
    fn fuel(self, len: u32) -> u64 {
        let len = u64::from(len);
        match self {
            Kind::FillBytes | Kind::CopyBytes | Kind::MoveBytes => len / meter::BYTES_PER_FUEL,
            Kind::FillElements | Kind::CopyElements | Kind::MoveElements | Kind::GrowTable => {
                len / meter::ELEMENTS_PER_FUEL
            }
            Kind::GrowMemory => len * (PAGE / meter::BYTES_PER_FUEL),
        }
    }

    fn is_fill(self) -> bool {
        matches!(self, Kind::FillBytes | Kind::FillElements)
    }

    fn is_within(self) -> bool {
        matches!(self, Kind::CopyBytes | Kind::CopyElements)
    }
}

/// How far an operator has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    is_paid: bool,
    done: u32,
    /// What a growth began with.
    before: u32,
}

/// Whether there is more to do, and the operands of the operator that is to be done next.
type Next = (u32, u32, u32, u32);

/// The fuel that the engine takes for a turn of the loop.
const TURN: u64 = 1;

/// Returns what is to be done next of a bulk operator with these operands, or of a growth by `len` of a memory or table whose
/// size and maximum the others are.
pub(crate) fn next(mut caller: Caller<'_, Host>, a: u32, b: u32, len: u32, kind: u32) -> Result<Next, wasmi::Error> {
    // The guest does not pay for turns. Those behind the payment are given to the engine before it begins them.
    if caller.data().part.is_none_or(|part| !part.is_paid) {
        meter::give(&mut caller, TURN);
    }
    let next = match Kind::ALL.get(kind as usize) {
        Some(kind @ (Kind::GrowMemory | Kind::GrowTable)) => grow(&mut caller, *kind, a, b, len),
        Some(kind) => range(&mut caller, *kind, [a, b, len]),
        None => Err(StopReason::Engine { message: "there is no such kind of operator".into() }),
    };
    next.map_err(|reason| {
        let host = caller.data_mut();
        (host.part, host.stop) = (None, Some(reason));
        // The reason is in the store; this only makes the engine return.
        wasmi::Error::i32_exit(0)
    })
}

fn range(caller: &mut Caller<'_, Host>, kind: Kind, [to, from, len]: [u32; 3]) -> Result<Next, StopReason> {
    let whole = (0, to, from, len);
    let at = |offset: u32| {
        let from = if kind.is_fill() { Some(from) } else { from.checked_add(offset) };
        to.checked_add(offset).zip(from)
    };
    let Some(part) = caller.data_mut().part.take() else {
        // A range that ends past what 32 bits tell traps as a whole.
        let Some((to, from)) = at(len) else { return Ok(whole) };
        caller.data_mut().part = Some(Part { is_paid: false, done: 0, before: 0 });
        return Ok((1, to, from, 0));
    };
    let Some((done, piece)) = go_on(caller, kind, len, part)? else { return Ok(whole) };
    // No piece writes over what a later one reads.
    let offset = if kind.is_within() && to < from { done } else { len - done - piece };
    let (to, from) = at(offset).unwrap_or((to, from));
    Ok((caller.data().part.is_some().into(), to, from, piece))
}

fn grow(caller: &mut Caller<'_, Host>, kind: Kind, size: u32, max: u32, len: u32) -> Result<Next, StopReason> {
    const FAILED: u32 = u32::MAX;
    let part = match caller.data_mut().part.take() {
        Some(part) => part,
        None if caller.data_mut().growth.begin(kind, [size, max, len]) => {
            Part { is_paid: false, done: 0, before: size }
        }
        None => return Ok((0, 0, FAILED, len)),
    };
    let next = go_on(caller, kind, len, part);
    if !matches!(next, Ok(Some(_))) {
        caller.data_mut().growth.give_up();
    }
    let Some((_, piece)) = next? else { return Ok((0, 0, FAILED, len)) };
    Ok((caller.data().part.is_some().into(), 0, part.before, piece))
}

/// Goes on by a piece: returns what was done before and how much the piece is, or nothing if the fuel does not reach
/// for the whole.
fn go_on(caller: &mut Caller<'_, Host>, kind: Kind, len: u32, part: Part) -> Result<Option<(u32, u32)>, StopReason> {
    let whole = kind.fuel(len);
    if !part.is_paid && meter::left(&mut *caller) < whole {
        return Ok(None);
    }
    if let Err(reason) = caller.data().ask() {
        // It stops where a run stops whose fuel does not reach.
        if part.is_paid {
            let left = meter::left(&mut *caller);
            meter::give_back(&mut *caller, left + whole);
        }
        return Err(reason);
    }
    if !part.is_paid {
        meter::charge(&mut *caller, whole)?;
    }
    let done = part.done;
    let piece = kind.piece().min(len.saturating_sub(done));
    let more = len > done + piece;
    // Pieces but the last are multiples of what a unit of fuel moves, so that these add up to the whole.
    meter::give(&mut *caller, kind.fuel(piece) + if more { TURN } else { 0 });
    caller.data_mut().part = more.then_some(Part { is_paid: true, done: done + piece, ..part });
    Ok(Some((done, piece)))
}

impl Alarm {
    /// Returns the ranges of the pieces of so many bytes, which end with an error where the run is to stop.
    pub(crate) fn pieces(&self, len: usize) -> impl Iterator<Item = Result<Range<usize>, StopReason>> + use<'_> {
        let piece = BYTES as usize;
        (0..len).step_by(piece).map(move |at| {
            // The first is begun with the call.
            if at > 0 {
                self.ask()?;
            }
            Ok(at..len.min(at + piece))
        })
    }
}
