//! What a live instance keeps of the machine's memory: of a thousand, each engine in a process of its own.

use std::{env, fs, process::Command};

use benches::{
    engine::{Abi, Engine, Result},
    guest::Guest,
};

pub const OPTION: &str = "--bytes";
pub const GROUP: &str = "live instances";
pub const CASE: &str = "memory of each of 1,000, with one page";

const COUNT: u64 = 1_000;

/// Prints a line for each engine that has live instances.
pub fn measure(engines: &[Box<dyn Engine>]) -> Result<()> {
    for (number, engine) in engines.iter().enumerate().filter(|(_, engine)| engine.abi() == Abi::Env) {
        let output = Command::new(env::current_exe()?).args([OPTION, &number.to_string()]).output()?;
        match output.status.success() {
            true => println!("{GROUP}\t{CASE}\t{}\t{}\tB", engine.name(), String::from_utf8(output.stdout)?.trim()),
            false => eprintln!("{GROUP}: {}: {}", engine.name(), String::from_utf8_lossy(&output.stderr).trim()),
        }
    }
    Ok(())
}

/// Prints the bytes of an instance of one engine.
pub fn print(number: &str) -> Result<()> {
    let engines = crate::engines()?;
    let engine = engines.get(number.parse::<usize>()?).ok_or("no such engine")?;
    let module = engine.load(&Guest::Calls.wasm(Abi::Env).ok_or("no such guest")?)?;
    // What is made once is not an instance's.
    module.live("tick")?(1)?;
    let before = resident()?;
    let mut live: Vec<_> = (0..COUNT).map(|_| module.live("tick")).collect::<Result<_>>()?;
    for call in &mut live {
        call(1)?;
    }
    println!("{}", resident()?.saturating_sub(before) / COUNT);
    Ok(())
}

/// Bytes of the process that are in memory.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
