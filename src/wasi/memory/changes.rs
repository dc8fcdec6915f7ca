//! What is other than it was given.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec,
};

use super::{Content, ROOT, Tree};
use crate::{
    error::StopReason,
    files::{self, Change, Changes, FileBytes},
};

impl Tree {
    pub(super) fn all_changes(&mut self, given: &BTreeMap<String, FileBytes>) -> Result<Changes, StopReason> {
        let (files, directories): (BTreeMap<_, _>, BTreeSet<_>) = first(given);
        let mut changes = Changes::new();
        let mut gone: BTreeSet<&str> = files.keys().chain(&directories).copied().collect();
        let mut paths = vec![(String::new(), ROOT)];
        while let Some((path, node)) = paths.pop() {
            gone.remove(path.as_str());
            let Some(item) = self.nodes.get_mut(&node) else { continue };
            let change = match &mut item.content {
                Content::Directory(list) => {
                    let below = |name: &str| alloc::format!("{path}/{name}");
                    paths.extend(list.entries.iter().map(|(name, slot)| (below(name), slot.node)));
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
        changes.extend(gone.into_iter().map(|path| (path.into(), Change::Removed)));
        Ok(changes)
    }
}

/// The files and directories that were there first.
fn first(given: &BTreeMap<String, FileBytes>) -> (BTreeMap<&str, &FileBytes>, BTreeSet<&str>) {
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
