//! Large bulk operators and growths, one piece after another.
//!
//! The engine does a bulk operator in one step, without a check of deadline and cancel. In the normal form an operator
//! that moves more than a piece is a loop, and each iteration calls [`next`] for the next operands: first for an empty
//! range at the ends of the ranges, which traps where the operator would; then for one piece after the other, from the
//! end that no earlier piece overwrites. The fuel of the whole operator is charged before the first piece, so that
//! neither totals nor the place of a stop depend on pieces. If the run does not have this fuel, or a growth will be
//! refused, the operands are those of the whole operator, which then ends as it would have.

use core::ops::Range;

use wasmi::Caller;

use super::Host;
use crate::{
    data::inspect::PAGE,
    engine::meter,
    error::{HostStop, StopReason},
    sync::watch::Interrupt,
};

/// The index of [`growth::top_up`](super::growth::top_up) in the table that is added to a module.
pub(crate) const TOP_UP: u32 = 0;
/// The index of [`next`] in that table.
pub(crate) const NEXT: u32 = 1;
/// The size of that table.
pub(crate) const SLOTS: u64 = 2;

/// Bytes that are moved, set or added in one piece: about 50 microseconds, or 200 if they are touched for the first
/// time.
pub(crate) const BYTES: u32 = 1 << 18;
const PIECE: usize = BYTES as usize;
/// Pages that are added in one piece.
pub(crate) const PAGES: u32 = BYTES / PAGE as u32;
/// Table elements that are moved, set or added in one piece.
pub(crate) const ELEMENTS: u32 = BYTES / 4;

/// The kind of an operator that is done piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sets a range to one value.
    FillBytes = 0,
    /// Copies a range within one memory, where the ranges may overlap.
    CopyBytes = 1,
    /// Copies a range from another memory or a segment.
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

    /// Returns the maximum length of a piece.
    pub(crate) fn piece(self) -> u32 {
        match self {
            Kind::FillBytes | Kind::CopyBytes | Kind::MoveBytes => BYTES,
            Kind::FillElements | Kind::CopyElements | Kind::MoveElements | Kind::GrowTable => ELEMENTS,
            Kind::GrowMemory => PAGES,
        }
    }

    /// Returns the fuel that the engine takes for a length.
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

/// The progress of an operator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    is_paid: bool,
    done: u32,
    /// The size before a growth.
    before: u32,
}

/// Whether another piece follows, and the operands of the next operator.
type Next = (u32, u32, u32, u32);

/// The fuel that the engine takes for an iteration of the loop.
const ITERATION: u64 = 1;

/// Returns the next piece of a bulk operator with these operands, or of a growth by `len` of a memory or table with the
/// size `a` and the maximum `b`.
pub(crate) fn next(mut caller: Caller<'_, Host>, a: u32, b: u32, len: u32, kind: u32) -> Result<Next, wasmi::Error> {
    // The guest does not pay for iterations. The engine gets the fuel of those behind the payment before they begin.
    if caller.data().part.is_none_or(|part| !part.is_paid) {
        meter::add_engine_fuel(&mut caller, ITERATION);
    }
    let next = match Kind::ALL.get(kind as usize) {
        Some(kind @ (Kind::GrowMemory | Kind::GrowTable)) => grow(&mut caller, *kind, a, b, len),
        Some(kind) => range(&mut caller, *kind, [a, b, len]),
        None => Err(StopReason::Host(HostStop::Engine { message: "unknown kind of bulk operator".into() })),
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
        // A range that ends beyond 32 bits traps as a whole.
        let Some((to, from)) = at(len) else { return Ok(whole) };
        caller.data_mut().part = Some(Part { is_paid: false, done: 0, before: 0 });
        return Ok((1, to, from, 0));
    };
    let Some((done, piece)) = advance(caller, kind, len, part)? else { return Ok(whole) };
    // No piece overwrites what a later one reads.
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
    let next = advance(caller, kind, len, part);
    if !matches!(next, Ok(Some(_))) {
        caller.data_mut().growth.abandon();
    }
    let Some((_, piece)) = next? else { return Ok((0, 0, FAILED, len)) };
    Ok((caller.data().part.is_some().into(), 0, part.before, piece))
}

/// Advances by a piece: returns the length done before and that of the piece, or `None` if the fuel is not enough for
/// the whole.
fn advance(caller: &mut Caller<'_, Host>, kind: Kind, len: u32, part: Part) -> Result<Option<(u32, u32)>, StopReason> {
    let whole = kind.fuel(len);
    if !part.is_paid && meter::left(&mut *caller) < whole {
        return Ok(None);
    }
    if let Err(reason) = caller.data().check_interrupt() {
        // It stops where a run without enough fuel stops.
        if part.is_paid {
            let left = meter::left(&mut *caller);
            meter::refund(&mut *caller, left + whole);
        }
        return Err(reason);
    }
    if !part.is_paid {
        meter::charge(&mut *caller, whole)?;
    }
    let done = part.done;
    let piece = kind.piece().min(len.saturating_sub(done));
    let more = len > done + piece;
    // All pieces except the last are multiples of what a unit of fuel moves, so their fuel adds up to that of the
    // whole.
    meter::add_engine_fuel(&mut *caller, kind.fuel(piece) + if more { ITERATION } else { 0 });
    caller.data_mut().part = more.then_some(Part { is_paid: true, done: done + piece, ..part });
    Ok(Some((done, piece)))
}

impl Interrupt {
    /// Returns the ranges of the pieces of `len` bytes, or an error in place of a piece if the run is to stop.
    pub(crate) fn pieces(&self, len: usize) -> impl Iterator<Item = Result<Range<usize>, StopReason>> {
        self.checked((0..len).step_by(PIECE).map(move |at| at..len.min(at + PIECE)))
    }

    /// Returns the pieces of bytes, or an error in place of a piece if the run is to stop.
    pub(crate) fn chunks<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = Result<&'b [u8], StopReason>> {
        self.checked(bytes.chunks(PIECE))
    }

    /// Returns the pieces of bytes that are written to, or an error in place of a piece if the run is to stop.
    pub(crate) fn chunks_mut<'b>(&self, bytes: &'b mut [u8]) -> impl Iterator<Item = Result<&'b mut [u8], StopReason>> {
        self.checked(bytes.chunks_mut(PIECE))
    }

    fn checked<P>(&self, pieces: impl Iterator<Item = P>) -> impl Iterator<Item = Result<P, StopReason>> {
        pieces.enumerate().map(|(number, piece)| {
            // The first piece belongs to the start of the call.
            if number > 0 {
                self.check()?;
            }
            Ok(piece)
        })
    }
}
