//! An operator whose operands come in certain ways, and whose result goes one: a module that does
//! that, and the same plainly.
//!
//! Translators choose their code by where operands are and where results go, so that each
//! combination of them may have code, and faults, of its own.

use std::borrow::Cow;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, Encode, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, HeapType, MemArg, MemArgTarget, MemorySection,
    MemoryType, Module, RefType, TableSection, TableType, TypeSection, ValType,
};

use super::operator::{Immediates, Operator};

/// An operator, what it gets, and how.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    pub operator: &'a Operator,
    /// The memory of a load or store.
    pub memory: u32,
    /// The offset of a load or store.
    pub offset: u32,
    /// Immediates of other operators, and lanes; taken as far as they are valid.
    pub immediates: [u8; 16],
    pub ways: [Way; 3],
    /// The bits of each operand.
    pub values: [u128; 3],
    pub then: Then,
}

/// How an operand comes onto the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Constant,
    Local,
    /// The local, and so the value, of the operand before it that has the same type.
    Same,
    /// A value that is also written into the local of the operand before it that has the same type.
    Tee,
    Computed,
    Loaded,
    Global,
    Block,
    Called,
    Selected,
}

impl Way {
    pub const ALL: [Way; 10] = [
        Way::Constant,
        Way::Local,
        Way::Same,
        Way::Tee,
        Way::Computed,
        Way::Loaded,
        Way::Global,
        Way::Block,
        Way::Called,
        Way::Selected,
    ];
}

/// What is done with the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Return,
    /// It goes through a local.
    Local,
    /// It goes through the local of an operand of its type.
    Operand,
    Stored,
    /// It is a condition, if it is an `i32`; in the other cases it is returned.
    If,
    Branch,
    BranchUnless,
    Select,
}

impl Then {
    pub const ALL: [Then; 8] = [
        Then::Return,
        Then::Local,
        Then::Operand,
        Then::Stored,
        Then::If,
        Then::Branch,
        Then::BranchUnless,
        Then::Select,
    ];
}

/// The export in which operands come as the case says.
pub const SHAPED: &str = "shaped";
/// The export in which they are parameters of a function that is called.
pub const PLAIN: &str = "plain";

/// Memory and table that operators do not name: for values that are loaded, and results that are stored.
const SCRATCH: u32 = 2;
const STORED_AT: u32 = 64;
const OTHER_AT: u32 = 80;

// Functions by index; getters of the operands follow.
const EMPTY: u32 = 0;
const CALLED: u32 = 1;
const GETTERS: u32 = 4;

