//! An instance that can be called after a trap, as the suite does it.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use belljar::{
    CallError, Error, Instance, Module, StopReason, Value,
    inspect::{Export, ExternType},
};

use crate::{answers::Answers, link::Linked, reason::Reason, verdict::Verdict};

/// The bytes of a page.
const PAGE: usize = 65_536;

/// An instance whose state outlives traps.
///
/// Belljar calls no instance again that a trap has stopped. So it is reset, all calls that were made before are made
/// once more, and the exported memory is made what the trap left. What is not exported can differ from what the suite
/// has then only where the call that trapped had changed it before.
pub struct Guest {
    instance: Instance,
    /// The calls that ended well.
    calls: Vec<(String, Vec<Value>)>,
    is_stopped: bool,
    /// The answers of other instances to it.
    answers: Arc<Mutex<Answers>>,
    /// The reason for which the state may be another one than the suite has.
    doubt: Option<Reason>,
}

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Done(Vec<Value>),
    Stopped(StopReason),
}

impl Guest {
    /// Makes the instance of a module; `Err` where its start is stopped.
    pub fn new(linked: &Linked, module: &Module) -> Result<Guest, Error> {
        let (instance, answers) = (linked.sandbox.instance(module)?, Arc::clone(&linked.answers));
        let guest = Guest { instance, calls: Vec::new(), is_stopped: false, answers, doubt: None };
        guest.answers(Answers::keep);
        Ok(guest)
    }

    /// Returns its module.
    pub fn module(&self) -> &Module {
        self.instance.module()
    }

    /// Calls an export; `Err` where that cannot be.
    pub fn call(&mut self, name: &str, arguments: &[Value]) -> Result<End, Verdict> {
        if self.is_stopped {
            self.revive()?;
        }
        match self.instance.call_values(name, arguments) {
            Ok(outcome) => {
                self.calls.push((name.into(), arguments.into()));
                self.answers(Answers::keep);
                Ok(End::Done(outcome.results))
            }
            Err(Error::Stopped(stopped)) => {
                self.is_stopped = true;
                Ok(End::Stopped(stopped.reason))
            }
            Err(Error::Call(error)) if matches!(*error, CallError::Reference { .. }) => Err(self.cannot_be_called()),
            Err(error) => Err(Verdict::Failed(error.to_string())),
        }
    }

    /// Tells why its state, or what others answered it, may be another one than in the suite.
    pub fn doubt(&self) -> Option<Reason> {
        self.doubt.or(self.answers.lock().expect("no call panics").doubt)
    }

    /// Notes that something that is left out may have changed what it exports.
    pub fn set_doubt(&mut self) {
        self.doubt = Some(Reason::StateBefore);
    }

    /// Notes that a call could not be made, for want of references.
    pub fn cannot_be_called(&mut self) -> Verdict {
        self.set_doubt();
        Verdict::Left(Reason::References)
    }

    /// Returns the value of an exported global; `Err` where that is a reference, or there is none.
    pub fn global(&self, name: &str) -> Result<Value, Verdict> {
        let is_there = |export: &Export| export.name == name && matches!(export.ty, ExternType::Global(_));
        match self.instance.global(name) {
            Some(value) => Ok(value),
            None if self.module().inspect().exports.iter().any(is_there) => Err(Verdict::Left(Reason::References)),
            None => Err(Verdict::Failed(format!("no global `{name}` is exported"))),
        }
    }

    /// Brings the instance back to what it was when it was stopped.
    fn revive(&mut self) -> Result<(), Verdict> {
        let (memory, globals) = (self.instance.memory().to_vec(), self.globals());
        let failed = |error: Error| Verdict::Failed(format!("a call that is made once more: {error}"));
        self.answers(Answers::repeat);
        self.instance.reset().map_err(failed)?;
        for (name, arguments) in &self.calls {
            self.instance.call_values(name, arguments).map_err(failed)?;
        }
        let more = memory.len().saturating_sub(self.instance.memory().len());
        if more > 0 {
            self.instance.grow_memory((more / PAGE) as u64).map_err(failed)?;
        }
        self.instance.memory_mut().copy_from_slice(&memory);
        if self.globals() != globals {
            self.doubt.get_or_insert(Reason::StateOfTrap);
        }
        self.is_stopped = false;
        Ok(())
    }

    fn answers(&self, then: impl FnOnce(&mut Answers)) {
        then(&mut self.answers.lock().expect("no call panics"));
    }

    fn globals(&self) -> Vec<Option<Value>> {
        let exports = &self.module().inspect().exports;
        let names = exports.iter().filter(|export| matches!(export.ty, ExternType::Global(_)));
        names.map(|export| self.instance.global(&export.name)).collect()
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Done(values) => {
                let text: Vec<_> = values.iter().map(|value| format!("{}:{value}", value.ty())).collect();
                write!(f, "({})", text.join(", "))
            }
            End::Stopped(reason) => write!(f, "{reason}"),
        }
    }
}
