//! The ceiling for the configuration in a receipt or a transcript.

use std::path::Path;

use belljar::{
    Config, Profile,
    config::{MAX_TEXT_BYTES, NumberKey},
    record::Excess,
    tool::Policy,
};

use crate::{failure::Failure, show, source::Source};

/// Reads the ceiling from a file with a section `[ceiling]`. The profile `large` gives the rest, and all without a
/// file. A file that was only found is not read: it may have come with the receipt.
pub fn of(path: Option<&Path>) -> Result<Config, Failure> {
    let mut ceiling = Config::profile(Profile::Large);
    let Some(path) = path else { return Ok(ceiling) };
    let text = Source::of(path).text(MAX_TEXT_BYTES)?;
    let of_library = |error| Failure::of(error).in_file(show::path(path));
    let policy = Policy::from_toml(&text).map_err(of_library)?;
    let limits = || Config::keys().filter(NumberKey::is_limit);
    let bounds: Vec<_> = limits().filter_map(|key| Some((key, *policy.ceiling().numbers.get(key.path)?))).collect();
    if bounds.is_empty() {
        let failure = Failure::config("expected a section `[ceiling]` with a key of `limits` or `module`");
        let hint = "for example `[ceiling]`, and on the next line `limits.fuel = 10_000_000`";
        return Err(failure.with_hint(hint).in_file(show::path(path)));
    }
    for (key, value) in bounds {
        ceiling.set(key.path, value).map_err(of_library)?;
    }
    Ok(ceiling)
}

/// Returns advice on how to allow what is above a ceiling.
pub fn hint(above: &[Excess]) -> String {
    let lines = above.iter().map(|excess| format!("`{} = {}`", excess.key, excess.asked)).collect::<Vec<_>>();
    format!("to allow it, write {} under `[ceiling]` of a file, and give that with `--ceiling`", lines.join(", "))
}
