//! Fault injection.

use serde::{Deserialize, Serialize};

use super::{
    Config, NumberKey,
    key::{ConfigKey, ScalarKey, number, setters},
};
use crate::error::Unit;

/// Faults to inject into a run, to test how guest and host handle them; none by default.
///
/// Each is at a fixed number of fuel, calls or growths, however the run is sliced: a run with a fault is as
/// reproducible as one without. Neither guest nor host functions can detect one in advance. An
/// [`Instance`](crate::Instance) counts over all its calls since it was created or reset.
///
/// ```
/// use belljar::{Config, HostStop, Sandbox, StopReason, error::InjectedFault};
///
/// let sandbox = Sandbox::new(Config::default().with_stop_at_fuel(1_500))?;
/// let loops = "(loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))";
/// let module = sandbox.load_text(&format!("(module (func (export \"_start\") (local i32) {loops}))"))?;
/// let stopped = sandbox.run(&module, b"").unwrap_err();
/// let injected = HostStop::Injected { fault: InjectedFault::Fuel, number: 1_500 };
/// assert_eq!(stopped.stop_reason(), Some(&StopReason::Host(injected)));
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Faults {
    /// Stops the run with [`HostStop::Injected`](crate::HostStop::Injected) at the first charge that
    /// would make it more fuel than this.
    ///
    /// That charge is not taken, and its operators do not run: `usage.fuel` is the fuel used before it, at most
    /// this number. A run that needs no more than this ends as without the
    /// fault. Where it equals `limits.fuel` the fault comes first; where it is beyond, the limit does.
    pub stop_at_fuel: Option<u64>,
    /// Stops the run with [`HostStop::Injected`](crate::HostStop::Injected) in its call of the host with
    /// this number, the first being 1, before the function does or charges anything.
    ///
    /// Functions of `env` and of the embedding program count alike, as for `limits.host_calls`, which comes
    /// first where both are met. The call is counted: `usage.host_calls` is its number.
    pub fail_host_call: Option<u64>,
    /// Refuses the growth with this number, the first being 1: `memory.grow` or `table.grow` returns -1 to the
    /// guest, as if memory had run out, and the run goes on.
    ///
    /// Every possible growth is counted, those beyond a limit too: the denied one returns -1 whatever
    /// `on_growth_limit` says. Not counted are initial sizes, growth by 0, and growth that returns -1 in any case:
    /// beyond the maximum that the module declares, or beyond 32 bits. A denied growth costs the operator's 255
    /// fuel and nothing for what it would have added.
    pub deny_growth: Option<u64>,
}

/// The keys.
pub(super) static KEYS: [ConfigKey; 3] = [
    key(number!(
        fault("faults.stop_at_fuel", Unit::Fuel, "the meter, as `limits.fuel`; off unless set"),
        Some(faults.stop_at_fuel)
    )),
    key(number!(
        fault("faults.fail_host_call", Unit::Calls, "every host function, before its body; off unless set"),
        Some(faults.fail_host_call)
    )),
    key(number!(
        fault("faults.deny_growth", Unit::Growths, "the engine's limiter, before the limits; off unless set"),
        Some(faults.deny_growth)
    )),
];

/// Makes a key that policies do not have.
const fn key(key: ScalarKey) -> ConfigKey {
    ConfigKey::Scalar(ScalarKey { policy: None, ..key })
}

const fn fault(path: &'static str, unit: Unit, enforced: &'static str) -> NumberKey {
    NumberKey { path, unit, min: 1, max: 1_000_000_000_000_000, plugin: 0, large: 0, enforced }
}

impl Faults {
    pub(super) const NONE: Faults = Faults { stop_at_fuel: None, fail_host_call: None, deny_growth: None };
}

setters! {
    /// Sets `faults.stop_at_fuel`, in fuel.
    with_stop_at_fuel: u64 => faults.stop_at_fuel;
    /// Sets `faults.fail_host_call`, the number of the call, from 1.
    with_fail_host_call: u64 => faults.fail_host_call;
    /// Sets `faults.deny_growth`, the number of the growth, from 1.
    with_deny_growth: u64 => faults.deny_growth;
}
