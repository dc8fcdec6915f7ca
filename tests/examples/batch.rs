//! One module, run for many inputs over all cores, with the results in the order of the inputs.
//! `cargo run --example batch` prints:
//!
//! ```text
//! 250: {"value":-62500}
//! 500: {"value":0}
//! 750: {"value":187500}
//! 1000: {"value":500000}
//! 34121620 fuel in all, 0 failed
//! ```

use belljar::{Config, Error, Sandbox};

const CALC: &[u8] = include_bytes!("../../fixtures/guests/calc.wasm");

fn main() -> Result<(), Error> {
    let sandbox = Sandbox::new(Config::default())?;
    let module = sandbox.load(CALC)?;
    // An iterator of any length: inputs are taken as threads get free.
    let inputs = (1..=1_000).map(|n| format!("{{\"expr\":\"{n} * ({n} - 500)\"}}"));

    let (mut fuel, mut failed) = (0, 0);
    sandbox.run_many(&module, inputs).scope(|results| {
        for (n, result) in (1..).zip(results) {
            match result {
                Ok(outcome) => {
                    fuel += outcome.usage.fuel;
                    if n % 250 == 0 {
                        println!("{n}: {}", outcome.output_text());
                    }
                }
                // The other runs go on: each has its own memory and its own limits.
                Err(_) => failed += 1,
            }
        }
    });
    println!("{fuel} fuel in all, {failed} failed");
    Ok(())
}
