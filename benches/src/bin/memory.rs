//! What executions keep, and that nothing of them stays:
//!
//! ```sh
//! cargo run --release --manifest-path benches/Cargo.toml --bin memory [RUNS]
//! ```
//!
//! What each takes is what it asks of the allocator; what is left after many runs, and what a mapping takes, is
//! what the system tells of the process (`VmRSS`).

use std::{
    alloc::{GlobalAlloc, Layout, System},
    env, fs,
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use belljar::{Config, Module, Sandbox, Step};
use benches::{engine::Abi, guest::Guest};

struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is left to the system's allocator, and counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// So many at a time.
const MANY: usize = 10_000;

const COUNT: &str = r#"(module
    (memory (export "memory") PAGES)
    (global $g (mut i32) (i32.const 0))
    (func (export "_start") (local $i i32)
        (if (memory.size) (then (i32.store (i32.const 0) (i32.const 7))))
        (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))))"#;

fn resident() -> f64 {
    let text = fs::read_to_string("/proc/self/status").expect("Linux tells what a process takes");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("and so the resident part");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("in KiB")
}

fn load(sandbox: &Sandbox, pages: u32) -> Module {
    sandbox.load_text(&COUNT.replace("PAGES", &pages.to_string())).expect("a module")
}

/// KiB that each of many asks of the allocator.
fn each<T>(make: impl Fn() -> T) -> f64 {
    // What is set up once is not of these.
    drop(make());
    let mut kept = Vec::with_capacity(MANY);
    let before = ALLOCATED.load(Relaxed);
    kept.extend((0..MANY).map(|_| make()));
    let after = ALLOCATED.load(Relaxed);
    drop(black_box(kept));
    ((after - before) / MANY + size_of::<T>()) as f64 / 1024.0
}

/// KiB of the process that each of a thousand takes.
fn each_resident<T>(make: impl Fn() -> T) -> f64 {
    drop(make());
    let before = resident();
    let kept: Vec<_> = (0..1_000).map(|_| make()).collect();
    let after = resident();
    drop(black_box(kept));
    (after - before) / 1_000.0
}

fn row(what: &str, kib: f64) {
    println!("| {what} | {kib:.1} KiB |");
}

fn main() {
    let runs: u64 = env::args().nth(1).map_or(1_000_000, |runs| runs.parse().expect("a number of runs"));
    let sandbox = Sandbox::new(Config::default()).expect("the default");
    let (none, one, many) = (load(&sandbox, 0), load(&sandbox, 1), load(&sandbox, 17));

    println!("| | takes |\n|---|---|");
    row("execution, started", each(|| sandbox.start(&none, b"").expect("a run")));
    let suspended = |module| {
        let mut execution = sandbox.start(module, b"").expect("a run");
        assert!(matches!(execution.step(10_000), Ok(Step::Yielded)));
        execution
    };
    row("execution, suspended between steps, without pages", each(|| suspended(&none)));
    row("execution, suspended, with one page of 64 KiB", each(|| suspended(&one)));
    row("instance between calls, without pages", each(|| sandbox.instance(&none).expect("an instance")));
    row("module of one function", each(|| load(&sandbox, 0)));
    let before = ALLOCATED.load(Relaxed);
    let ready = sandbox.prepare(&many, 1_000).expect("its own module");
    if let Some(each) = (ALLOCATED.load(Relaxed) - before).checked_div(ready) {
        row("17 pages kept ready for a run (`prepare`)", each as f64 / 1024.0);
    }

    println!("\n| an instance that was not called yet | resident |\n|---|---|");
    row("one page", each_resident(|| sandbox.instance(&one).expect("an instance")));
    row("17 pages", each_resident(|| sandbox.instance(&many).expect("an instance")));
    let markdown = Guest::Markdown.wasm(Abi::Env).expect("it is of this form");
    let markdown = sandbox.load(&markdown).expect("a module");
    row("a Rust guest that converts Markdown", each_resident(|| sandbox.instance(&markdown).expect("an instance")));

    println!("\n| {runs} runs, one after the other | after a tenth | at the end |\n|---|---|---|");
    let report = |what: &str, run: &dyn Fn(u64)| {
        (0..runs / 10).for_each(run);
        let tenth = resident();
        (runs / 10..runs).for_each(run);
        println!("| {what} | {tenth} KiB | {} KiB |", resident());
    };
    let small =
        sandbox.load_text(r#"(module (memory 1) (func (export "_start") (i32.store (i32.const 0) (i32.const 1))))"#);
    let small = small.expect("a module");
    let large = sandbox
        .load_text(r#"(module (memory 17) (func (export "_start") (i32.store (i32.const 1000000) (i32.const 1))))"#)
        .expect("a module");
    report("one module, one page", &|_| drop(sandbox.run(&small, b"").expect("a run")));
    report("one module, 17 pages", &|_| drop(sandbox.run(&large, b"").expect("a run")));
    let template = sandbox
        .assemble(r#"(module (memory 1) (func (export "_start") (i32.store (i32.const 0) (i32.const 0x7a7a7a7a))))"#)
        .expect("a module");
    let at = template.windows(5).position(|w| w == [0xfa, 0xf4, 0xe9, 0xd3, 0x07]).expect("the constant");
    let other = |n: u64| {
        let mut bytes = template.clone();
        for (i, byte) in bytes[at..at + 4].iter_mut().enumerate() {
            *byte = 0x80 | (n >> (7 * i)) as u8;
        }
        bytes
    };
    report("another module each time", &|n| {
        let module = sandbox.load(&other(n)).expect("a module");
        drop(sandbox.run(&module, b"").expect("a run"));
    });
    report("`execute`, another module each time", &|n| {
        drop(belljar::execute(&other(n), b"", sandbox.config()).expect("a run"));
    });
}
