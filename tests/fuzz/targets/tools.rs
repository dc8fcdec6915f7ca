//! Tools: a manifest is packed and read the same, no plan is above its ceiling or less than it says, and
//! checking a value against any schema ends soon. The text is one as of `fixtures/tools`.

#![no_main]

use belljar::{
    Sandbox,
    tool::{Manifest, Policy, Schema},
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let parts: Vec<&str> = text.split("'''").collect();
    let part = |name: &str| {
        let at = parts.iter().step_by(2).position(|key| key.trim_end().ends_with(name))?;
        parts.get(at * 2 + 1).copied()
    };
    if let Some(schema) = part("schema =").and_then(|schema| serde_json::from_str::<Value>(schema).ok()) {
        check(&schema, parts.last().unwrap_or(&""));
    }
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    match Manifest::from_toml(part("manifest =").unwrap_or_default()) {
        Ok(manifest) => {
            wasm = manifest.pack(&wasm).expect("a module");
            assert_eq!(Manifest::of(&wasm).as_ref(), Ok(&Some(manifest.clone())));
            let schemas = manifest.input.iter().chain(&manifest.output);
            schemas.for_each(|schema| check(schema, parts.last().unwrap_or(&"")));
        }
        Err(error) => drop((error.to_string(), error.hint())),
    }
    match Policy::from_toml(part("policy =").unwrap_or_default()) {
        Ok(policy) => plan(&policy, &wasm),
        Err(error) => drop((error.to_string(), error.hint())),
    }
});

/// Each text in quotes of what is behind the schema is a value, and so is the schema itself.
fn check(schema: &Value, values: &str) {
    let Ok(known) = Schema::new(schema) else { return };
    let values = values.split('\'').filter_map(|text| serde_json::from_str(text).ok());
    for value in values.chain([schema.clone()]) {
        if let Err(all) = known.check(&value) {
            assert!((1..=8).contains(&all.len()));
            // A path leads to something in the value.
            assert!(all.iter().all(|one| value.pointer(&one.path).is_some()), "{all:?}");
        }
    }
}

fn plan(policy: &Policy, wasm: &[u8]) {
    let Ok(plan) = policy.plan(wasm, "file.wasm") else { return };
    let (bounded, above) = policy.bounded(plan.config.clone());
    assert_eq!((&bounded, above.len()), (&plan.config, 0));
    for line in &plan.lines {
        // What is not given is missing if it is required.
        let missing = plan.missing.iter().any(|missing| missing.key == line.key || missing.key == "wasi.access");
        let given = line.required.is_none() || line.effective.is_some();
        assert!(given || missing, "{line:?}");
    }
    let mut config = plan.config;
    // There are no host functions here that could need one, nor what it names of the host.
    config.grants.clear();
    config.wasi.dirs.clear();
    // Files that fit what all tools have may be too many for a lower limit: that is told.
    let _ = Sandbox::new(config);
}
