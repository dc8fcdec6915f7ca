//! The engine embedded in the plain way, with metering and limits on, against the hostile inputs.
//!
//! `belljar-plain FOLDER`: a table of what those inputs do that are not simply refused or stopped. The
//! folder is what `belljar-builds dump FOLDER` wrote. Each input runs in a process of its own, which
//! may take 10 seconds of the processor and 4 GiB.

use std::{env, fs, os::unix::process::ExitStatusExt, path::Path, process::Command};

use wasmi::{Caller, Config, Engine, Extern, Linker, Memory, Module, Store, StoreLimits, StoreLimitsBuilder};

/// What belljar gives a guest by default.
const FUEL: u64 = 10_000_000;
const MEMORY: usize = 16 << 20;
const ELEMENTS: usize = 100_000;

/// As long and as large as belljar lets any of the inputs become.
const MOST_MS: u64 = 500;
const MOST_KIB: u64 = 64 << 10;

struct Host {
    limits: StoreLimits,
    input: Vec<u8>,
    output: Vec<u8>,
}

fn memory(caller: &Caller<'_, Host>) -> Memory {
    caller.get_export("memory").and_then(Extern::into_memory).unwrap()
}

fn bytes(caller: &Caller<'_, Host>, ptr: u32, len: u32) -> Result<Vec<u8>, wasmi::Error> {
    let mut bytes = vec![0; len as usize];
    memory(caller).read(caller, ptr as usize, &mut bytes)?;
    Ok(bytes)
}

fn run(wasm: &[u8]) -> Result<(), wasmi::Error> {
    let mut config = Config::default();
    config.consume_fuel(true);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, wasm)?;

    let limits = StoreLimitsBuilder::new().memory_size(MEMORY).table_elements(ELEMENTS).build();
    let mut store = Store::new(&engine, Host { limits, input: vec![b'x'; 1 << 20], output: Vec::new() });
    store.limiter(|host| &mut host.limits);
    store.set_fuel(FUEL)?;

    let mut linker = Linker::<Host>::new(&engine);
    linker.func_wrap("env", "input_len", |caller: Caller<'_, Host>| caller.data().input.len() as u32)?;
    linker.func_wrap("env", "read_input", |mut caller: Caller<'_, Host>, ptr: u32, len: u32| {
        let count = caller.data().input.len().min(len as usize);
        let bytes = caller.data().input[..count].to_vec();
        memory(&caller).write(&mut caller, ptr as usize, &bytes)?;
        Ok::<u32, wasmi::Error>(count as u32)
    })?;
    linker.func_wrap("env", "write_output", |mut caller: Caller<'_, Host>, ptr: u32, len: u32| {
        let bytes = bytes(&caller, ptr, len)?;
        caller.data_mut().output.extend(bytes);
        Ok::<(), wasmi::Error>(())
    })?;
    linker.func_wrap("env", "log", |caller: Caller<'_, Host>, ptr: u32, len: u32| {
        // Kept for nobody, so that it is only the reading that is measured.
        bytes(&caller, ptr, len).map(|message| drop(String::from_utf8_lossy(&message).into_owned()))
    })?;
    linker.func_wrap("host", "panic", || -> () { panic!("a host function panics") })?;

    let instance = linker.instantiate_and_start(&mut store, &module)?;
    if let Ok(start) = instance.get_typed_func::<(), ()>(&store, "_start") {
        start.call(&mut store, ())?;
    }
    Ok(())
}

/// Runs a module, and prints how long it took and how large the process became.
fn child(path: &str) {
    let wasm = fs::read(path).unwrap();
    // As is done with a panic: it is caught.
    let end = match std::panic::catch_unwind(|| run(&wasm)) {
        Ok(Ok(())) => "done".into(),
        Ok(Err(error)) => {
            let length = error.to_string().len();
            if length > 10_000 { format!("an error of {length} bytes") } else { "refused or stopped".into() }
        }
        Err(_) => "a panic".to_string(),
    };
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let time = fs::read_to_string("/proc/self/schedstat").unwrap();
    let nanoseconds: u64 = time.split_whitespace().next().unwrap().parse().unwrap();
    println!("{}\t{}\t{end}", nanoseconds / 1_000_000, peak.split_whitespace().next().unwrap());
}

/// What a module does to a process; `None` if nothing that has to be told.
fn told(path: &Path) -> Option<String> {
    let limited = "ulimit -v 4194304; ulimit -c 0; ulimit -t 10; exec \"$0\" child \"$1\"";
    let mut shell = Command::new("sh");
    let out = shell.arg("-c").arg(limited).arg(env::current_exe().unwrap()).arg(path).output().unwrap();
    let line = String::from_utf8_lossy(&out.stdout).trim().to_string();
    let [ms, kib, end] = line.split('\t').collect::<Vec<_>>()[..] else {
        const ABORT: i32 = 6;
        const KILL: i32 = 9;
        const SEGMENT: i32 = 11;
        const TIME: i32 = 24;
        return Some(match out.status.signal() {
            Some(KILL | TIME) => "**more than 10 s**".into(),
            Some(ABORT) => "**the process aborts**".into(),
            Some(SEGMENT) => "**the process crashes**".into(),
            _ => format!("**the process ends, {}**", out.status),
        });
    };
    let (ms, kib) = (ms.parse::<u64>().unwrap(), kib.parse::<u64>().unwrap());
    match end {
        "a panic" => Some("a panic".into()),
        "done" | "refused or stopped" if ms <= MOST_MS && kib <= MOST_KIB => None,
        end => Some(format!("{end}, {:.1} s, {} MiB", ms as f64 / 1e3, kib >> 10)),
    }
}

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [first, rest @ ..] = &arguments[..] else { panic!("a folder") };
    if let ("child", [path]) = (first.as_str(), rest) {
        return child(path);
    }
    println!("| input | tries | against | the engine alone | belljar |\n|---|---|---|---|---|");
    let (mut all, mut harmful) = (0, 0);
    let list = fs::read_to_string(Path::new(first).join("attacks.tsv")).unwrap();
    for line in list.lines() {
        let [name, tries, against, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        // Of many modules, those at the front, in the middle and at the end.
        let files: Vec<_> =
            (0..).map(|n| Path::new(first).join(format!("{name}.{n}.wasm"))).take_while(|p| p.exists()).collect();
        let step = files.len().div_ceil(50).max(1);
        all += usize::from(!files.is_empty());
        if let Some(told) = files.iter().step_by(step).find_map(|path| told(path)) {
            harmful += 1;
            println!("| `{name}` | {tries} | {against} | {told} | {expected} |");
        }
    }
    println!("\n{harmful} of {all} inputs");
}
