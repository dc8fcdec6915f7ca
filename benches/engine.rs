//! belljar beside the same engine driven by hand: same metering, same slices, same modules.

use std::hint::black_box;

use belljar::{Config, Sandbox};
use criterion::{Criterion, criterion_group, criterion_main};
use wasmi::{Caller, CompilationMode, Engine, Linker, Module, ResumableCall, Store, Val};

const SLICE: u64 = 100_000;
const FUEL: u64 = 1_000_000_000_000;

const MARKDOWN: &[u8] = include_bytes!("../fixtures/guests/markdown.wasm");
const UPPER: &[u8] = include_bytes!("../fixtures/guests/upper-c.wasm");

/// What an embedder who knows the engine would write: the input and output of one run.
#[derive(Default)]
struct Io {
    input: Vec<u8>,
    cursor: usize,
    output: Vec<u8>,
}

fn by_hand(wasm: &[u8]) -> (Engine, Module, Linker<Io>) {
    let mut config = wasmi::Config::default();
    config.consume_fuel(true).compilation_mode(CompilationMode::Eager).ignore_custom_sections(true);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, wasm).unwrap();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("env", "input_len", |c: Caller<Io>| c.data().input.len() as u32).unwrap();
    linker
        .func_wrap("env", "read_input", |mut c: Caller<Io>, ptr: u32, len: u32| {
            let memory = c.get_export("memory").unwrap().into_memory().unwrap();
            let (bytes, io) = memory.data_and_store_mut(&mut c);
            let rest = &io.input[io.cursor..];
            let count = rest.len().min(len as usize);
            bytes[ptr as usize..][..count].copy_from_slice(&rest[..count]);
            io.cursor += count;
            count as u32
        })
        .unwrap();
    linker
        .func_wrap("env", "write_output", |mut c: Caller<Io>, ptr: u32, len: u32| {
            let memory = c.get_export("memory").unwrap().into_memory().unwrap();
            let (bytes, io) = memory.data_and_store_mut(&mut c);
            io.output.extend_from_slice(&bytes[ptr as usize..][..len as usize]);
        })
        .unwrap();
    linker.func_wrap("env", "log", |_: Caller<Io>, _: u32, _: u32| ()).unwrap();
    linker.func_wrap("env", "fail", |_: Caller<Io>, _: u32, _: u32| ()).unwrap();
    (engine, module, linker)
}

fn run_by_hand(engine: &Engine, module: &Module, linker: &Linker<Io>, input: &[u8]) -> Vec<u8> {
    let mut store = Store::new(engine, Io { input: input.to_vec(), ..Io::default() });
    store.set_fuel(SLICE).unwrap();
    let instance = linker.instantiate_and_start(&mut store, module).unwrap();
    let execute = instance.get_func(&store, "execute").unwrap();
    let mut results = [Val::I32(0)];
    let arguments = [Val::I32(0), Val::I32(input.len() as i32)];
    let mut call = execute.call_resumable(&mut store, &arguments, &mut results).unwrap();
    while let ResumableCall::OutOfFuel(paused) = call {
        store.set_fuel(SLICE.max(paused.required_fuel())).unwrap();
        call = paused.resume(&mut store, &mut results).unwrap();
    }
    store.into_data().output
}

fn cold(c: &mut Criterion) {
    let mut group = c.benchmark_group("cold: load and run");
    let config = Config::default().with_fuel(FUEL).with_module_cache_bytes(0);
    for (name, wasm, input) in [("upper-c, 0.5 KB", UPPER, "hello"), ("markdown, 223 KB", MARKDOWN, "# hello *there*")]
    {
        group.bench_function(format!("{name}/by hand"), |b| {
            b.iter(|| {
                let (engine, module, linker) = by_hand(wasm);
                black_box(run_by_hand(&engine, &module, &linker, input.as_bytes()))
            })
        });
        group.bench_function(format!("{name}/belljar"), |b| {
            b.iter(|| black_box(belljar::execute(wasm, input.as_bytes(), &config).unwrap()))
        });
    }
}

fn warm(c: &mut Criterion) {
    let mut group = c.benchmark_group("warm: fresh store and instance");
    let text = "# A heading\n\nSome *text* with `code` and a [link](https://example.org).\n".repeat(50);
    for (name, wasm, input) in [("upper-c", UPPER, "hello"), ("markdown 3.6 KB", MARKDOWN, text.as_str())] {
        let (engine, module, linker) = by_hand(wasm);
        group.bench_function(format!("{name}/by hand"), |b| {
            b.iter(|| black_box(run_by_hand(&engine, &module, &linker, input.as_bytes())))
        });
        let sandbox = Sandbox::new(Config::default().with_fuel(FUEL)).unwrap();
        let module = sandbox.load(wasm).unwrap();
        group.bench_function(format!("{name}/belljar"), |b| b.iter(|| black_box(sandbox.run(&module, input).unwrap())));
    }
}

fn calls(c: &mut Criterion) {
    let mut group = c.benchmark_group("calls into a live instance");
    let wasm = wat::parse_str(
        r#"(module
            (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
            (func $fib (export "fib") (param i32) (result i32)
                (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
                    (then (local.get 0))
                    (else (i32.add
                        (call $fib (i32.sub (local.get 0) (i32.const 1)))
                        (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#,
    )
    .unwrap();
    let (engine, module, linker) = by_hand(&wasm);
    let mut store = Store::new(&engine, Io::default());
    store.set_fuel(u64::MAX).unwrap();
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let sandbox = Sandbox::new(Config::default().with_fuel(1_000_000_000_000_000)).unwrap();
    let module = sandbox.load(&wasm).unwrap();
    let mut ours = sandbox.instance(&module).unwrap();

    let add = instance.get_typed_func::<(i32, i32), i32>(&store, "add").unwrap();
    group.bench_function("add/by hand", |b| b.iter(|| black_box(add.call(&mut store, (2, 3)).unwrap())));
    group.bench_function("add/belljar", |b| b.iter(|| black_box(ours.call::<(i32, i32), i32>("add", (2, 3)).unwrap())));
    let fib = instance.get_typed_func::<i32, i32>(&store, "fib").unwrap();
    group.bench_function("fib 20/by hand", |b| b.iter(|| black_box(fib.call(&mut store, 20).unwrap())));
    group.bench_function("fib 20/belljar", |b| b.iter(|| black_box(ours.call::<i32, i32>("fib", 20).unwrap())));
}

criterion_group!(benches, cold, warm, calls);
criterion_main!(benches);
