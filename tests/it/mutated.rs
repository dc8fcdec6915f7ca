//! Real guests, cut short at each byte and with each byte changed: whatever that makes of them, it
//! is refused, or it runs to an end. Nothing panics, on a small stack.

use std::{fs, path::Path, thread::Builder};

use belljar::{Config, Error, HostStop, ModuleError, Sandbox, StopReason};

use crate::selftest::STACK;

const GUESTS: [&str; 3] = ["upper-wat", "adder", "upper-c"];

fn guest(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/guests");
    fs::read(folder.join(format!("{name}.wasm"))).unwrap()
}

/// Runs bytes with little fuel; the engine must never be the one that fails.
fn run(sandbox: &Sandbox, wasm: &[u8], what: impl Fn() -> String) {
    let end = sandbox.load(wasm).and_then(|module| sandbox.run(&module, b"some input"));
    match end {
        Err(Error::Module(error)) => {
            assert!(!matches!(*error, ModuleError::Engine { .. }), "{}: {error}", what());
        }
        Err(Error::Stopped(stopped)) => {
            assert!(
                !matches!(stopped.reason, StopReason::Host(HostStop::Engine { .. })),
                "{}: {}",
                what(),
                stopped.reason
            );
        }
        Ok(_) | Err(_) => {}
    }
}

fn on_a_small_stack(body: impl FnOnce(&Sandbox) + Send + 'static) {
    let run = || body(&Sandbox::new(Config::default().with_fuel(20_000)).unwrap());
    Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
}

#[test]
fn guests_cut_short() {
    on_a_small_stack(|sandbox| {
        for name in GUESTS {
            let whole = guest(name);
            for end in 0..whole.len() {
                run(sandbox, &whole[..end], || format!("{name}, {end} bytes"));
            }
        }
    });
}

#[test]
fn guests_with_a_byte_changed() {
    // Every other value it can have; unoptimized code sees a bit changed at both ends.
    let changes: Vec<u8> = if cfg!(debug_assertions) { vec![1, 0x80] } else { (1..=0xff).collect() };
    on_a_small_stack(move |sandbox| {
        for name in GUESTS {
            let whole = guest(name);
            for at in 0..whole.len() {
                for change in &changes {
                    let mut wasm = whole.clone();
                    wasm[at] ^= change;
                    run(sandbox, &wasm, || format!("{name}, byte {at} is {}", wasm[at]));
                }
            }
        }
    });
}

/// Bytes taken out and bytes put in move everything behind them.
#[test]
fn guests_with_a_byte_more_or_less() {
    on_a_small_stack(|sandbox| {
        for name in GUESTS {
            let whole = guest(name);
            let step = if cfg!(debug_assertions) { 5 } else { 1 };
            for at in (0..whole.len()).step_by(step) {
                let (head, tail) = whole.split_at(at);
                run(sandbox, &[head, &tail[1..]].concat(), || format!("{name} without byte {at}"));
                run(sandbox, &[head, &[0], tail].concat(), || format!("{name} with a byte more at {at}"));
            }
        }
    });
}
