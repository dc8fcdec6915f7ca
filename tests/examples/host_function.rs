//! A host function with state of each run, which a run needs a capability for. `cargo run --example host_function`
//! prints:
//!
//! ```text
//! {"apples": 5, "pears": 7} after 3 calls
//! denied: `counters.add` needs `counters`
//! hint: grant it with `grants = ["counters"]` if the guest may do this
//! ```

use std::collections::BTreeMap;

use belljar::{Builder, Config, Context, Error, HostError, HostFunction, Sandbox};

const GUEST: &str = r#"(module
    (import "counters" "add" (func $add (param i32 i32 i64) (result i64)))
    (memory (export "memory") 1)
    (data (i32.const 0) "applespears")
    (func (export "_start")
        (drop (call $add (i32.const 0) (i32.const 6) (i64.const 2)))
        (drop (call $add (i32.const 6) (i32.const 5) (i64.const 7)))
        (drop (call $add (i32.const 0) (i32.const 6) (i64.const 3)))))"#;

/// The state of a run: it is created with the run, and taken out at its end.
type Counters = BTreeMap<String, i64>;

fn add(context: &mut Context<'_>, name: u32, len: u32, by: i64) -> Result<i64, HostError> {
    let name = context.read_text(name, len)?; // checked, and paid for by the guest
    context.charge(100)?; // for the work below
    let counters = context.data_mut::<Counters>().ok_or_else(|| HostError::new("the run has no counters"))?;
    let counter = counters.entry(name).or_default();
    *counter = counter.checked_add(by).ok_or_else(|| HostError::new("the counter is full"))?;
    Ok(*counter)
}

fn builder() -> Builder {
    Sandbox::builder().function(HostFunction::new("counters", "add", add).requires("counters"))
}

fn main() -> Result<(), Error> {
    let sandbox = builder().config(Config::default().with_grant("counters")).build()?;
    let mut run = sandbox.start_with(&sandbox.load_text(GUEST)?, "", Counters::new())?;
    let outcome = run.finish()?;
    let counters: Counters = run.take_data().unwrap_or_default();
    println!("{counters:?} after {} calls", outcome.usage.host_calls);

    let sandbox = builder().build()?; // nothing granted
    if let Err(error) = sandbox.run(&sandbox.load_text(GUEST)?, "") {
        println!("{error:#}");
    }
    Ok(())
}
