//! Preopened directories of the host.

use alloc::{collections::BTreeMap, format, string::String};

use serde::{Deserialize, Serialize};

use super::{
    NumberKey,
    grammar::{Field, Kind, ScalarKind},
    key::{ListKey, indexed, list},
    quote::quoted,
    word::words,
};
use crate::{
    data::files::{self, FileBytes},
    error::{ConfigError, ConfigProblem, Unit, ValueProblem},
};

/// Most directories of one configuration.
const MAX_DIRS: usize = 64;

/// A directory of the host, preopened for a WASI program.
///
/// It is an effect: its contents may differ between runs, and a program with write access changes the host.
/// [`docs::dirs`](crate::docs::dirs) says what can be reached, and what cannot.
///
/// ```
/// use belljar::{Config, config::HostDir};
///
/// let config = Config::default()
///     .with_dir(HostDir::read("data", "/data"))
///     .with_dir(HostDir::write("out", "/out").with_total_bytes(1 << 20));
/// let same = Config::from_toml(r#"
///     [[wasi.dirs]]
///     host = "data"
///     guest = "/data"
///     [[wasi.dirs]]
///     host = "out"
///     guest = "/out"
///     access = "write"
///     total_bytes = 1_048_576
/// "#)?;
/// assert_eq!(config, same);
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HostDir {
    /// Path on the host; a relative path starts from the current directory.
    pub host: String,
    /// Absolute path under which the program finds it.
    pub guest: String,
    /// Access of the program. Default: read.
    pub access: DirAccess,
    /// Largest size to which the program may extend a file, in bytes; beyond it, the functions return `fbig`. Range: `0` to
    /// `2^40`. Default: 64 MiB.
    pub file_bytes: u64,
    /// Bytes that the program may add to all files; beyond it, the functions return `dquot`. Bytes that it
    /// removed again do not count, nor do those that were there before. Range: `0` to
    /// `2^50`. Default: 256 MiB.
    pub total_bytes: u64,
    /// Names of files, directories and links that the program may add; beyond it, the functions return `dquot`.
    /// Names that it removed again do not count. Range: `0` to 10 million. Default: 10,000.
    pub files: u64,
}

words! {
    /// Access of a WASI program to a directory of the host.
    #[derive(Default)]
    pub enum DirAccess {
        /// List and read; all other functions return `rofs`.
        #[default]
        Read = "read",
        /// Create, write and remove, too.
        Write = "write",
    }
}

impl Default for HostDir {
    fn default() -> Self {
        let [file_bytes, total_bytes, files] = KEYS.map(|key| key.plugin);
        HostDir { host: String::new(), guest: String::new(), access: DirAccess::Read, file_bytes, total_bytes, files }
    }
}

impl HostDir {
    /// Makes a directory that can be read.
    pub fn read(host: impl Into<String>, guest: impl Into<String>) -> Self {
        HostDir { host: host.into(), guest: guest.into(), ..HostDir::default() }
    }

    /// Makes a directory that can be read and written.
    pub fn write(host: impl Into<String>, guest: impl Into<String>) -> Self {
        HostDir { access: DirAccess::Write, ..HostDir::read(host, guest) }
    }

    /// Sets the largest size of a file, in bytes.
    #[must_use]
    pub fn with_file_bytes(mut self, bytes: u64) -> Self {
        self.file_bytes = bytes;
        self
    }

    /// Sets how many bytes may be added to all files.
    #[must_use]
    pub fn with_total_bytes(mut self, bytes: u64) -> Self {
        self.total_bytes = bytes;
        self
    }

    /// Sets how many names may be added.
    #[must_use]
    pub fn with_files(mut self, names: u64) -> Self {
        self.files = names;
        self
    }

    fn check(
        &self,
        dirs: &[HostDir],
        files: &BTreeMap<String, FileBytes>,
    ) -> Result<(), (&'static str, ConfigProblem)> {
        let unfit = |key, why| Err((key, ConfigProblem::Unfit { why }));
        if self.host.is_empty() || self.host.contains('\0') {
            return unfit("host", ValueProblem::HostPath);
        }
        if !files::is_given_path(&self.guest) || (self.guest.len() > 1 && self.guest.ends_with('/')) {
            return unfit("guest", ValueProblem::GuestPath);
        }
        if dirs.iter().filter(|other| other.guest == self.guest).count() > 1 {
            return unfit("guest", ValueProblem::GuestPathTwice);
        }
        if files.keys().any(|path| is_at(path, &self.guest)) {
            return unfit("guest", ValueProblem::GuestPathOfFiles);
        }
        for (key, value) in KEYS.iter().zip([self.file_bytes, self.total_bytes, self.files]) {
            key.check(value.into()).map_err(|problem| (key.path.trim_start_matches(SECTION), problem))?;
        }
        Ok(())
    }
}

