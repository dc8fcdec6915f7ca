//! One module, run with an input, within limits and beyond one. `cargo run --example run` prints:
//!
//! ```text
//! HELLO, BELL JAR for 22785 fuel
//! stopped: the fuel limit of 20000 is used up after 19003 fuel
//! ```

use belljar::{Config, Error, Sandbox};

const UPPER: &[u8] = include_bytes!("../../fixtures/guests/upper-rust.wasm");

fn main() -> Result<(), Error> {
    for fuel in [1_000_000, 20_000] {
        let sandbox = Sandbox::new(Config::default().with_fuel(fuel))?;
        let module = sandbox.load(UPPER)?;
        match sandbox.run(&module, "hello, bell jar") {
            Ok(outcome) => println!("{} for {} fuel", outcome.output_text(), outcome.usage.fuel),
            Err(Error::Stopped(stopped)) => println!("{} after {} fuel", stopped.reason, stopped.usage.fuel),
            Err(refused) => return Err(refused),
        }
    }
    Ok(())
}
