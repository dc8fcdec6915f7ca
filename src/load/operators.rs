//! Checks of the operators in function bodies: their proposals must be enabled, and what makes an engine recurse or
//! multiply is bounded.

use alloc::vec::Vec;

use wasmparser::{BlockType, FunctionBody, Operator};

use super::{
    check_memory,
    form::Context,
    refusal::{limit, malformed},
    work::{self, Work},
};
use crate::{
    config::{ModuleLimits, bound},
    engine::config,
    error::{Feature, ModuleError},
};

/// The sums over the operators of all functions.
#[derive(Debug)]
pub(super) struct Operators<'m> {
    limits: &'m ModuleLimits,
    context: Context<'m>,
    locals: u64,
    pub(super) work: Work,
    /// Work of the operators that are added to functions.
    pub(super) form_work: Work,
    /// The function itself, and the blocks that are open in it.
    labels: Vec<Label>,
    size_bytes: u64,
    /// The work for which [`check_memory`] has been called.
    checked_work: u64,
}

/// The numbers of values that are moved to leave a block.
#[derive(Debug, Clone, Copy)]
struct Label {
    /// By a branch to it.
    branch: u64,
    /// By its end.
    end: u64,
}

type Result<T = ()> = core::result::Result<T, ModuleError>;

impl<'m> Operators<'m> {
    /// Starts with the work done so far on a module of `size_bytes` bytes.
    pub(super) fn new(limits: &'m ModuleLimits, context: Context<'m>, work: Work, size_bytes: u64) -> Self {
        let form_work = Work::of_form(limits);
        Operators { limits, context, locals: 0, work, form_work, labels: Vec::new(), size_bytes, checked_work: 0 }
    }

    /// Checks the locals of a function with this type, whose operators are checked next.
    pub(super) fn begin(&mut self, ty: u32, body: &FunctionBody<'_>) -> Result<Declared> {
        let declared = self.check_locals(body)?;
        let results = self.results(BlockType::FuncType(ty));
        self.labels.clear();
        self.labels.push(Label { branch: results, end: results });
        Ok(declared)
    }

    /// Checks the next operator; `missing` is the feature that it needs and belljar does not support, if any.
    ///
    /// It is inlined: where the kind of operator is known at compile time, little code is left.
    #[inline(always)]
    pub(super) fn check(&mut self, operator: &Operator<'_>, missing: Option<Feature>, offset: usize) -> Result {
        match self.values_moved(operator) {
            None => self.work.add(1)?,
            Some(values) => {
                self.work.add(1 + values)?;
                let sum = self.sum();
                if sum > self.checked_work {
                    // Some more, so that not every operator needs a check.
                    self.check_memory(sum.saturating_add(sum / 4))?;
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
            _ => {}
        }
        Ok(())
    }

    /// Adds the work of the operators that were added to a function.
    pub(super) fn add_form_work(&mut self, work: u64) -> Result {
        self.form_work.add(work)?;
        self.check_memory(self.sum())
    }

    /// Returns the work of all operators seen and added, weighted by the memory they take.
    pub(super) fn sum(&self) -> u64 {
        self.work.sum() + bound::FORM * self.form_work.sum()
    }

    /// Checks that the memory for this much work can be allocated, if the work is more than before.
    pub(super) fn check_memory(&mut self, work: u64) -> Result {
        if work <= self.checked_work {
            return Ok(());
        }
        self.checked_work = work.min(self.limits.load_work + bound::FORM * self.limits.form_work);
        check_memory(bound::load_bytes(self.checked_work, self.size_bytes))
    }

    fn check_locals(&mut self, body: &FunctionBody<'_>) -> Result<Declared> {
        let mut declared = Declared::default();
        let reader = body.get_locals_reader().map_err(malformed)?;
        declared.groups = reader.get_count();
        for group in reader {
            let (count, ty) = group.map_err(malformed)?;
            if let (wasmparser::ValType::V128, Some(feature)) = (ty, VECTORS) {
                return Err(ModuleError::Unsupported { feature, offset: body.range().start as u64 });
            }
            declared.locals += u64::from(count);
            declared.cells += u64::from(count) * if ty == wasmparser::ValType::V128 { 2 } else { 1 };
            limit("module.locals", self.limits.locals, declared.locals)?;
        }
        self.locals += declared.locals;
        limit("module.locals_total", self.limits.locals_total, self.locals)?;
        Ok(declared)
    }

    fn open(&mut self, ty: BlockType, branch: u64) -> Result {
        limit("module.nesting", self.limits.nesting, self.labels.len() as u64)?;
        self.labels.push(Label { branch, end: self.results(ty) });
        Ok(())
    }

    /// Returns the number of values that the engine copies one by one each time it runs this operator.
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
                self.context.functions.get(*function_index as usize).map_or(0, |ty| self.call(*ty))
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
        let ty = BlockType::FuncType(ty);
        self.params(ty) + self.results(ty)
    }

    fn results(&self, ty: BlockType) -> u64 {
        self.context.results(ty).len() as u64
    }

    fn params(&self, ty: BlockType) -> u64 {
        self.context.params(ty).len() as u64
    }
}

/// The locals that a function declares.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Declared {
    pub(super) locals: u64,
    /// Groups of locals of one type.
    pub(super) groups: u32,
    /// Cells of the value stack that a call has to zero.
    pub(super) cells: u64,
}

