//! What programs compute, one export each; the argument says how much. Each returns a number that
//! depends on all of the work. Built by `build.sh` beside it.

#![no_std]
// The functions below are not made of calls of themselves.
#![no_builtins]

use core::hint::black_box;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

/// Without the operators for it, which not every engine has.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    for i in 0..count {
        unsafe { *to.add(i) = byte as u8 };
    }
    to
}

/// As `memset`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    for i in 0..count {
        unsafe { *to.add(i) = *from.add(i) };
    }
    to
}

/// Recursive calls: the nth Fibonacci number.
#[unsafe(no_mangle)]
pub extern "C" fn fib(n: i32) -> i32 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

/// The number of primes below n, at most 2^18.
#[unsafe(no_mangle)]
pub extern "C" fn sieve(n: i32) -> i32 {
    const MOST: usize = 1 << 18;
    static mut COMPOSITE: [bool; MOST] = [false; MOST];
    // There is one thread.
    let composite = unsafe { &mut *(&raw mut COMPOSITE) };
    let n = (n as usize).min(MOST);
    let composite = &mut composite[..n];
    composite.fill(false);
    let mut count = 0;
    for i in 2..n {
        if !composite[i] {
            count += 1;
            let mut multiple = i * i;
            while multiple < n {
                composite[multiple] = true;
                multiple += i;
            }
        }
    }
    count
}

/// The first word of the SHA-256 of n KiB.
#[unsafe(no_mangle)]
pub extern "C" fn sha256(n: i32) -> i32 {
    let mut state = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    let mut block = [0; 16];
    for i in 0..n as u32 * 16 {
        for (j, word) in block.iter_mut().enumerate() {
            *word = (i * 16 + j as u32).wrapping_mul(0x9e3779b9);
        }
        compress(&mut state, &block);
    }
    block = [0; 16];
    block[0] = 1 << 31;
    block[15] = n as u32 * 8192;
    compress(&mut state, &block);
    state[0] as i32
}

fn compress(state: &mut [u32; 8], block: &[u32; 16]) {
    const K: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
        0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
        0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
        0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
        0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
        0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
        0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
    ];
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    // The last sixteen words.
    let mut w = *block;
    for i in 0..64 {
        if i >= 16 {
            let (w2, w7, w15) = (w[(i + 14) & 15], w[(i + 9) & 15], w[(i + 1) & 15]);
            let s0 = w15.rotate_right(7) ^ w15.rotate_right(18) ^ (w15 >> 3);
            let s1 = w2.rotate_right(17) ^ w2.rotate_right(19) ^ (w2 >> 10);
            w[i & 15] = w[i & 15].wrapping_add(s0).wrapping_add(w7).wrapping_add(s1);
        }
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let t1 = h.wrapping_add(s1).wrapping_add((e & f) ^ (!e & g)).wrapping_add(K[i]).wrapping_add(w[i & 15]);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t2 = s0.wrapping_add((a & b) ^ (a & c) ^ (b & c));
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
    }
    for (word, add) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(add);
    }
}

/// The trace of a product of two n by n matrices, n at most 64.
#[unsafe(no_mangle)]
pub extern "C" fn matrix(n: i32) -> i32 {
    const MOST: usize = 64;
    let n = (n as usize).min(MOST);
    let mut a = [[0.0f64; MOST]; MOST];
    let mut b = [[0.0f64; MOST]; MOST];
    for i in 0..n {
        for j in 0..n {
            a[i][j] = (i * 3 + j) as f64 / 7.0;
            b[i][j] = (i + j * 5) as f64 / 11.0;
        }
    }
    let (a, b) = (black_box(&a), black_box(&b));
    let mut trace = 0.0;
    for i in 0..n {
        for j in 0..n {
            let sum: f64 = (0..n).map(|k| a[i][k] * b[k][j]).sum();
            if i == j {
                trace += sum;
            } else {
                trace -= sum / 1024.0;
            }
        }
    }
    trace as i32
}

/// Reads a JSON text n times: the sum of its numbers, strings, and how deep they are.
#[unsafe(no_mangle)]
pub extern "C" fn json(n: i32) -> i32 {
    const TEXT: &[u8] = br#"{"name":"belljar","tags":["wasm","sandbox",null,true,false],"limits":{"fuel":10000000,
        "memory":16777216,"nested":{"a":[1,2,3,[4,5,{"b":-6.25e2}]],"c":"\"quoted\" \u00e9\n"}},"rows":[
        {"id":1,"x":0.5,"y":12.75,"label":"first of the rows"},{"id":2,"x":1.5,"y":-3.125,"label":"second"},
        {"id":3,"x":2.5,"y":100,"label":"third, with a longer text in it than the others have"}]}"#;
    (0..n).fold(0, |sum, _| sum.wrapping_mul(31).wrapping_add(Json { text: black_box(TEXT), at: 0 }.value(0)))
}

