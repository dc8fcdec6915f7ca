//! The slices of fuel in which a run proceeds.

use crate::{engine::meter, error::StopReason, host::pool::PooledStore, sync::watch::Watch};

/// Grants a slice, or more if the next operator requires it, within a budget; returns whether the budget was enough for
/// the operator.
pub(super) fn grant(store: &mut PooledStore, required: u64, budget: &mut u64) -> bool {
    let missing = required.saturating_sub(meter::slice_left(&**store));
    let granted = meter::grant(&mut **store, meter::SLICE.max(missing).min(*budget));
    *budget -= granted;
    granted >= missing
}

/// Checks fuel, deadline and cancel between two slices and grants the next; returns `false` if the budget is used up.
pub(super) fn next(
    store: &mut PooledStore,
    watch: &Watch,
    required: u64,
    budget: &mut u64,
) -> Result<bool, StopReason> {
    if meter::left(&mut **store) < required {
        return Err(store.data().meter.exhausted());
    }
    if *budget == 0 {
        return Ok(false);
    }
    watch.check()?;
    Ok(grant(store, required, budget))
}
