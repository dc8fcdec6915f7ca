//! The operators of function bodies: only those of proposals that are switched on, bounded in what
//! makes an engine recurse or multiply, and noted where the engine needs help.

use alloc::vec::Vec;

use wasmparser::{BlockType, FunctionBody, MemArg, Operator};

use super::{
    check_memory,
    rewrite::{Patch, PatchKind},
    scan::{limit, malformed},
    work::{self, Work},
};
use crate::{
    config::{ModuleLimits, bound},
    error::ModuleError,
    meter,
    value::FuncType,
};

/// The operators of all functions: what is summed and noted over them.
#[derive(Debug)]
pub(super) struct Operators<'m> {
    limits: &'m ModuleLimits,
    types: &'m [FuncType],
    /// Type indices of all functions.
    functions: &'m [u32],
    locals: u64,
    pub(super) work: Work,
    pub(super) patches: Vec<Patch>,
    /// The function itself, and the blocks that are open in it.
    labels: Vec<Label>,
    /// What the last two operators may have left.
    last: [Last; 2],
    /// Whether the engine's last comparison may be one with zero.
    equality: bool,
    /// Whether the last patch replaces an operator whose end is not known yet.
    replaces: bool,
    size_bytes: u64,
    /// So much work has had its memory asked for.
    asked: u64,
}

/// How many values are moved to leave a block.
#[derive(Debug, Clone, Copy)]
struct Label {
    /// By a branch to it.
    branch: u64,
    /// By its end.
    end: u64,
}

type Result<T = ()> = core::result::Result<T, ModuleError>;

impl<'m> Operators<'m> {
    /// The work is what has been done before, on a module of so many bytes.
    pub(super) fn new(
        limits: &'m ModuleLimits,
        types: &'m [FuncType],
        functions: &'m [u32],
        work: Work,
        size_bytes: u64,
    ) -> Self {
        Operators {
            limits,
            types,
            functions,
            locals: 0,
            work,
            patches: Vec::new(),
            labels: Vec::new(),
            last: [Last::Other; 2],
            equality: false,
            replaces: false,
            size_bytes,
            asked: 0,
        }
    }

    /// Checks the locals of the function with this index, whose operators come next.
    pub(super) fn begin(&mut self, function: usize, body: &FunctionBody<'_>) -> Result {
        let cells = self.check_locals(body)?;
        let reader = body.get_operators_reader().map_err(malformed)?;
        if cells >= PRICED_CELLS {
            let fuel = (8 * cells / meter::BYTES_PER_FUEL) as u32;
            self.work.add(2 * u64::from(fuel))?;
            self.patch(reader.original_position(), PatchKind::Charge(fuel))?;
        }
        let results = self.functions.get(function).map_or(0, |ty| self.results(BlockType::FuncType(*ty)));
        self.labels.clear();
        self.labels.push(Label { branch: results, end: results });
        self.last = [Last::Other; 2];
        self.equality = false;
        Ok(())
    }

    /// Checks the next operator, which needs what belljar does not run, if anything.
    ///
    /// Where the kind of operator is known when this crate is compiled, little is left of it.
    #[inline(always)]
    pub(super) fn check(&mut self, operator: &Operator<'_>, missing: Option<&'static str>, offset: usize) -> Result {
        match self.values_moved(operator) {
            None => self.work.add(1)?,
            Some(values) => {
                self.work.add(1 + values)?;
                let sum = self.work.sum();
                if sum > self.asked {
                    // Some more, so that it is not asked for operator by operator.
                    self.ask(sum.saturating_add(sum / 4))?;
                }
            }
        }
        if let Some(feature) = missing {
            return Err(ModuleError::Unsupported { feature, offset: offset as u64 });
        }
        match operator {
            Operator::If { blockty } => {
                self.work.add(work::IF)?;
                self.open(*blockty, self.results(*blockty))?;
            }
            Operator::Block { blockty } => self.open(*blockty, self.results(*blockty))?,
            Operator::Loop { blockty } => self.open(*blockty, self.params(*blockty))?,
            Operator::End => drop(self.labels.pop()),
            Operator::TableGrow { table } => self.patch(offset, PatchKind::Reserve(*table))?,
            Operator::V128Store8Lane { .. } => self.replace(offset, PatchKind::StoreLane8)?,
            Operator::V128Store16Lane { .. } => self.replace(offset, PatchKind::StoreLane16)?,
            _ => {}
        }
        if let Some(kind) = needs_fresh_value(operator, self.last) {
            self.patch(offset, kind)?;
        }
        let select = matches!(operator, Operator::Select | Operator::TypedSelect { .. });
        if select && self.equality && matches!(self.last[1], Last::Other) {
            self.patch(offset, PatchKind::Condition)?;
        }
        if is_equality(operator) {
            self.equality = true;
        } else if ends_equality(operator) {
            self.equality = false;
        }
        self.last = [self.last[1], Last::of(operator)];
        Ok(())
    }

