//! Configurations: what is accepted can be enforced, and what is refused is told with its place.

#![no_main]

use belljar::{Config, Error, Sandbox};
use belljar_fuzz::ends;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match Config::from_toml_with_lines(text, None, None) {
    Ok((mut config, lines)) => {
        let settings = config.enforcement();
        assert!(settings.len() > Config::keys().count());
        // What is not as usual, some line says.
        for setting in settings {
            let by = lines.of(&setting.key).or(lines.of("preset"));
            assert!(setting.value == setting.default || by.is_some(), "{}", setting.key);
        }
        // There are no host functions here that could need one.
        config.grants.clear();
        // Nor is there what it names of the host.
        config.wasi.dirs.clear();
        if let Err(error) = Sandbox::new(config) {
            panic!("{error}");
        }
    }
    Err(error) => {
        let lines = text.matches('\n').count() as u64 + 1;
        if let Error::Config(error) = &error {
            assert!(error.at.is_none_or(|at| (1..=lines).contains(&at.line) && at.column > 0), "{error}");
        }
        ends::tell(&error);
    }
});