struct Json {
    text: &'static [u8],
    at: usize,
}

impl Json {
    fn peek(&mut self) -> u8 {
        while let Some(b' ' | b'\n') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn next(&mut self) -> u8 {
        let byte = self.text.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    fn value(&mut self, depth: i32) -> i32 {
        match self.peek() {
            b'{' | b'[' => self.items(depth + 1),
            b'"' => self.string(),
            b't' | b'n' => self.word(4),
            b'f' => self.word(5),
            _ => self.number(),
        }
    }

    fn items(&mut self, depth: i32) -> i32 {
        let mut sum = depth;
        self.at += 1;
        loop {
            match self.peek() {
                b'}' | b']' | 0 => {
                    self.at += 1;
                    return sum;
                }
                b',' | b':' => self.at += 1,
                _ => sum = sum.wrapping_mul(3).wrapping_add(self.value(depth)),
            }
        }
    }

    fn string(&mut self) -> i32 {
        let mut hash = 0i32;
        self.at += 1;
        loop {
            let byte = match self.next() {
                b'"' | 0 => return hash,
                b'\\' => match self.next() {
                    b'u' => {
                        self.at += 4;
                        b'?'
                    }
                    other => other,
                },
                other => other,
            };
            hash = hash.wrapping_mul(31).wrapping_add(byte.into());
        }
    }

    fn word(&mut self, len: usize) -> i32 {
        self.at += len;
        len as i32
    }

    fn number(&mut self) -> i32 {
        let (mut value, mut scale, mut sign) = (0.0f64, 1.0, 1.0);
        let mut fraction = false;
        loop {
            match self.text.get(self.at).copied().unwrap_or(0) {
                b'-' => sign = -1.0,
                digit @ b'0'..=b'9' => {
                    value = value * 10.0 + f64::from(digit - b'0');
                    if fraction {
                        scale *= 10.0;
                    }
                }
                b'.' => fraction = true,
                b'e' => {
                    self.at += 1;
                    let power = self.number();
                    return ((0..power).fold(sign * value / scale, |value, _| value * 10.0) * 8.0) as i32;
                }
                _ => return (sign * value / scale * 8.0) as i32,
            }
            self.at += 1;
        }
    }
}

/// A machine with a stack: it adds what it computes of the numbers below n.
#[unsafe(no_mangle)]
pub extern "C" fn interpreter(n: i32) -> i32 {
    #[derive(Clone, Copy)]
    enum Op {
        Push(i32),
        Load(u8),
        Store(u8),
        Add,
        Mul,
        Xor,
        Less,
        JumpIf(u8),
        End,
    }
    const PROGRAM: [Op; 20] = [
        Op::Load(1),
        Op::Push(7),
        Op::Mul,
        Op::Load(0),
        Op::Xor,
        Op::Store(1),
        Op::Load(0),
        Op::Push(3),
        Op::Mul,
        Op::Load(1),
        Op::Add,
        Op::Store(1),
        Op::Load(0),
        Op::Push(1),
        Op::Add,
        Op::Store(0),
        Op::Load(0),
        Op::Less,
        Op::JumpIf(0),
        Op::End,
    ];
    let program = black_box(&PROGRAM);
    let (mut stack, mut top, mut locals, mut at) = ([0i32; 16], 0usize, [0i32; 4], 0usize);
    loop {
        let op = program[at & 31];
        at += 1;
        match op {
            Op::Push(value) => {
                stack[top & 15] = value;
                top += 1;
            }
            Op::Load(local) => {
                stack[top & 15] = locals[(local & 3) as usize];
                top += 1;
            }
            Op::Store(local) => {
                top -= 1;
                locals[(local & 3) as usize] = stack[top & 15];
            }
            Op::Add | Op::Mul | Op::Xor => {
                top -= 1;
                let (a, b) = (stack[(top - 1) & 15], stack[top & 15]);
                stack[(top - 1) & 15] = match op {
                    Op::Add => a.wrapping_add(b),
                    Op::Mul => a.wrapping_mul(b),
                    _ => a ^ b,
                };
            }
            Op::Less => stack[(top - 1) & 15] = (stack[(top - 1) & 15] < n) as i32,
            Op::JumpIf(to) => {
                top -= 1;
                if stack[top & 15] != 0 {
                    at = to.into();
                }
            }
            Op::End => return locals[1],
        }
    }
}
