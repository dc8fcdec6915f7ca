//! By which line of a text a configuration has its values.

use alloc::{collections::BTreeMap, string::String};

/// By which line of a TOML text a configuration has each of its values
/// ([`Config::from_toml_with_lines`](crate::Config::from_toml_with_lines)).
///
/// ```
/// use belljar::Config;
///
/// let text = "[limits]\nfuel = 7\n\n[wasi.env]\nLANG = \"C\"\n";
/// let (config, lines) = Config::from_toml_with_lines(text, None, None)?;
/// let set: Vec<_> = config.enforcement().into_iter().filter_map(|s| Some((lines.of(&s.key)?, s.key))).collect();
/// assert_eq!(set, [(2, "limits.fuel".into()), (5, "wasi.env.LANG".into())]);
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines(pub(super) BTreeMap<String, u64>);

impl Lines {
    /// The line, from 1, that sets a key of [`Config::enforcement`](crate::Config::enforcement); `None` for
    /// one that the text does not have.
    pub fn of(&self, key: &str) -> Option<u64> {
        self.0.get(key).copied()
    }
}
