//! Profiles: the defaults that a configuration starts from.

use super::word::words;

words! {
    /// Defaults that a configuration starts from.
    #[derive(Default)]
    pub enum Profile {
        /// Small untrusted modules: a host stays below half a second and 128 MiB for any of them.
        #[default]
        Plugin = "plugin",
        /// Whole programs, such as a language runtime of 30 MB.
        Large = "large",
    }
}
