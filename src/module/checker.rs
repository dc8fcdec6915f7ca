//! The normal form, checked on the module that goes to the engine.
//!
//! The check knows the rules and nothing of the pass that makes the form, so that a mistake of the pass is
//! refused and not run. Types are left to validation.

use alloc::vec::Vec;

use wasmparser::{BinaryReader, BinaryReaderError, Encoding, Operator, Parser, Payload, TypeRef};

use self::body::Body;
use super::sizes;
use crate::inspect::PAGE;

mod body;
mod operands;
#[cfg(test)]
mod tests;

/// A place where a module is not in normal form, and the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotNormal {
    pub(super) offset: u64,
    pub(super) rule: Rule,
}

/// A rule of the normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The bytes are a module, whose operators belljar runs.
    Malformed,
    /// A block has no parameters and no results.
    BlockType,
    /// The stack holds what an operator takes, and no more if that begins or ends a block or leaves it.
    Stack,
    /// A branch carries no values.
    BranchValues,
    /// An operator can be reached.
    DeadCode,
    /// The condition of a `select` is a `local.get` right before it.
    Select,
    /// No branch and no trap is decided by immediates.
    Immediate,
    /// Charges are pairs and then nops, and begin a body, a `loop`, an `if` or an `else`.
    Charge,
    /// There is no `v128.store8_lane` and no `v128.store16_lane`.
    LaneStore,
    /// An integer store that the engine encodes the long way does not take one local twice.
    Store,
    /// A `table.grow` comes right behind the call of the reserve.
    TableGrow,
    /// A bulk operator or a growth of a memory is for no more than a piece.
    Piece,
    /// There is no start section.
    StartSection,
}

type Result<T = ()> = core::result::Result<T, Rule>;

impl From<BinaryReaderError> for Rule {
    fn from(_: BinaryReaderError) -> Self {
        Rule::Malformed
    }
}

/// Checks that a module is in normal form.
pub(super) fn is_normal(bytes: &[u8]) -> core::result::Result<(), NotNormal> {
    let mut at = 0;
    check(bytes, &mut at).map_err(|rule| NotNormal { offset: at as u64, rule })
}

/// The numbers of parameters and results of the host's functions.
const HOST_TYPES: [(usize, usize); 2] = [(3, 1), (4, 4)];

/// The parts of a module that operators refer to.
#[derive(Debug, Default)]
struct Facts<'m> {
    bytes: &'m [u8],
    /// The numbers of parameters and results of each type.
    types: Vec<(usize, usize)>,
    /// Type indices of all functions.
    functions: Vec<u32>,
    tables: u32,
    /// The size in bytes that each memory begins with.
    memories: Vec<u64>,
}

impl<'m> Facts<'m> {
    /// Returns how many parameters and results a type has.
    fn of_type(&self, index: u32) -> Result<(usize, usize)> {
        self.types.get(index as usize).copied().ok_or(Rule::Malformed)
    }

    /// Returns how many parameters and results a function has.
    fn of_function(&self, index: u32) -> Result<(usize, usize)> {
        self.functions.get(index as usize).ok_or(Rule::Malformed).and_then(|ty| self.of_type(*ty))
    }

    /// Returns whether these are the table of the host, which is the last, and the type of one of its functions, which
    /// are the last two.
    fn is_of_host(&self, ty: u32, table: u32, function: usize) -> bool {
        let Some(first) = self.types.len().checked_sub(HOST_TYPES.len()) else { return false };
        self.types[first..] == HOST_TYPES
            && ty as usize == first + function
            && self.tables.checked_sub(1) == Some(table)
    }

    /// Returns what stands there, or a `nop` if nothing does.
    fn read(&self, at: usize) -> Operator<'m> {
        let bytes = self.bytes.get(at..).unwrap_or_default();
        BinaryReader::new(bytes, at).read_operator().unwrap_or(Operator::Nop)
    }
}

fn check(bytes: &[u8], at: &mut usize) -> Result {
    sizes::check(bytes).map_err(|_| Rule::Malformed)?;
    let mut facts = Facts { bytes, ..Facts::default() };
    let (mut bodies, mut buffers) = (0, Default::default());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding: Encoding::Component, .. } => return Err(Rule::Malformed),
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    let ty = ty?;
                    facts.types.push((ty.params().len(), ty.results().len()));
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports {
                    match import?.ty {
                        TypeRef::Func(ty) => facts.functions.push(ty),
                        TypeRef::Table(_) => facts.tables += 1,
                        TypeRef::Memory(memory) => facts.memories.push(memory.initial.saturating_mul(PAGE)),
                        _ => {}
                    }
                }
                bodies = facts.functions.len() as u32;
            }
            Payload::FunctionSection(types) => {
                for ty in types {
                    facts.functions.push(ty?);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    facts.memories.push(memory?.initial.saturating_mul(PAGE));
                }
            }
            Payload::TableSection(tables) => facts.tables = facts.tables.saturating_add(tables.count()),
            Payload::StartSection { range, .. } => {
                *at = range.start;
                return Err(Rule::StartSection);
            }
            Payload::CodeSectionEntry(body) => {
                let results = facts.of_function(bodies)?.1;
                Body::new(&facts, results, &mut buffers).check(&body, at)?;
                bodies += 1;
            }
            _ => {}
        }
    }
    Ok(())
}
