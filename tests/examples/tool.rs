//! A module that describes itself, called with JSON that is checked against its schema.
//! `cargo run --example tool --features json` prints:
//!
//! ```text
//! `calc` requires capabilities that are not granted: `limits.fuel`
//! calc: {"value":42} for 31958 fuel
//! the input does not match its schema: at `/expr`: 42 is not of type "string"
//! ```

use belljar::{
    Config,
    tool::{Manifest, Policy, Tool, ToolError},
};
use serde_json::{Value, json};

const CALC: &[u8] = include_bytes!("../../fixtures/guests/calc.wasm");

const MANIFEST: &str = r#"
name = "calc"
description = "Evaluates an arithmetic expression."
input = { type = "object", properties = { expr = { type = "string" } }, required = ["expr"] }
output = { type = "object", properties = { value = { type = "number" } }, required = ["value"] }
requires.limits.fuel = 100_000
"#;

fn main() -> Result<(), ToolError> {
    // The author of the module packs the manifest into it, once.
    let wasm = Manifest::from_toml(MANIFEST)?.pack(CALC)?;

    // The host decides what tools get: less than this one requires, and it is refused.
    for fuel in [10_000, 1_000_000] {
        let policy = Policy::new(Config::default().with_fuel(fuel));
        let tool = match Tool::load(&wasm, "calc.wasm", &policy) {
            Ok(tool) => tool,
            Err(refused) => {
                println!("{refused}");
                continue;
            }
        };
        let (answer, outcome) = tool.run_json::<_, Value>(&json!({ "expr": "6 * 7" }))?;
        println!("{}: {answer} for {} fuel", tool.name(), outcome.usage.fuel);

        if let Err(mismatch) = tool.run_json::<_, Value>(&json!({ "expr": 42 })) {
            println!("{mismatch}");
        }
    }
    Ok(())
}