/// Returns whether a path is equal to another or below it.
fn is_at(path: &str, above: &str) -> bool {
    match path.strip_prefix(above.trim_end_matches('/')) {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

const SECTION: &str = "wasi.dirs.";

const fn key(path: &'static str, unit: Unit, max: u64, default: u64, enforced: &'static str) -> NumberKey {
    NumberKey { path, unit, min: 0, max, plugin: default, large: default, enforced }
}

/// The number keys of a directory.
const KEYS: [NumberKey; 3] = [
    key("wasi.dirs.file_bytes", Unit::Bytes, 1 << 40, 64 << 20, "whatever makes a file larger, before it does"),
    key("wasi.dirs.total_bytes", Unit::Bytes, 1 << 50, 256 << 20, "whatever makes a file larger, before it does"),
    key("wasi.dirs.files", Unit::Names, 10_000_000, 10_000, "whatever makes a name, before it does"),
];

/// The key `wasi.dirs`.
pub(super) const KEY: ListKey = ListKey {
    effect: true,
    requested: Some(Kind::Tables(&[GUEST, ACCESS])),
    merge: |config, other| {
        let others = &other.wasi.dirs;
        config.wasi.dirs.retain(|dir| !others.iter().any(|other| other.guest == dir.guest));
        config.wasi.dirs.extend(others.iter().cloned());
    },
    ..list!(
        "wasi.dirs",
        wasi.dirs,
        Kind::Tables(DIR),
        "[]",
        |config| indexed(&config.wasi.dirs, table),
        "the functions of files: a path is gone along step by step below it"
    )
};

const DIR: &[Field] = &[
    ("host", Kind::Text),
    GUEST,
    ACCESS,
    ("file_bytes", Kind::Scalar(ScalarKind::Number(KEYS[0]))),
    ("total_bytes", Kind::Scalar(ScalarKind::Number(KEYS[1]))),
    ("files", Kind::Scalar(ScalarKind::Number(KEYS[2]))),
];
const GUEST: Field = ("guest", Kind::Text);
const ACCESS: Field = ("access", Kind::Scalar(ScalarKind::Word(DirAccess::NAMES)));

/// Formats a directory as TOML writes it.
fn table(dir: &HostDir) -> String {
    let HostDir { host, guest, access, file_bytes, total_bytes, files } = dir;
    let [host, guest, access] = [host, guest, access.name()].map(quoted);
    format!(
        "{{ host = {host}, guest = {guest}, access = {access}, file_bytes = {file_bytes}, \
         total_bytes = {total_bytes}, files = {files} }}"
    )
}

/// Checks directories without opening them.
pub(super) fn check(dirs: &[HostDir], files: &BTreeMap<String, FileBytes>) -> Result<(), ConfigError> {
    let error = |key, problem| Err(ConfigError { key, at: None, problem });
    if dirs.len() > MAX_DIRS {
        return error("wasi.dirs".into(), ConfigProblem::Unfit { why: ValueProblem::TooManyDirectories });
    }
    for (index, dir) in dirs.iter().enumerate() {
        if let Err((key, problem)) = dir.check(dirs, files) {
            return error(format!("wasi.dirs[{index}].{key}"), problem);
        }
    }
    Ok(())
}

/// Checks that this build can open directories, if there are any.
pub(super) fn check_effects(dirs: &[HostDir]) -> Result<(), ConfigError> {
    let problem = if dirs.is_empty() || cfg!(all(feature = "fs", unix)) {
        return Ok(());
    } else if cfg!(feature = "fs") {
        ConfigProblem::Unfit { why: ValueProblem::NotUnix }
    } else {
        ConfigProblem::Unenforceable { feature: "fs" }
    };
    Err(ConfigError { key: "wasi.dirs".into(), at: None, problem })
}
