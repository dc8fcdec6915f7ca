//! Files by path: those that a run receives, and those that it leaves.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap};

use crate::data::hex;

/// The bytes of a file. Cheap to clone.
///
/// In TOML and JSON it is a text, or `{ hex = "…" }` where it is not UTF-8.
#[derive(Clone, PartialEq, Eq)]
pub struct FileBytes(Arc<[u8]>);

impl<T: Into<Arc<[u8]>>> From<T> for FileBytes {
    fn from(bytes: T) -> Self {
        FileBytes(bytes.into())
    }
}

impl fmt::Debug for FileBytes {
    /// Formats the bytes escaped and truncated.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::data::text::DebugBytes(&self.0).fmt(f)
    }
}

impl core::ops::Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A change of a path during a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// A file was created, or its bytes were changed.
    File(FileBytes),
    /// A directory was created.
    Directory,
    /// A symbolic link to this target was created.
    Link(String),
    /// An input file was removed.
    Removed,
}

/// All changes of a run, by absolute path, without a slash at the end.
pub type Changes = BTreeMap<String, Change>;

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Written {
    Text(String),
    Hex { hex: String },
}

impl Serialize for FileBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = core::str::from_utf8(self) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("hex", &hex::encode(self))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for FileBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(text.into_bytes().into()),
            Written::Hex { hex } => {
                let bytes = hex::decode(&hex).ok_or_else(|| D::Error::custom(hex::EXPECTED))?;
                Ok(bytes.into())
            }
        }
    }
}

/// The longest path, in bytes.
pub(crate) const MAX_PATH_BYTES: usize = 1024;

/// The longest name within a path, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 255;

/// Checks that a path is absolute and in its shortest form. It may have a slash at the end, which stands for a
/// directory.
pub(crate) fn is_given_path(path: &str) -> bool {
    if path == "/" {
        return true;
    }
    let Some(names) = path.strip_prefix('/') else { return false };
    let names = names.strip_suffix('/').unwrap_or(names);
    let fits = |name: &str| !["", ".", ".."].contains(&name) && name.len() <= MAX_NAME_BYTES && !name.contains('\0');
    path.len() <= MAX_PATH_BYTES && names.split('/').all(fits)
}

/// Returns the directories above a path, the lowest first, without the root.
pub(crate) fn above(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.rmatch_indices('/').filter_map(|(at, _)| path.get(..at)).filter(|above| !above.is_empty())
}

/// Counts the nodes that these files make, with their directories and the root, and their bytes.
pub(crate) fn count(files: &BTreeMap<String, FileBytes>) -> (u64, u64) {
    let mut paths = alloc::collections::BTreeSet::new();
    for path in files.keys() {
        paths.insert(path.trim_end_matches('/').to_string());
        paths.extend(above(path).map(ToString::to_string));
    }
    paths.insert(String::new());
    (paths.len() as u64, files.values().map(|bytes| bytes.len() as u64).sum())
}
