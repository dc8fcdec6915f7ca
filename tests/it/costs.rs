//! The cost of the most costly inputs: processor time and memory, each in a separate process.

use std::{env, fs, process::Command, time::Instant};

use crate::memory::status;
use list::{Cost, costs};

#[allow(dead_code, reason = "`tests/bounds` uses all of it")]
mod list;

/// Which of them the child is to run.
const COST: &str = "BELLJAR_COST";

const MOST_NANOSECONDS: u64 = 750_000_000;
const MOST_KIB: u64 = 128 << 10;

/// The most that a refusal by the scan may take, before anything reaches the engine: a millisecond, and
/// for large inputs what reading them takes, 50 nanoseconds a byte.
fn most_of_a_refusal(size: u64) -> u64 {
    1_000_000_u64.max(50 * size)
}

/// Whether the scan of the binary form says this.
fn is_of_the_scan(cost: &Cost, end: &str) -> bool {
    !cost.is_text && end.strip_prefix("refused: ").is_some_and(|cause| cause.contains('.'))
}

/// Prints a table, and checks in an optimized build that nothing exceeds 0.75 s and 128 MiB, and
/// no refusal a millisecond.
///
/// `cargo test --release costs::table -- --ignored --nocapture`
#[test]
#[ignore = "takes its time, and measures time"]
fn table() {
    let mut beyond = Vec::new();
    println!("{:32} {:>10} {:>10} {:>10}  end", "input", "bytes", "µs", "KiB");
    for cost in costs() {
        // What else the machine does can only add to it: of what is beyond, the least of three times counts.
        let mut told = None;
        for _ in 0..3 {
            told = measure(&cost);
            if told.is_none() {
                break;
            }
        }
        beyond.extend(told);
    }
    println!("beyond the bounds: {beyond:#?}");
    assert!(cfg!(debug_assertions) || beyond.is_empty());
}

/// Prints the line of one of them, and tells it again if it is beyond a bound.
fn measure(cost: &Cost) -> Option<String> {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "costs::child", "--nocapture"])
        .env(COST, cost.name)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&child.stdout);
    let Some(line) = out.lines().find_map(|line| line.strip_prefix("measured\t")) else {
        println!("{:32} {}", cost.name, child.status);
        return Some(format!("{}: {}", cost.name, child.status));
    };
    let parts: Vec<_> = line.split('\t').collect();
    let [size, nanoseconds, kib] = [0, 1, 2].map(|at| parts[at].parse::<u64>().unwrap());
    println!("{:32} {size:>10} {:>10} {kib:>10}  {}", cost.name, nanoseconds / 1_000, parts[3]);
    let most = if is_of_the_scan(cost, parts[3]) { most_of_a_refusal(size) } else { MOST_NANOSECONDS };
    let is_beyond = nanoseconds > most || kib > MOST_KIB || parts[3] != cost.expected;
    is_beyond.then(|| format!("{}: {} µs, {kib} KiB, {}", cost.name, nanoseconds / 1_000, parts[3]))
}

/// Runs the one that the parent names.
#[test]
#[ignore = "a child of `table`"]
fn child() {
    let name = env::var(COST).unwrap();
    let cost = costs().into_iter().find(|cost| cost.name == name).unwrap();
    let input = cost.build();
    let size = input.size();
    // A run before, so that what is set up once in a process is not counted.
    drop(costs()[0].build().run());
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (memory, clock, time) = (status("VmRSS:"), Instant::now(), on_processor());
    let end = input.run();
    // The processor's time comes in ticks of some milliseconds: a short one is better told by the clock.
    let (time, clock) = (on_processor() - time, clock.elapsed().as_nanos() as u64);
    let mut time = if time < 10_000_000 { time.max(clock.min(10_000_000)) } else { time };
    let memory = status("VmHWM:").saturating_sub(memory);
    if is_of_the_scan(&cost, &end) {
        // Times so short are disturbed by what else the machine does: the best of some is taken.
        let once = |_| {
            let clock = Instant::now();
            drop(input.run());
            clock.elapsed().as_nanos() as u64
        };
        time = (0..10).map(once).fold(time, u64::min);
    }
    println!("\nmeasured\t{size}\t{time}\t{memory}\t{end}");
}

/// Nanoseconds that this thread has been on a processor.
fn on_processor() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}
