//! The instantiation of the module of a run.

use alloc::{string::ToString, vec::Vec};

use wasmi::{Extern, Func, Instance, Ref};

use super::Machine;
use crate::{
    abi::{self, name::Name},
    engine::meter,
    error::{HostStop, StopReason},
    host::import::Import,
};

impl Machine {
    /// Creates the instance, and puts the host's functions into the table through which the normal form calls them.
    pub(super) fn instantiate(&mut self) -> Result<(), StopReason> {
        let fuel = self.module.instantiation();
        let before = meter::left(&mut *self.store);
        meter::charge(&mut *self.store, fuel)?;
        let instance = self.link_instance().map_err(|error| match self.reason(error.kind()) {
            reason @ StopReason::Host(HostStop::Deadline { .. } | HostStop::Cancelled) => {
                meter::refund(&mut *self.store, before);
                reason
            }
            reason => reason,
        })?;
        let name = self.module.inspect().memory_export().unwrap_or(abi::MEMORY);
        let memory = instance.get_export(&*self.store, name).and_then(Extern::into_memory);
        self.store.data_mut().memory = memory;
        self.instance = Some(instance);
        self.store.data_mut().growth.counted = true;
        if let Some(name) = self.module.host_table() {
            let helpers = self.store.helpers();
            let table = instance.get_table(&*self.store, name);
            #[cfg(feature = "explain")]
            let is_probed = self.set_probes(instance, table);
            #[cfg(not(feature = "explain"))]
            let is_probed = true;
            let set = |(slot, function): (u64, Func)| {
                table.is_some_and(|table| table.set(&mut *self.store, slot, Ref::Func(function.into())).is_ok())
            };
            if !helpers.into_iter().all(set) || !is_probed {
                return Err(StopReason::Host(HostStop::Engine {
                    message: "the instance lacks the table of the host".into(),
                }));
            }
        }
        Ok(())
    }

    /// Instantiates the module, with an adapter between it and the async host functions that it imports, if any.
    fn link_instance(&mut self) -> Result<Instance, wasmi::Error> {
        let Machine { module, store, .. } = self;
        let Some(adapter) = module.adapter() else {
            return store.instantiate(module.imports(), module.engine_module());
        };
        let imports = Import::make(&adapter.imports, store, None, |_| None);
        let between = Instance::new(&mut **store, &adapter.module, &imports)?;
        let names = adapter.imports.iter().filter_map(|import| match import {
            Import::Function(name, _) => Some(name),
            Import::Memory => None,
        });
        let functions: Vec<_> = (0_usize..)
            .zip(names)
            .filter_map(|(i, name)| Some((name, between.get_func(&**store, &i.to_string())?)))
            .collect();
        let replaced = |name: &Name| functions.iter().find(|(other, _)| *other == name).map(|(_, function)| *function);
        let imports = Import::make(module.imports(), store, None, replaced);
        Instance::new(&mut **store, module.engine_module(), &imports)
    }
}
