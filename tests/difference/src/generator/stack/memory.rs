//! Loads and stores of every width, and the bulk operators of memories.

use wasm_encoder::{Instruction, MemArg, MemArgTarget, ValType};

use super::body::{Body, Use};

/// How an access with no lane is encoded, and how wide it is as a power of two.
type Access = (fn(MemArg) -> Instruction<'static>, u32);

const LOADS_I32: [Access; 5] = [
    (Instruction::I32Load, 2),
    (Instruction::I32Load8S, 0),
    (Instruction::I32Load8U, 0),
    (Instruction::I32Load16S, 1),
    (Instruction::I32Load16U, 1),
];
const LOADS_I64: [Access; 7] = [
    (Instruction::I64Load, 3),
    (Instruction::I64Load8S, 0),
    (Instruction::I64Load8U, 0),
    (Instruction::I64Load16S, 1),
    (Instruction::I64Load16U, 1),
    (Instruction::I64Load32S, 2),
    (Instruction::I64Load32U, 2),
];
const LOADS_V128: [Access; 13] = [
    (Instruction::V128Load, 4),
    (Instruction::V128Load8x8S, 3),
    (Instruction::V128Load8x8U, 3),
    (Instruction::V128Load16x4S, 3),
    (Instruction::V128Load16x4U, 3),
    (Instruction::V128Load32x2S, 3),
    (Instruction::V128Load32x2U, 3),
    (Instruction::V128Load8Splat, 0),
    (Instruction::V128Load16Splat, 1),
    (Instruction::V128Load32Splat, 2),
    (Instruction::V128Load64Splat, 3),
    (Instruction::V128Load32Zero, 2),
    (Instruction::V128Load64Zero, 3),
];
const STORES_I32: [Access; 3] = [(Instruction::I32Store, 2), (Instruction::I32Store8, 0), (Instruction::I32Store16, 1)];
const STORES_I64: [Access; 4] = [
    (Instruction::I64Store, 3),
    (Instruction::I64Store8, 0),
    (Instruction::I64Store16, 1),
    (Instruction::I64Store32, 2),
];

impl Body<'_> {
    /// Picks a memory, the first more often than not.
    pub fn memory(&mut self) -> u32 {
        if self.random.percent(50) { 0 } else { self.random.below(self.plan.memories.len()) as u32 }
    }

    /// Pushes a place in a memory, or past its end now and then.
    pub fn place(&mut self, depth: usize) {
        let i32 = ValType::I32;
        match self.random.below(40) {
            0..17 => {
                let pointer = self.local_of(i32, |of| of == Use::Pointer).expect("every body has one");
                self.apply(Instruction::LocalGet(pointer), 0, &[i32]);
            }
            17..27 => {
                let most = if self.random.percent(80) { 1 << 12 } else { 1 << 16 };
                let place = self.random.below(most) as i32;
                self.number(place);
            }
            27..38 => {
                self.operands(&[i32], depth);
                let mask = *self.random.pick(&[0xfff, 0x7ff8, 0xffff]);
                self.number(mask);
                self.apply(Instruction::I32And, 2, &[i32]);
            }
            38 => {
                let end = *self.random.pick(&[-1, -8, i32::MAX, i32::MIN, 0x1_fffc, 0x1_ffff, 0x2_0000, 0xffff]);
                self.number(end);
            }
            _ => self.local_or_constant(i32),
        }
    }

    /// Picks a memory, an offset and an alignment.
    fn argument(&mut self, width: u32) -> MemArg {
        let offset = match self.random.below(60) {
            0..18 => 0,
            18..34 => self.random.below(64),
            34..42 => self.random.below(4096),
            42..44 => 0xffff - self.random.below(16),
            44..57 => 0x1_0000 + self.random.below(128),
            57 => 0x1_0000 + self.random.below(0xfff0),
            58 => 0x1_fff0 + self.random.below(32),
            _ => *self.random.pick(&[0x7fff_fffc, 0x8000_0000, 0xffff_ffff, 0x8000_0001]),
        };
        let align = if self.random.percent(60) { width } else { self.random.below(width as usize + 1) as u32 };
        MemArg { offset: offset as u64, align, target: MemArgTarget::Memory(self.memory()), ordering: None }
    }

    /// Loads a value of a type, which is none of references.
    pub fn load(&mut self, ty: ValType, depth: usize) {
        if ty == ValType::V128 && self.random.percent(25) {
            return self.load_lane(depth);
        }
        let (access, width) = match ty {
            ValType::I32 => *self.random.pick(&LOADS_I32),
            ValType::I64 => *self.random.pick(&LOADS_I64),
            ValType::F32 => (Instruction::F32Load as _, 2),
            ValType::F64 => (Instruction::F64Load as _, 3),
            _ => *self.random.pick(&LOADS_V128),
        };
        self.place(depth);
        let argument = self.argument(width);
        self.apply(access(argument), 1, &[ty]);
    }

    fn load_lane(&mut self, depth: usize) {
        let (width, lane) = (self.random.below(4) as u32, self.random.below(16) as u8);
        let memarg = self.argument(width);
        self.place(depth);
        self.push(ValType::V128, depth.min(1));
        let instruction = match width {
            0 => Instruction::V128Load8Lane { memarg, lane },
            1 => Instruction::V128Load16Lane { memarg, lane: lane % 8 },
            2 => Instruction::V128Load32Lane { memarg, lane: lane % 4 },
            _ => Instruction::V128Load64Lane { memarg, lane: lane % 2 },
        };
        self.apply(instruction, 2, &[ValType::V128]);
    }

    /// Stores a value.
    pub fn store(&mut self, depth: usize) {
        match self.random.below(12) {
            0..2 => return self.store_itself(),
            2 => return self.store_lane(depth),
            _ => {}
        }
        let ty = super::plan::value_type(self.random, false);
        let (access, width) = match ty {
            ValType::I32 => *self.random.pick(&STORES_I32),
            ValType::I64 => *self.random.pick(&STORES_I64),
            ValType::F32 => (Instruction::F32Store as _, 2),
            ValType::F64 => (Instruction::F64Store as _, 3),
            _ => (Instruction::V128Store as _, 4),
        };
        self.place(depth);
        self.push(ty, depth);
        let argument = self.argument(width);
        self.apply(access(argument), 2, &[]);
    }

    /// Stores a local where it points to itself.
    fn store_itself(&mut self) {
        let i32 = ValType::I32;
        let pointer = self.local_of(i32, |of| of == Use::Pointer).expect("every body has one");
        self.apply(Instruction::LocalGet(pointer), 0, &[i32]);
        if self.random.percent(20) {
            self.apply(Instruction::LocalTee(pointer), 1, &[i32]);
        }
        self.apply(Instruction::LocalGet(pointer), 0, &[i32]);
        let (access, width) = if self.random.percent(75) {
            *self.random.pick(&STORES_I32)
        } else {
            self.apply(Instruction::I64ExtendI32U, 1, &[ValType::I64]);
            *self.random.pick(&STORES_I64)
        };
        let argument = self.argument(width);
        self.apply(access(argument), 2, &[]);
    }

    fn store_lane(&mut self, depth: usize) {
        let (width, lane) = (self.random.below(4) as u32, self.random.below(16) as u8);
        self.place(depth);
        self.push(ValType::V128, depth);
        let memarg = self.argument(width);
        let instruction = match width {
            0 => Instruction::V128Store8Lane { memarg, lane },
            1 => Instruction::V128Store16Lane { memarg, lane: lane % 8 },
            2 => Instruction::V128Store32Lane { memarg, lane: lane % 4 },
            _ => Instruction::V128Store64Lane { memarg, lane: lane % 2 },
        };
        self.apply(instruction, 2, &[]);
    }

    /// Pushes a length, which is mostly short.
    pub fn length(&mut self, usual: usize) {
        let length = match self.random.below(16) {
            0 => *self.random.pick(&[-1, 0x1_0000, 0x1_0001, 0x8000]),
            1 if self.random.percent(30) => return self.local_or_constant(ValType::I32),
            _ => self.random.below(usual + 1) as i32,
        };
        self.number(length);
    }

    /// Copies, fills, initializes or drops.
    pub fn bulk(&mut self, depth: usize) {
        let segments = self.plan.data.len();
        match self.random.below(8) {
            0..3 => {
                self.place(depth);
                self.apart(|body| body.place(depth));
                self.length(96);
                let (src_mem, dst_mem) = (self.memory(), self.memory());
                self.apply(Instruction::MemoryCopy { src_mem, dst_mem }, 3, &[]);
            }
            3..5 => {
                self.place(depth);
                self.push(ValType::I32, depth);
                self.length(96);
                let memory = self.memory();
                self.apply(Instruction::MemoryFill(memory), 3, &[]);
            }
            5..7 => {
                // Those that are active count as dropped.
                let segment = if self.random.percent(90) { self.random.range(segments - 2, segments - 1) } else { 0 };
                let len = self.plan.data[segment];
                self.place(depth);
                let from = self.random.below(len + 1);
                self.number(from as i32);
                self.length(len - from);
                let mem = self.memory();
                self.apply(Instruction::MemoryInit { mem, data_index: segment as u32 }, 3, &[]);
            }
            _ => {
                let segment = self.random.range(segments - 2, segments - 1) as u32;
                self.emit(Instruction::DataDrop(segment));
            }
        }
    }

    /// Grows a memory, and leaves what that came to on the stack.
    pub fn grow(&mut self, depth: usize) {
        let pages = *self.random.pick(&[0, 0, 1, 1, 1, 2, 65_536, -1]);
        if self.random.percent(85) {
            self.number(pages);
        } else {
            self.operands(&[ValType::I32], depth);
            self.number(1);
            self.apply(Instruction::I32And, 2, &[ValType::I32]);
        }
        let memory = self.memory();
        self.apply(Instruction::MemoryGrow(memory), 1, &[ValType::I32]);
    }
}
