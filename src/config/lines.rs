//! Lines of a text that set the keys of a configuration.

use alloc::{collections::BTreeMap, string::String};

/// The line of a TOML text that sets each key of a configuration
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
pub struct SourceLines(pub(super) BTreeMap<String, u64>);

impl SourceLines {
    /// Returns the line, from 1, that sets a key of [`Config::enforcement`](crate::Config::enforcement); `None` for
    /// one that the text does not have.
    pub fn of(&self, key: &str) -> Option<u64> {
        self.0.get(key).copied()
    }
}