    /// Tells where the operator that was checked last has its end.
    #[inline]
    pub(super) fn end(&mut self, offset: usize) {
        if self.replaces {
            self.replaces = false;
            if let Some(patch) = self.patches.last_mut() {
                patch.at.end = offset;
            }
        }
    }

    /// Asks for the memory that so much work may take, if it is more than before.
    pub(super) fn ask(&mut self, work: u64) -> Result {
        if work <= self.asked {
            return Ok(());
        }
        self.asked = work.min(self.limits.load_work);
        check_memory(bound::load_bytes(self.asked, self.size_bytes))
    }

    fn patch(&mut self, at: usize, kind: PatchKind) -> Result {
        self.work.add(work::PATCH)?;
        self.patches.push(Patch { at: at..at, kind });
        Ok(())
    }

    fn replace(&mut self, at: usize, kind: PatchKind) -> Result {
        self.patch(at, kind)?;
        self.replaces = true;
        Ok(())
    }

    /// Returns how many cells of the value stack a call has to zero.
    fn check_locals(&mut self, body: &FunctionBody<'_>) -> Result<u64> {
        let (mut locals, mut cells) = (0u64, 0u64);
        for group in body.get_locals_reader().map_err(malformed)? {
            let (count, ty) = group.map_err(malformed)?;
            if let (wasmparser::ValType::V128, Some(feature)) = (ty, VECTORS) {
                return Err(ModuleError::Unsupported { feature, offset: body.range().start as u64 });
            }
            locals += u64::from(count);
            cells += u64::from(count) * if ty == wasmparser::ValType::V128 { 2 } else { 1 };
            limit("module.locals", self.limits.locals, locals, "locals of a function")?;
        }
        self.locals += locals;
        limit("module.locals_total", self.limits.locals_total, self.locals, "locals of all functions")?;
        Ok(cells)
    }

    fn open(&mut self, ty: BlockType, branch: u64) -> Result {
        limit("module.nesting", self.limits.nesting, self.labels.len() as u64, "nested blocks")?;
        self.labels.push(Label { branch, end: self.results(ty) });
        Ok(())
    }

    /// Values that the engine copies for an operator, one by one and each time anew.
    #[inline(always)]
    fn values_moved(&self, operator: &Operator<'_>) -> Option<u64> {
        Some(match operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                self.params(*blockty)
            }
            Operator::Else | Operator::End => self.labels.last().map_or(0, |label| label.end),
            Operator::Return => self.labels.first().map_or(0, |label| label.branch),
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => self.label(*relative_depth),
            Operator::BrTable { targets } => {
                let copies = targets.targets().map_while(core::result::Result::ok);
                copies.map(|depth| 1 + self.label(depth)).sum::<u64>() + self.label(targets.default())
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                self.functions.get(*function_index as usize).map_or(0, |ty| self.call(*ty))
            }
            Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
                self.call(*type_index)
            }
            _ => return None,
        })
    }

    fn label(&self, depth: u32) -> u64 {
        self.labels.iter().rev().nth(depth as usize).map_or(0, |label| label.branch)
    }

    fn call(&self, ty: u32) -> u64 {
        self.types.get(ty as usize).map_or(0, |ty| (ty.params.len() + ty.results.len()) as u64)
    }

    fn results(&self, ty: BlockType) -> u64 {
        match ty {
            BlockType::Empty => 0,
            BlockType::Type(_) => 1,
            BlockType::FuncType(ty) => self.types.get(ty as usize).map_or(0, |ty| ty.results.len() as u64),
        }
    }

    fn params(&self, ty: BlockType) -> u64 {
        match ty {
            BlockType::Empty | BlockType::Type(_) => 0,
            BlockType::FuncType(ty) => self.types.get(ty as usize).map_or(0, |ty| ty.params.len() as u64),
        }
    }
}

/// From so many cells of 8 bytes on, a call is charged for zeroing its locals, as bulk memory is;
/// fewer cost no more than the call itself.
const PRICED_CELLS: u64 = 64;

/// What an operator may have left on top of the stack.
#[derive(Debug, Clone, Copy)]
enum Last {
    Local(u32),
    Constant,
    Other,
}

impl Last {
    #[inline(always)]
    fn of(operator: &Operator<'_>) -> Last {
        match operator {
            Operator::LocalGet { local_index } => Last::Local(*local_index),
            Operator::I32Const { .. } | Operator::I64Const { .. } => Last::Constant,
            _ => Last::Other,
        }
    }
}

