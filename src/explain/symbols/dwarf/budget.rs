//! What reading debug information may take.

/// Steps for each byte. A compiler's take less than one.
const STEPS: u64 = 4;

/// Bytes that are kept for each byte. Of a compiler's, about one is kept.
const KEPT: u64 = 4;

/// Steps and kept bytes that are granted whatever the size, as small sections vary most.
const LEAST: u64 = 1 << 20;

/// Steps and kept bytes that are left. Both are proportional to the size of the sections, and thus to that of the module.
#[derive(Debug)]
pub(super) struct Budget {
    steps: u64,
    kept: u64,
}

/// Reason why reading ends before the end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The part that is being read is damaged.
    Damaged(gimli::Error),
    /// The budget is spent.
    Costly,
}

impl From<gimli::Error> for Stop {
    fn from(error: gimli::Error) -> Stop {
        Stop::Damaged(error)
    }
}

impl Budget {
    /// Returns the budget of sections with a number of bytes.
    pub(super) fn of(bytes: u64) -> Budget {
        Budget { steps: LEAST + STEPS * bytes, kept: LEAST + KEPT * bytes }
    }

    /// Takes steps: one for what is read in constant time.
    pub(super) fn take(&mut self, steps: usize) -> Result<(), Stop> {
        self.steps = self.steps.checked_sub(steps as u64).ok_or(Stop::Costly)?;
        Ok(())
    }

    /// Takes bytes that are kept.
    pub(super) fn keep(&mut self, bytes: usize) -> Result<(), Stop> {
        self.kept = self.kept.checked_sub(bytes as u64).ok_or(Stop::Costly)?;
        Ok(())
    }
}
