//! Linking of custom host functions: those that require a capability that is not granted stop the run.

use alloc::{collections::BTreeSet, format, string::String, sync::Arc};

use wasmi::Linker;

use super::{Host, dynamic::dynamic, function::HostFunction};
use crate::error::GuestFault;

impl HostFunction {
    /// Links the function. If a capability that it needs is not granted, each call stops the run with
    /// [`GuestFault::Denied`] instead.
    pub(crate) fn link(&self, linker: &mut Linker<Host>, grants: &BTreeSet<String>) -> Result<(), wasmi::Error> {
        match self.requires.iter().find(|capability| !grants.contains(&***capability)) {
            None => (self.bind)(linker),
            Some(capability) => (self.denied(capability).bind)(linker),
        }
    }

    /// Returns a function of the same name and type that stops the run.
    fn denied(&self, capability: &Arc<str>) -> HostFunction {
        let capability = Arc::clone(capability);
        dynamic(self.name.clone(), self.ty.clone(), false, move |_, name, _| {
            let function = format!("{}.{}", name.module, name.function);
            Err(GuestFault::Denied { capability: (&*capability).into(), function, detail: None }.into())
        })
    }
}
