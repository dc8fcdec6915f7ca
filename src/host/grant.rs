//! Custom host functions that a run may not call, since a capability that they require is not granted.

use alloc::{collections::BTreeSet, format, string::String, sync::Arc, vec::Vec};

use super::function::HostFunction;
use crate::{
    abi::name::Name,
    error::{GuestFault, StopReason},
};

/// The functions that are denied, each with the first capability that the run lacks.
#[derive(Debug)]
pub(crate) struct Denied(Vec<(Name, Arc<str>)>);

impl Denied {
    /// Lists the functions that require a capability which is not granted. Returns `None` if there are none.
    pub(crate) fn of(functions: &[HostFunction], grants: &BTreeSet<String>) -> Option<Arc<Denied>> {
        let lacks = |function: &HostFunction| {
            let lacking = function.requires.iter().find(|capability| !grants.contains(&***capability))?;
            Some((function.name.clone(), Arc::clone(lacking)))
        };
        let denied: Vec<_> = functions.iter().filter_map(lacks).collect();
        (!denied.is_empty()).then(|| Arc::new(Denied(denied)))
    }

    /// Returns the reason why a function may not be called, if it may not.
    pub(super) fn reason(&self, name: &Name) -> Option<StopReason> {
        let (_, capability) = self.0.iter().find(|(denied, _)| denied == name)?;
        let function = format!("{}.{}", name.module, name.function);
        Some(StopReason::Guest(GuestFault::Denied { capability: (&**capability).into(), function, detail: None }))
    }
}