impl Case<'_> {
    /// A module with both exports. Its memory is exported as `memory`.
    pub fn module(&self) -> Vec<u8> {
        let params = &self.operator.params;
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function(params.iter().copied(), self.operator.result);
        types.ty().function([], self.shown());
        for ty in params {
            types.ty().function([], [*ty]);
        }
        let mut functions = FunctionSection::new();
        for ty in [0, 1, 2, 2].into_iter().chain((3..).take(params.len())) {
            functions.function(ty);
        }
        let mut tables = TableSection::new();
        let mut memories = MemorySection::new();
        for _ in 0..=SCRATCH {
            let element_type = RefType::FUNCREF;
            tables.table(TableType { element_type, table64: false, minimum: 4, maximum: Some(9), shared: false });
        }
        for (minimum, maximum) in [(2, Some(3)), (2, None), (1, None)] {
            memories.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
        }
        let mut globals = GlobalSection::new();
        for (at, ty) in params.iter().enumerate() {
            // Mutable, so that nobody takes it for a constant.
            globals.global(GlobalType { val_type: *ty, mutable: true, shared: false }, &self.constant(at));
        }
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, self.memory);
        exports.export(PLAIN, ExportKind::Func, 2);
        exports.export(SHAPED, ExportKind::Func, 3);

        let functions_of = |list: &'static [u32]| Elements::Functions(Cow::Borrowed(list));
        let mut elements = ElementSection::new();
        elements.passive(functions_of(&[EMPTY, EMPTY, EMPTY]));
        elements.active(Some(1), &ConstExpr::i32_const(1), functions_of(&[EMPTY, EMPTY]));
        elements.active(None, &ConstExpr::i32_const(1), functions_of(&[EMPTY]));

        let mut code = CodeSection::new();
        code.function(&body([], |_| {}));
        code.function(&self.called());
        code.function(&self.plain());
        code.function(&self.shaped());
        for at in 0..params.len() as u32 {
            code.function(&body([], |to| {
                to.instructions().global_get(at);
            }));
        }

        let mut module = Module::new();
        module.section(&types).section(&functions).section(&tables).section(&memories).section(&globals);
        let data = self.data();
        module.section(&exports).section(&elements).section(&DataCountSection { count: data.len() });
        module.section(&code).section(&data);
        module.finish()
    }

    /// The type of what the exports return: a reference is told by whether it is null.
    fn shown(&self) -> Option<ValType> {
        self.operator.result.map(|ty| if ty == ValType::FUNCREF { ValType::I32 } else { ty })
    }

    /// Bytes at both ends of each page, and the operands' values where they are loaded from.
    fn data(&self) -> DataSection {
        let pattern: Vec<u8> = (0..64u8).map(|i| i.wrapping_mul(151) ^ 0x5a).collect();
        let mut data = DataSection::new();
        data.passive(*b"passive");
        data.passive(*b"segments");
        for memory in [0, 1] {
            for at in [0, 65_536 - 32, 131_072 - 64] {
                data.active(memory, &ConstExpr::i32_const(at), pattern.iter().copied());
            }
        }
        for at in 0..self.operator.params.len() {
            let bits = self.bits(at).to_le_bytes();
            data.active(SCRATCH, &ConstExpr::i32_const(16 * at as i32), bits);
        }
        let other = if self.bits(0) as u32 == 0 { 1u64 } else { 0 };
        data.active(SCRATCH, &ConstExpr::i32_const(OTHER_AT as i32), other.to_le_bytes());
        data
    }

    fn called(&self) -> Function {
        body([], |to| {
            for at in 0..self.operator.params.len() as u32 {
                to.instructions().local_get(at);
            }
            self.operate(to);
        })
    }

    fn plain(&self) -> Function {
        body(self.locals(), |to| {
            self.before(to);
            for at in 0..self.operator.params.len() {
                to.instructions().global_get(at as u32);
            }
            to.instructions().call(CALLED);
            self.after(to);
        })
    }

    fn shaped(&self) -> Function {
        let params = &self.operator.params;
        body(self.locals(), |to| {
            for at in 0..params.len() as u32 {
                to.instructions().global_get(at).local_set(at);
            }
            // What registers hold from now on is true where the first operand is not, so that a register
            // that is taken for an operand shows.
            load(ValType::I64, OTHER_AT, to);
            to.instructions().drop();
            load(ValType::F64, OTHER_AT, to);
            to.instructions().drop();
            self.before(to);
            for at in 0..params.len() {
                self.operand(at, to);
            }
            self.operate(to);
            self.after(to);
        })
    }

    /// One for each operand, and one for the result.
    fn locals(&self) -> Vec<ValType> {
        self.operator.params.iter().copied().chain(self.operator.result).collect()
    }

    fn operate(&self, to: &mut Function) {
        let mut bytes = self.operator.code.clone();
        match self.operator.immediates {
            Immediates::Bytes { count, max } => {
                bytes.extend(self.immediates[..count].iter().map(|byte| byte % (max + 1)));
            }
            Immediates::Memory { lane } => {
                bytes.extend([0x40, self.memory as u8]);
                self.offset.encode(&mut bytes);
                // Every vector has two lanes at least.
                bytes.extend(lane.then_some(self.immediates[0] % 2));
            }
        }
        to.raw(bytes);
    }

    /// The operand that stands for this one where a way refers to the one before it.
    fn before_it(&self, at: usize) -> Option<usize> {
        let params = &self.operator.params;
        (0..at).rev().find(|other| params[*other] == params[at])
    }

    fn bits(&self, at: usize) -> u128 {
        match self.before_it(at) {
            Some(other) if self.ways[at] == Way::Same => self.bits(other),
            _ => self.values[at],
        }
    }

    /// The local that the operand is read from.
    fn local(&self, at: usize) -> u32 {
        match self.before_it(at) {
            Some(other) if self.ways[at] == Way::Same => self.local(other),
            _ => at as u32,
        }
    }

    fn operand(&self, at: usize, to: &mut Function) {
        let ty = self.operator.params[at];
        let index = at as u32;
        match self.ways[at] {
            Way::Constant => self.put_constant(at, to),
            Way::Local => drop(to.instructions().local_get(index)),
            Way::Same => drop(to.instructions().local_get(self.local(at))),
            Way::Tee => {
                let local = self.local(self.before_it(at).unwrap_or(at));
                to.instructions().global_get(index).local_tee(local);
            }
            Way::Computed => compute(ty, index, to),
            Way::Loaded if ty == ValType::FUNCREF => compute(ty, index, to),
            Way::Loaded => load(ty, 16 * index, to),
            Way::Global => drop(to.instructions().global_get(index)),
            Way::Block => drop(to.instructions().block(BlockType::Result(ty)).local_get(index).end()),
            Way::Called => drop(to.instructions().call(GETTERS + index)),
            Way::Selected => {
                let mut to = to.instructions();
                to.local_get(index).local_get(index).i32_const(1);
                if ty == ValType::FUNCREF {
                    to.typed_select(ty)
                } else {
                    to.select()
                };
            }
        }
    }

    fn put_constant(&self, at: usize, to: &mut Function) {
        let mut to = to.instructions();
        let bits = self.bits(at);
        match self.operator.params[at] {
            ValType::I32 => to.i32_const(bits as i32),
            ValType::I64 => to.i64_const(bits as i64),
            ValType::F32 => to.f32_const(f32::from_bits(bits as u32).into()),
            ValType::F64 => to.f64_const(f64::from_bits(bits as u64).into()),
            ValType::V128 => to.v128_const(bits as i128),
            ValType::Ref(_) if bits & 1 == 0 => to.ref_null(HeapType::FUNC),
            ValType::Ref(_) => to.ref_func(EMPTY),
        };
    }

    fn constant(&self, at: usize) -> ConstExpr {
        let bits = self.bits(at);
        match self.operator.params[at] {
            ValType::I32 => ConstExpr::i32_const(bits as i32),
            ValType::I64 => ConstExpr::i64_const(bits as i64),
            ValType::F32 => ConstExpr::f32_const(f32::from_bits(bits as u32).into()),
            ValType::F64 => ConstExpr::f64_const(f64::from_bits(bits as u64).into()),
            ValType::V128 => ConstExpr::v128_const(bits as i128),
            ValType::Ref(_) if bits & 1 == 0 => ConstExpr::ref_null(HeapType::FUNC),
            ValType::Ref(_) => ConstExpr::ref_func(EMPTY),
        }
    }

    /// What has to stand below the result on the stack.
    fn before(&self, to: &mut Function) {
        let mut to = to.instructions();
        let condition = self.operator.result == Some(ValType::I32);
        match self.then {
            Then::Stored if self.operator.result.is_some() => drop(to.i32_const(STORED_AT as i32)),
            Then::Branch | Then::BranchUnless if condition => {
                to.block(BlockType::Result(ValType::I32)).i32_const(7);
            }
            Then::Select if condition => drop(to.i32_const(7).i32_const(9)),
            _ => {}
        }
    }

    fn after(&self, to: &mut Function) {
        let params = &self.operator.params;
        let Some(ty) = self.operator.result else { return };
        let condition = ty == ValType::I32;
        let own = params.len() as u32;
        match self.then {
            Then::Local => drop(to.instructions().local_set(own).local_get(own)),
            Then::Operand => {
                let local = params.iter().position(|param| *param == ty).map_or(own, |at| at as u32);
                to.instructions().local_set(local).local_get(local);
            }
            Then::Stored => {
                store(ty, to);
                load(ty, STORED_AT, to);
            }
            Then::If if condition => {
                to.instructions().if_(BlockType::Result(ValType::I32)).i32_const(7).else_().i32_const(9).end();
            }
            Then::Branch if condition => drop(to.instructions().br_if(0).drop().i32_const(9).end()),
            Then::BranchUnless if condition => drop(to.instructions().i32_eqz().br_if(0).drop().i32_const(9).end()),
            Then::Select if condition => drop(to.instructions().select()),
            Then::Return | Then::If | Then::Branch | Then::BranchUnless | Then::Select => {}
        }
        if ty == ValType::FUNCREF {
            to.instructions().ref_is_null();
        }
    }
}

