//! Lines of operators.

use std::ops::Range;

use super::{
    Place,
    budget::{Budget, Stop},
};
use crate::explain::symbols::{
    Addresses,
    bodies::{Bodies, Body},
};

/// Lines of operators, by their addresses.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rows: Vec<Row>,
    /// Sequences that do not overlap, in the order of addresses.
    sequences: Vec<Sequence>,
}

/// Operators from an address to that of the next row.
#[derive(Debug, Clone, Copy)]
struct Row {
    address: u32,
    place: Place,
}

/// Rows of operators that follow each other.
#[derive(Debug)]
struct Sequence {
    addresses: Addresses,
    rows: Range<usize>,
}

impl Lines {
    /// Adds a row to the sequence that is being read, in which addresses grow.
    pub(super) fn push(&mut self, address: u32, place: Place, budget: &mut Budget) -> Result<(), Stop> {
        let start = self.open();
        match self.rows.get_mut(start..).and_then(|rows| rows.last_mut()) {
            // The last word about an address is what counts.
            Some(last) if last.address == address => last.place = place,
            Some(last) if last.address > address => {}
            _ => {
                budget.keep(size_of::<Row>())?;
                self.rows.push(Row { address, place });
            }
        }
        Ok(())
    }

    /// Ends the sequence that is being read. One that begins in no function is of one that the linker removed.
    pub(super) fn end(&mut self, end: u32, bodies: &Bodies, budget: &mut Budget) -> Result<(), Stop> {
        let start = self.open();
        let begin = self.rows.get(start).map(|row| row.address);
        match begin {
            Some(begin) if begin < end && bodies.at(begin).is_some() => {
                budget.keep(size_of::<Sequence>())?;
                self.sequences.push(Sequence { addresses: begin..end, rows: start..self.rows.len() });
            }
            _ => self.abandon(),
        }
        Ok(())
    }

    /// Leaves out the sequence that is being read.
    pub(super) fn abandon(&mut self) {
        self.rows.truncate(self.open());
    }

    /// Returns where the rows of the sequence begin that is being read.
    fn open(&self) -> usize {
        self.sequences.last().map_or(0, |last| last.rows.end)
    }

    /// Sorts the sequences. Where two overlap, the later one is left out.
    pub(super) fn finish(mut self) -> Lines {
        self.abandon();
        self.sequences.sort_by_key(|sequence| sequence.addresses.start);
        let mut end = 0;
        self.sequences.retain(|sequence| {
            let apart = sequence.addresses.start >= end;
            if apart {
                end = sequence.addresses.end;
            }
            apart
        });
        self
    }

    /// Returns the place of an operator in a body; if it has no line, that of the nearest operator before it that has.
    pub(super) fn at(&self, body: &Body, address: u32) -> Option<Place> {
        let after = self.sequences.partition_point(|sequence| sequence.addresses.start <= address);
        let sequence = self.sequences.get(after.checked_sub(1)?)?;
        if !sequence.addresses.contains(&address) {
            return None;
        }
        let rows = self.rows.get(sequence.rows.clone())?;
        let rows = rows.get(..rows.partition_point(|row| row.address <= address))?;
        let of_body = rows.iter().rev().take_while(|row| row.address >= body.addresses.start);
        of_body.map(|row| row.place).take(MAX_ROWS_BACK).find(|place| place.line > 0)
    }
}

/// Most rows without a line that are passed over on the way back to one that has a line. Compilers write few in turn.
const MAX_ROWS_BACK: usize = 1000;
