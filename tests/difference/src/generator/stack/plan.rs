//! What a module has beside its code: decided before any code is made.

use wasm_encoder::{RefType, ValType};

use crate::random::Random;

/// The types of a module, each once.
#[derive(Debug, Default)]
pub struct Types(pub Vec<(Vec<ValType>, Vec<ValType>)>);

/// The type of a function.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Its index among the types.
    pub index: u32,
    pub params: Vec<ValType>,
    pub results: Vec<ValType>,
}

/// What a function is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is called by the host, and by nobody else.
    Root,
    /// It may be called from anywhere, and so ends early when it is called too often.
    Guarded,
    /// It returns a number of its own.
    Marker(i32),
}

/// A function, whose body is made later.
#[derive(Debug, Clone)]
pub struct Planned {
    pub signature: Signature,
    pub role: Role,
}

/// A table, with what its slots hold at the start.
#[derive(Debug)]
pub struct Table {
    pub ty: RefType,
    pub slots: Vec<Option<u32>>,
    pub maximum: Option<u64>,
}

/// A memory, in pages.
#[derive(Debug)]
pub struct Memory {
    pub minimum: u64,
    pub maximum: Option<u64>,
}

/// A global.
#[derive(Debug)]
pub struct Global {
    pub ty: ValType,
    pub mutable: bool,
    /// Whether it only counts: code assigns nothing else to it.
    pub counts: bool,
}

/// All of it.
#[derive(Debug)]
pub struct Plan {
    pub functions: Vec<Planned>,
    pub tables: Vec<Table>,
    pub memories: Vec<Memory>,
    pub globals: Vec<Global>,
    /// How long each data segment is; the last two are passive.
    pub data: Vec<usize>,
    /// The functions of each passive element segment.
    pub elements: Vec<Vec<u32>>,
}

/// The global that counts calls of guarded functions.
pub const BUDGET: u32 = 0;

impl Types {
    /// Returns the index of a type.
    pub fn index(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let found = self.0.iter().position(|(p, r)| p == params && r == results);
        found.unwrap_or_else(|| {
            self.0.push((params.to_vec(), results.to_vec()));
            self.0.len() - 1
        }) as u32
    }

    /// Returns whether a block may have this type: it needs none of these, has one of them, or makes not too many.
    pub fn has_room(&self, params: &[ValType], results: &[ValType]) -> bool {
        let known = |(p, r): &(Vec<ValType>, Vec<ValType>)| p == params && r == results;
        params.is_empty() && results.len() < 2 || self.0.len() < TYPES || self.0.iter().any(known)
    }
}

/// How many types a module has, but for some blocks that are pushed as a value.
const TYPES: usize = 10;

/// Returns a type of a value; `references` tells whether it may be one of references.
pub fn value_type(random: &mut Random, references: bool) -> ValType {
    let scalar = [
        (32, ValType::I32),
        (22, ValType::I64),
        (11, ValType::F32),
        (11, ValType::F64),
        (15, ValType::V128),
        (5, ValType::FUNCREF),
        (3, ValType::EXTERNREF),
    ];
    random.weighted(if references { &scalar } else { &scalar[..5] })
}

/// Returns up to `most` types, often few.
pub fn value_types(random: &mut Random, most: usize, references: bool) -> Vec<ValType> {
    let count = random.below(most + 1).min(random.below(most + 1) + 1);
    (0..count).map(|_| value_type(random, references)).collect()
}

impl Plan {
    /// Decides what a module has.
    pub fn new(random: &mut Random, types: &mut Types) -> Plan {
        let mut functions = Vec::new();
        let mut add = |signature: (Vec<ValType>, Vec<ValType>), role| {
            let (params, results) = signature;
            let index = types.index(&params, &results);
            functions.push(Planned { signature: Signature { index, params, results }, role });
        };
        // Few lists of results, so that many a function can take the place of another in a tail call.
        let shared = value_types(random, 4, false);
        for _ in 0..random.weighted(&[(5, 1), (2, 2)]) {
            let results = if random.percent(60) { shared.clone() } else { value_types(random, 4, false) };
            add((value_types(random, 4, false), results), Role::Root);
        }
        for _ in 0..random.weighted(&[(4, 0), (4, 1), (1, 2)]) {
            let results = if random.percent(60) { shared.clone() } else { value_types(random, 4, true) };
            add((value_types(random, 4, true), results), Role::Guarded);
        }
        for number in 0..random.weighted(&[(2, 1), (1, 2)]) {
            let params = if random.percent(70) { Vec::new() } else { vec![ValType::I32] };
            add((params, vec![ValType::I32]), Role::Marker(1000 + number));
        }
        let inner: Vec<u32> =
            (0..functions.len() as u32).filter(|i| functions[*i as usize].role != Role::Root).collect();
        let markers: Vec<u32> =
            inner.iter().copied().filter(|i| matches!(functions[*i as usize].role, Role::Marker(_))).collect();
        let some = |random: &mut Random, of: &[u32], len: usize, empty: usize| -> Vec<Option<u32>> {
            (0..len).map(|_| if random.percent(empty) { None } else { Some(*random.pick(of)) }).collect()
        };
        let maximum = |random: &mut Random, size: u64| random.percent(50).then(|| size + random.below(4) as u64);

        let mut tables = vec![Table { ty: RefType::FUNCREF, slots: some(random, &inner, 8, 20), maximum: None }];
        if random.percent(50) {
            let slots = some(random, &markers[..1], 4, 0);
            tables.push(Table { ty: RefType::FUNCREF, slots, maximum: maximum(random, 4) });
        }
        if random.percent(30) {
            tables.push(Table { ty: RefType::EXTERNREF, slots: vec![None; random.range(0, 6)], maximum: None });
        }
        let mut memories = Vec::new();
        for _ in 0..random.weighted(&[(5, 1), (3, 2), (1, 3)]) {
            let minimum = random.weighted(&[(1, 0), (3, 1), (8, 2), (2, 3)]);
            memories.push(Memory { minimum, maximum: maximum(random, minimum) });
        }
        let number = |mutable, counts| Global { ty: ValType::I32, mutable, counts };
        let mut globals = vec![number(true, true), number(true, true), number(true, false)];
        for _ in 0..random.range(1, 5) {
            globals.push(Global { ty: value_type(random, true), mutable: random.percent(75), counts: false });
        }
        Plan {
            tables,
            memories,
            globals,
            data: (0..random.range(2, 4)).map(|_| random.below(64)).collect(),
            elements: vec![(0..random.range(1, 5)).map(|_| *random.pick(&inner)).collect()],
            functions,
        }
    }

    /// Returns the tables of a type.
    pub fn tables_of(&self, ty: RefType) -> Vec<u32> {
        (0..).zip(&self.tables).filter(|(_, table)| table.ty == ty).map(|(index, _)| index).collect()
    }

    /// Returns the functions that code may name.
    pub fn inner(&self) -> Vec<u32> {
        (0..).zip(&self.functions).filter(|(_, f)| f.role != Role::Root).map(|(index, _)| index).collect()
    }
}
