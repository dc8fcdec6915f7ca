//! Changes of the files since the start of the run.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec,
};

use super::{Content, ROOT, Tree};
use crate::{
    data::files::{self, Change, Changes, FileBytes},
    error::StopReason,
};

impl Tree {
    /// Returns the paths created, changed and removed since the start of the run.
    pub(super) fn all_changes(&mut self, given: &BTreeMap<String, FileBytes>) -> Result<Changes, StopReason> {
        let (files, directories): (BTreeMap<_, _>, BTreeSet<_>) = initial_paths(given);
        let mut changes = Changes::new();
        let mut removed: BTreeSet<&str> = files.keys().chain(&directories).copied().collect();
        let mut paths = vec![(String::new(), ROOT)];
        while let Some((path, node)) = paths.pop() {
            removed.remove(path.as_str());
            let Some(inode) = self.nodes.get_mut(&node) else { continue };
            let change = match &mut inode.content {
                Content::Directory(list) => {
                    let below = |name: &str| alloc::format!("{path}/{name}");
                    paths.extend(list.entries.iter().map(|(name, entry)| (below(name), entry.node)));
                    let known = path.is_empty() || directories.contains(path.as_str());
                    (!known).then_some(Change::Directory)
                }
                Content::Link(target) => Some(Change::Link(target.to_string())),
                Content::File(data) => {
                    let same = files.get(path.as_str()).is_some_and(|before| ***before == *data.bytes());
                    (!same).then(|| Change::File(data.share()))
                }
            };
            changes.extend(change.map(|change| (path, change)));
        }
        changes.extend(removed.into_iter().map(|path| (path.into(), Change::Removed)));
        Ok(changes)
    }
}

/// Returns the files and directories that exist at the start of the run.
fn initial_paths(given: &BTreeMap<String, FileBytes>) -> (BTreeMap<&str, &FileBytes>, BTreeSet<&str>) {
    let (mut files, mut directories) = (BTreeMap::new(), BTreeSet::new());
    for (path, bytes) in given {
        match path.strip_suffix('/') {
            Some(path) => drop(directories.insert(path)),
            None => drop(files.insert(path.as_str(), bytes)),
        }
        directories.extend(files::above(path));
    }
    directories.remove("");
    (files, directories)
}
