//! A worker leaves no process and no open file.

use super::*;

/// Returns the number of open files of this process.
fn open() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Returns the IDs of the processes that this thread has started and not waited for.
fn children() -> String {
    fs::read_to_string("/proc/thread-self/children").unwrap_or_default()
}

#[test]
fn two_hundred_runs_leave_nothing() {
    let config = Config::default();
    let (isolation, empty) = (isolation(&config), wasm(r#"(module (func (export "_start")))"#));
    isolation.run(&empty, b"").unwrap();
    // Other tests open and close files meanwhile.
    let before = open();
    for i in 0..200 {
        match i % 4 {
            0 => drop(isolation.start(&empty, b"").unwrap()),
            1 => drop(isolation.run(b"not a module", b"").unwrap_err()),
            _ => drop(isolation.run(&empty, b"").unwrap()),
        }
    }
    let after = open();
    assert!(after < before + 100, "{before} open files before, {after} after");
    assert_eq!(children(), "");
}
