//! The check that a module for the engine is in normal form.
//!
//! It shares the rules with the pass that produces the form, and no code, so that a module that the pass gets wrong is
//! refused. Types are left to validation.

use alloc::vec::Vec;

use wasmparser::{BinaryReader, BinaryReaderError, Encoding, Operator, Parser, Payload, TypeRef};

use self::body::Body;
use super::sizes;
use crate::data::inspect::PAGE;

mod body;
mod operands;
#[cfg(test)]
mod tests;
mod visitor;

/// An operator that is not in normal form, and the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotNormal {
    pub(super) offset: u64,
    pub(super) rule: Rule,
}

/// A rule of the normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The bytes are a module of supported operators.
    Malformed,
    /// A block has no parameters and no results.
    BlockType,
    /// The stack holds the operands of an operator, and nothing else if that begins, ends or leaves a block.
    Stack,
    /// A branch carries no values.
    BranchValues,
    /// Every operator is reachable.
    DeadCode,
    /// The condition of a `select` is a `local.get` right before it.
    Select,
    /// No branch and no trap depends on immediates only.
    Immediate,
    /// Charges are pairs and then nops, and begin a body, a `loop`, an `if` or an `else`.
    Charge,
    /// There is no `v128.store8_lane` and no `v128.store16_lane`.
    LaneStore,
    /// An integer store with the long encoding of the engine does not take one local twice.
    Store,
    /// A `table.grow` follows the call of the host that tops up the slice.
    TableGrow,
    /// A bulk operator or a growth of a memory has at most a piece.
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
    is_normal_with(bytes, 0)
}

/// Checks that a module with an instrument is in normal form, but for the lengths of bulk operators: what bounds them
/// may be further before them than [`operands::LOOKBACK`]. This number of types follows those of the host's functions.
pub(super) fn is_normal_with(bytes: &[u8], probes: usize) -> core::result::Result<(), NotNormal> {
    let mut at = 0;
    check(bytes, probes, &mut at).map_err(|rule| NotNormal { offset: at as u64, rule })
}

/// The numbers of parameters and results of the host's functions.
const HOST_TYPES: [(usize, usize); 2] = [(3, 1), (4, 4)];

/// The parts of a module that operators refer to.
#[derive(Debug, Default)]
struct Context<'m> {
    bytes: &'m [u8],
    /// The numbers of parameters and results of each type.
    types: Vec<(usize, usize)>,
    /// Type indices of all functions.
    functions: Vec<u32>,
    tables: u32,
    /// The initial size of each memory in bytes.
    memories: Vec<u64>,
    /// The number of types of probes.
    probes: usize,
}

impl<'m> Context<'m> {
    /// Returns the numbers of parameters and results of a type.
    fn of_type(&self, index: u32) -> Result<(usize, usize)> {
        self.types.get(index as usize).copied().ok_or(Rule::Malformed)
    }

    /// Returns the numbers of parameters and results of a function.
    fn of_function(&self, index: u32) -> Result<(usize, usize)> {
        self.functions.get(index as usize).ok_or(Rule::Malformed).and_then(|ty| self.of_type(*ty))
    }

    /// Checks that `table` is the host's table, which is the last, and `ty` the type of one of its functions, whose
    /// types are the last two before those of probes.
    fn is_of_host(&self, ty: u32, table: u32, function: usize) -> bool {
        let types = self.types.len().checked_sub(self.probes).and_then(|end| self.types.get(..end)).unwrap_or_default();
        let Some(first) = types.len().checked_sub(HOST_TYPES.len()) else { return false };
        types.ends_with(&HOST_TYPES) && ty as usize == first + function && self.tables.checked_sub(1) == Some(table)
    }

    /// Returns the operator at an offset, or `nop` if no operator is there.
    fn read(&self, at: usize) -> Operator<'m> {
        let bytes = self.bytes.get(at..).unwrap_or_default();
        BinaryReader::new(bytes, at).read_operator().unwrap_or(Operator::Nop)
    }
}

fn check(bytes: &[u8], probes: usize, at: &mut usize) -> Result {
    sizes::check(bytes).map_err(|_| Rule::Malformed)?;
    let mut context = Context { bytes, probes, ..Context::default() };
    let (mut bodies, mut buffers) = (0, Default::default());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding: Encoding::Component, .. } => return Err(Rule::Malformed),
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    let ty = ty?;
                    context.types.push((ty.params().len(), ty.results().len()));
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports {
                    match import?.ty {
                        TypeRef::Func(ty) => context.functions.push(ty),
                        TypeRef::Table(_) => context.tables += 1,
                        TypeRef::Memory(memory) => context.memories.push(memory.initial.saturating_mul(PAGE)),
                        _ => {}
                    }
                }
                bodies = context.functions.len() as u32;
            }
            Payload::FunctionSection(types) => {
                for ty in types {
                    context.functions.push(ty?);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    context.memories.push(memory?.initial.saturating_mul(PAGE));
                }
            }
            Payload::TableSection(tables) => context.tables = context.tables.saturating_add(tables.count()),
            Payload::StartSection { range, .. } => {
                *at = range.start;
                return Err(Rule::StartSection);
            }
            Payload::CodeSectionEntry(body) => {
                let results = context.of_function(bodies)?.1;
                Body::new(&context, results, &mut buffers).check(&body, at)?;
                bodies += 1;
            }
            _ => {}
        }
    }
    Ok(())
}
