//! The stop reasons for errors of the engine.

use alloc::string::ToString;

use wasmi::{
    TrapCode,
    errors::{ErrorKind, InstantiationError, MemoryError, TableError},
};

use super::Machine;
use crate::{
    error::{GuestFault, HostMemoryUse, HostStop, LimitExceeded, StopReason, Trap},
    host::growth,
};

impl Machine {
    /// Returns the stop reason for an error of the engine: the one that the host has set, or else that of the error.
    pub(super) fn reason(&mut self, kind: &ErrorKind) -> StopReason {
        if let Some(reason) = self.store.data_mut().stop.take() {
            return reason;
        }
        let memory = |error: &MemoryError| match error {
            MemoryError::OutOfSystemMemory => {
                StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::GuestMemory })
            }
            _ => StopReason::Guest(GuestFault::Trap(Trap::MemoryOutOfBounds)),
        };
        match kind {
            ErrorKind::TrapCode(code) => self.trap(*code),
            ErrorKind::Memory(error) => memory(error),
            ErrorKind::Instantiation(InstantiationError::FailedToInstantiateMemory(error)) => memory(error),
            ErrorKind::Instantiation(InstantiationError::FailedToInstantiateTable(TableError::OutOfSystemMemory)) => {
                StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::GuestTables })
            }
            ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) | ErrorKind::Table(_) => {
                StopReason::Guest(GuestFault::Trap(Trap::TableOutOfBounds))
            }
            other => StopReason::Host(HostStop::Engine { message: other.to_string() }),
        }
    }

    fn trap(&self, code: TrapCode) -> StopReason {
        let limits = &self.policy.config.limits;
        StopReason::Guest(GuestFault::Trap(match code {
            TrapCode::UnreachableCodeReached => Trap::Unreachable,
            TrapCode::MemoryOutOfBounds => Trap::MemoryOutOfBounds,
            TrapCode::TableOutOfBounds => Trap::TableOutOfBounds,
            TrapCode::IndirectCallToNull => Trap::IndirectCallToNull,
            TrapCode::BadSignature => Trap::BadSignature,
            TrapCode::IntegerDivisionByZero => Trap::IntegerDivisionByZero,
            TrapCode::IntegerOverflow => Trap::IntegerOverflow,
            TrapCode::BadConversionToInteger => Trap::BadConversionToInteger,
            TrapCode::StackOverflow => {
                return StopReason::Limit(LimitExceeded::Stack {
                    call_depth: limits.call_depth,
                    value_stack_bytes: limits.value_stack_bytes,
                });
            }
            TrapCode::OutOfFuel => return self.exhausted(),
            TrapCode::OutOfSystemMemory => {
                return StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::StackOrTables });
            }
            code if growth::is_limiter(code) => {
                return StopReason::Host(HostStop::Engine {
                    message: "the engine reports a denied growth without a stop reason".into(),
                });
            }
            code => return StopReason::Host(HostStop::Engine { message: code.to_string() }),
        }))
    }
}
