//! The fuel that functions may take: `profile --expect`.

use std::{collections::BTreeMap, path::Path};

use belljar::explain::FuelProfile;
use serde::Deserialize;

use crate::{
    failure::Failure,
    show::{self, grouped},
    source::Source,
};

/// The largest file that is read.
const MAX_BYTES: u64 = 16 << 20;

/// The fuel that a run and its functions may take.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    /// The most fuel of the run.
    total: Option<u64>,
    /// The most fuel of functions with what they call, by name.
    #[serde(default)]
    functions: BTreeMap<String, u64>,
}

impl Expectations {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Expectations, Failure> {
        let text = Source::of(path).text(MAX_BYTES)?;
        toml::from_str(&text).map_err(|error| {
            Failure::usage(error.to_string().trim_end().to_owned())
                .in_file(show::path(path))
                .with_hint("it has `total = FUEL` and a table `[functions]` with `\"NAME\" = FUEL`")
        })
    }

    /// Returns a message for each function that took more, or that the run does not have.
    pub fn exceeded(&self, profile: &FuelProfile) -> Vec<String> {
        let mut found = BTreeMap::<_, u64>::new();
        for function in profile.functions() {
            *found.entry(function.callee.to_string()).or_default() += function.total;
        }
        let fuel = profile.fuel();
        let total = self.total.filter(|most| fuel > *most);
        let total = total.map(|most| format!("the run took {} fuel, {} at most", grouped(fuel), grouped(most)));
        let function = |(name, most): (&String, &u64)| {
            let shown = show::name(name);
            match found.get(name) {
                None => Some(format!("{shown} was not called: correct its name, or leave it out")),
                Some(fuel) if fuel > most => {
                    Some(format!("{shown} took {} fuel, {} at most", grouped(*fuel), grouped(*most)))
                }
                Some(_) => None,
            }
        };
        total.into_iter().chain(self.functions.iter().filter_map(function)).collect()
    }
}