/// The value of a local, worked out anew.
fn compute(ty: ValType, local: u32, to: &mut Function) {
    let mut to = to.instructions();
    to.local_get(local);
    match ty {
        ValType::I32 => to.i32_const(0).i32_xor(),
        ValType::I64 => to.i64_const(0).i64_xor(),
        ValType::F32 => to.i32_reinterpret_f32().f32_reinterpret_i32(),
        ValType::F64 => to.i64_reinterpret_f64().f64_reinterpret_i64(),
        ValType::V128 => to.local_get(local).v128_or(),
        // A table gives it back.
        ValType::Ref(_) => {
            to.local_set(local).i32_const(0).local_get(local).table_set(SCRATCH);
            to.i32_const(0).table_get(SCRATCH)
        }
    };
}

fn scratch(align: u32) -> MemArg {
    MemArg { offset: 0, align, target: MemArgTarget::Memory(SCRATCH), ordering: None }
}

/// Loads a value from where it lies; the place of a reference is an empty slot of a table.
fn load(ty: ValType, at: u32, to: &mut Function) {
    // A table has fewer slots than a memory bytes.
    let at = if ty == ValType::FUNCREF { 1 } else { at };
    to.instructions().i32_const(at as i32);
    match ty {
        ValType::I32 => to.instructions().i32_load(scratch(2)),
        ValType::I64 => to.instructions().i64_load(scratch(3)),
        ValType::F32 => to.instructions().f32_load(scratch(2)),
        ValType::F64 => to.instructions().f64_load(scratch(3)),
        ValType::V128 => to.instructions().v128_load(scratch(4)),
        ValType::Ref(_) => to.instructions().table_get(SCRATCH),
    };
}

fn store(ty: ValType, to: &mut Function) {
    let mut to = to.instructions();
    match ty {
        ValType::I32 => to.i32_store(scratch(2)),
        ValType::I64 => to.i64_store(scratch(3)),
        ValType::F32 => to.f32_store(scratch(2)),
        ValType::F64 => to.f64_store(scratch(3)),
        ValType::V128 => to.v128_store(scratch(4)),
        ValType::Ref(_) => to.drop().drop(),
    };
}

/// A function without parameters of its own: its locals and what it does.
fn body(locals: impl IntoIterator<Item = ValType>, write: impl FnOnce(&mut Function)) -> Function {
    let mut function = Function::new_with_locals_types(locals);
    write(&mut function);
    function.instructions().end();
    function
}
