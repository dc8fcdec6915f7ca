//! The comparison of two profiles: `profile --compare`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    path::Path,
};

use belljar::explain::FuelProfile;
use serde_json::Value;

use crate::{
    failure::Failure,
    show::{self, grouped},
    source::Source,
};

/// The largest profile that is read.
const MAX_BYTES: u64 = 256 << 20;

/// The functions of an earlier profile: calls and own fuel by name.
#[derive(Debug)]
pub struct Compared(BTreeMap<String, (u64, u64)>);

impl Compared {
    /// Reads a profile that `--format json` has written.
    pub fn read(path: &Path) -> Result<Compared, Failure> {
        let text = Source::of(path).text(MAX_BYTES)?;
        let not_a_profile = |message: String| {
            Failure::usage(format!("not a profile: {message}"))
                .in_file(show::path(path))
                .with_hint("`belljar profile --format json` writes one")
        };
        let document: Value = serde_json::from_str(&text).map_err(|error| not_a_profile(error.to_string()))?;
        let listed = document.get("functions").and_then(Value::as_array);
        let listed = listed.ok_or_else(|| not_a_profile("it has no list `functions`".into()))?;
        let mut functions = BTreeMap::<_, (u64, u64)>::new();
        for function in listed {
            let number = |key| function.get(key).and_then(Value::as_u64);
            let (Some(callee), Some(calls), Some(own)) = (function.get("callee"), number("calls"), number("own"))
            else {
                return Err(not_a_profile("a function lacks `callee`, `calls` or `own`".into()));
            };
            let entry = functions.entry(name(callee)).or_default();
            *entry = (entry.0.saturating_add(calls), entry.1.saturating_add(own));
        }
        Ok(Compared(functions))
    }

    /// Prints the functions whose own fuel differs, the largest difference first.
    pub fn print(&self, profile: &FuelProfile, top: usize) -> io::Result<()> {
        let mut new = BTreeMap::<_, (u64, u64)>::new();
        for function in profile.functions() {
            let entry = new.entry(function.callee.to_string()).or_default();
            *entry = (entry.0 + function.calls, entry.1 + function.own);
        }
        let names: BTreeSet<_> = self.0.keys().chain(new.keys()).collect();
        let mut rows: Vec<_> = names
            .into_iter()
            .map(|name| {
                let before = self.0.get(name).copied().unwrap_or_default();
                let after = new.get(name).copied().unwrap_or_default();
                (i128::from(after.1) - i128::from(before.1), before, after, name)
            })
            .filter(|(change, before, after, _)| *change != 0 || before.0 != after.0)
            .collect();
        rows.sort_by_key(|(change, _, _, name)| (-change.abs(), *name));
        let mut out = io::stdout().lock();
        writeln!(out, "{:>18} {:>18} {:>19} {:>9}  function", "own fuel before", "own fuel", "difference", "calls")?;
        let most = if top == 0 { rows.len() } else { top };
        for (change, before, after, name) in rows.iter().take(most) {
            let calls = i128::from(after.0) - i128::from(before.0);
            let [before, after] = [before.1, after.1].map(grouped);
            writeln!(out, "{before:>18} {after:>18} {:>19} {calls:>+9}  {}", signed(*change), show::name(name))?;
        }
        if let Some(left) = rows.len().checked_sub(most).filter(|left| *left > 0) {
            writeln!(out, "{}", show::count(left as u64, "other function"))?;
        }
        let before = self.0.values().fold(0u64, |sum, (_, own)| sum.saturating_add(*own));
        let (after, change) = (profile.fuel(), i128::from(profile.fuel()) - i128::from(before));
        writeln!(out, "{:>18} {:>18} {:>19}", grouped(before), grouped(after), signed(change))
    }
}

/// Returns the name of a function, as [`Callee`](belljar::explain::Callee) shows it.
fn name(callee: &Value) -> String {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(String::from);
    if let Some(guest) = callee.get("guest") {
        let number = || format!("function {}", guest.get("function").and_then(Value::as_u64).unwrap_or_default());
        return text(guest, "name").unwrap_or_else(number);
    }
    match callee.get("host") {
        Some(host) => [text(host, "module"), text(host, "name")].map(Option::unwrap_or_default).join("::"),
        None => "(belljar)".into(),
    }
}

fn signed(change: i128) -> String {
    let sign = if change < 0 { '-' } else { '+' };
    format!("{sign}{}", grouped(u64::try_from(change.unsigned_abs()).unwrap_or(u64::MAX)))
}