pub(super) fn check_supported(operator: &Operator<'_>, offset: usize) -> Result {
    match missing(operator) {
        Some(feature) => Err(ModuleError::Unsupported { feature, offset: offset as u64 }),
        None => Ok(()),
    }
}

/// Returns the feature that an operator needs and belljar does not support, if any.
fn missing(operator: &Operator<'_>) -> Option<Feature> {
    macro_rules! by_proposal {
        ($(@$proposal:ident $op:ident $({ $($payload:tt)* })? => $visit:ident ($($ann:tt)*))*) => {
            match operator {
                $(Operator::$op { .. } => const { unsupported(stringify!($proposal)) },)*
                _ => Some(Feature::UnknownOperator),
            }
        };
    }
    wasmparser::for_each_operator!(by_proposal)
}

const SUPPORTED: [&str; 6] =
    ["mvp", "sign_extension", "saturating_float_to_int", "bulk_memory", "reference_types", "tail_call"];

const UNSUPPORTED: [(&str, Feature); 10] = [
    ("threads", Feature::Threads),
    ("exceptions", Feature::Exceptions),
    ("legacy_exceptions", Feature::Exceptions),
    ("function_references", Feature::FunctionReferences),
    ("gc", Feature::Gc),
    ("relaxed_simd", Feature::RelaxedSimd),
    ("memory_control", Feature::MemoryControl),
    ("stack_switching", Feature::StackSwitching),
    ("wide_arithmetic", Feature::WideArithmetic),
    ("shared_everything_threads", Feature::SharedEverythingThreads),
];

/// The feature that vectors need and this build lacks, if any.
pub(super) const VECTORS: Option<Feature> = if config::VECTORS { None } else { Some(Feature::Simd) };

/// Returns the feature that operators of this proposal need and belljar does not support, if any. It is evaluated at
/// compile time: a proposal that is in neither list does not compile.
#[expect(clippy::panic, reason = "at compile time")]
pub(super) const fn unsupported(proposal: &str) -> Option<Feature> {
    if same(proposal, "simd") {
        return VECTORS;
    }
    let mut supported = SUPPORTED.as_slice();
    while let [name, rest @ ..] = supported {
        if same(proposal, name) {
            return None;
        }
        supported = rest;
    }
    let mut unsupported = UNSUPPORTED.as_slice();
    while let [(name, feature), rest @ ..] = unsupported {
        if same(proposal, name) {
            return Some(*feature);
        }
        unsupported = rest;
    }
    panic!("a proposal that is in neither list")
}

const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([one, behind_one @ ..], [other, behind_other @ ..]) = (a, b) {
        if *one != *other {
            return false;
        }
        (a, b) = (behind_one, behind_other);
    }
    a.is_empty() && b.is_empty()
}