/// Whether pointer and value of an integer store that the engine encodes the long way could be one
/// local in one register. Where the two operators before it do not rule that out, it could.
#[inline(always)]
fn needs_fresh_value(store: &Operator<'_>, last: [Last; 2]) -> Option<PatchKind> {
    let (memarg, kind) = match store {
        Operator::I32Store { memarg } | Operator::I32Store8 { memarg } | Operator::I32Store16 { memarg } => {
            (memarg, PatchKind::Fresh32)
        }
        Operator::I64Store { memarg }
        | Operator::I64Store8 { memarg }
        | Operator::I64Store16 { memarg }
        | Operator::I64Store32 { memarg } => (memarg, PatchKind::Fresh64),
        _ => return None,
    };
    let short = |memarg: &MemArg| memarg.memory == 0 && memarg.offset <= u64::from(u16::MAX);
    match last {
        _ if short(memarg) => None,
        [_, Last::Constant] | [Last::Constant, Last::Local(_)] => None,
        [Last::Local(pointer), Last::Local(value)] if pointer != value => None,
        _ => Some(kind),
    }
}

/// Whether what it leaves can be a comparison with zero to the engine.
#[inline(always)]
fn is_equality(operator: &Operator<'_>) -> bool {
    use Operator::{I32Eq, I32Eqz, I32Ne, I64Eq, I64Eqz, I64Ne, RefIsNull};
    matches!(operator, I32Eqz | I32Eq | I32Ne | I64Eqz | I64Eq | I64Ne | RefIsNull)
}

/// Whether an equality before it cannot be the engine's last comparison any more. Arithmetic is not
/// among these: the engine makes no code of `x or 0`.
#[inline(always)]
fn ends_equality(operator: &Operator<'_>) -> bool {
    use Operator::{Br, BrIf, BrTable, Call, CallIndirect, Drop, GlobalGet, GlobalSet, If, LocalSet, LocalTee};
    matches!(
        operator,
        If { .. }
            | Br { .. }
            | BrIf { .. }
            | BrTable { .. }
            | Call { .. }
            | CallIndirect { .. }
            | Drop
            | LocalSet { .. }
            | LocalTee { .. }
            | GlobalGet { .. }
            | GlobalSet { .. }
    )
}

pub(super) fn check_supported(operator: &Operator<'_>, offset: usize) -> Result {
    match missing(operator) {
        Some(feature) => Err(ModuleError::Unsupported { feature, offset: offset as u64 }),
        None => Ok(()),
    }
}

/// What an operator needs that belljar does not run.
fn missing(operator: &Operator<'_>) -> Option<&'static str> {
    macro_rules! by_proposal {
        ($(@$proposal:ident $op:ident $({ $($payload:tt)* })? => $visit:ident ($($ann:tt)*))*) => {
            match operator {
                $(Operator::$op { .. } => const { unsupported(stringify!($proposal)) },)*
                _ => Some("an unknown operator"),
            }
        };
    }
    wasmparser::for_each_operator!(by_proposal)
}

const SUPPORTED: [&str; 6] =
    ["mvp", "sign_extension", "saturating_float_to_int", "bulk_memory", "reference_types", "tail_call"];

const UNSUPPORTED: [(&str, &str); 10] = [
    ("threads", "the threads proposal"),
    ("exceptions", "the exceptions proposal"),
    ("legacy_exceptions", "the exceptions proposal"),
    ("function_references", "the function-references proposal"),
    ("gc", "the gc proposal"),
    ("relaxed_simd", "the relaxed-simd proposal"),
    ("memory_control", "the memory-control proposal"),
    ("stack_switching", "the stack-switching proposal"),
    ("wide_arithmetic", "the wide-arithmetic proposal"),
    ("shared_everything_threads", "the shared-everything-threads proposal"),
];

/// What a module with vectors needs that is not here, if anything. The engine takes the lanes of a vector in the machine's own order, and so gets them wrong where that is not
/// the order of WebAssembly.
pub(super) const VECTORS: Option<&str> =
    if cfg!(target_endian = "big") { Some("the simd proposal, on a big-endian machine") } else { None };

/// What an operator of this proposal needs that belljar does not run. Decided when this crate is compiled: a
/// proposal that is in neither list does not compile.
pub(super) const fn unsupported(proposal: &str) -> Option<&'static str> {
    if same(proposal, "simd") {
        return VECTORS;
    }
    let mut i = 0;
    while i < SUPPORTED.len() {
        if same(proposal, SUPPORTED[i]) {
            return None;
        }
        i += 1;
    }
    let mut i = 0;
    while i < UNSUPPORTED.len() {
        if same(proposal, UNSUPPORTED[i].0) {
            return Some(UNSUPPORTED[i].1);
        }
        i += 1;
    }
    panic!("a proposal that is neither supported nor not")
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
