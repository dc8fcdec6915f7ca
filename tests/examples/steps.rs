//! A run in steps, under a budget that is granted in parts: it is suspended in between, for as long as one likes.
//! `cargo run --example steps` prints:
//!
//! ```text
//! suspended after 400001 fuel
//! suspended after 800006 fuel
//! 100000 for 901013 fuel
//! ```

use belljar::{Config, Error, Execution, Outcome, Sandbox, Step};

/// Counts to a hundred thousand.
const GUEST: &str = r#"(module
    (func (export "count") (result i32) (local $i i32)
        (loop $next
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $i) (i32.const 100000))))
        (local.get $i)))"#;

/// Spends a budget in steps, between which a program can do other work; returns the outcome if the run has ended.
fn spend(run: &mut Execution, budget: u64) -> Result<Option<Outcome>, Error> {
    let until = run.usage().fuel + budget;
    while run.usage().fuel < until {
        let left = until - run.usage().fuel;
        if let Step::Done(outcome) = run.step(left.min(10_000))? {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}

fn main() -> Result<(), Error> {
    let sandbox = Sandbox::new(Config::default())?;
    let module = sandbox.load_text(GUEST)?;
    let mut run = sandbox.start_call(&module, "count", &[], "", ())?;
    loop {
        match spend(&mut run, 400_000)? {
            Some(outcome) => {
                outcome.results.iter().for_each(|result| println!("{result} for {} fuel", outcome.usage.fuel));
                return Ok(());
            }
            None => println!("suspended after {} fuel", run.usage().fuel),
        }
    }
}
