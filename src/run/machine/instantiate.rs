//! The instantiation of the module of a run.

use alloc::string::ToString;

use wasmi::{Extern, Func, Instance, Linker, Ref};

use super::Machine;
use crate::{
    abi,
    engine::meter,
    error::{HostStop, StopReason},
    host::{Host, growth, pieces},
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
            let top_up = Func::wrap(&mut *self.store, growth::top_up);
            let next = Func::wrap(&mut *self.store, pieces::next);
            let table = instance.get_table(&*self.store, name);
            let set = |(slot, function): (u64, Func)| {
                table.is_some_and(|table| table.set(&mut *self.store, slot, Ref::Func(function.into())).is_ok())
            };
            if ![(pieces::TOP_UP, top_up), (pieces::NEXT, next)].map(|(slot, f)| (slot.into(), f)).into_iter().all(set)
            {
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
            return store.instantiate(module.linker(), module.engine_module());
        };
        let between = module.linker().instantiate_and_start(&mut **store, &adapter.module)?;
        let mut linker: Linker<Host> = module.linker().clone();
        linker.allow_shadowing(true);
        for (i, name) in adapter.names.iter().enumerate() {
            if let Some(function) = between.get_func(&**store, &i.to_string()) {
                linker.define(&name.module, &name.function, function)?;
            }
        }
        linker.instantiate_and_start(&mut **store, module.engine_module())
    }
}
