//! Ownership of tool names by files, if several files claim one.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use super::served::ServedTool;

/// The files that claim each name.
pub type Claims<'a> = BTreeMap<&'a str, Vec<(&'a PathBuf, &'a Arc<ServedTool>)>>;

/// The owner of each name. A served tool keeps its name while its file exists.
#[derive(Debug, Default)]
pub struct Owners(BTreeMap<String, PathBuf>);

impl Owners {
    /// Removes owners whose file is gone or has another name. A file that fails to load keeps its name.
    pub fn keep(&mut self, claims: &Claims<'_>, failed: &BTreeSet<&PathBuf>) {
        self.0.retain(|name, path| {
            let claimants = claims.get(&**name).into_iter().flatten();
            failed.contains(path) || claimants.into_iter().any(|(claimant, _)| *claimant == path)
        });
    }

    /// Returns the owner of a name: the previous one, or else the only module that claims it, in one or more files.
    pub fn of(&mut self, name: &str, claimants: &[(&PathBuf, &Arc<ServedTool>)]) -> Option<&PathBuf> {
        let (first, served) = claimants.first()?;
        // If the policy pins the name, only the pinned module can have been loaded.
        let is_pinned = served.tool.plan().pinned;
        let is_one = claimants.iter().all(|(_, other)| other.tool.sha256() == served.tool.sha256());
        let is_there = |path: &PathBuf| claimants.iter().any(|(claimant, _)| *claimant == path);
        let stays = self.0.get(name).is_some_and(|path| is_there(path) || !is_pinned);
        if !stays && is_one {
            self.0.insert(name.into(), (*first).clone());
        }
        self.0.get(name)
    }
}
