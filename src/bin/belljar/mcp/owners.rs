//! The files that have the names of tools, where others claim them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use super::served::Served;

/// The files that claim a name, for each name.
pub type Claims<'a> = BTreeMap<&'a str, Vec<(&'a PathBuf, &'a Arc<Served>)>>;

/// The file that has each name: the tool that is served keeps its name as long as its file is there.
#[derive(Debug, Default)]
pub struct Owners(BTreeMap<String, PathBuf>);

impl Owners {
    /// Forgets files that are gone, or have another name now. One that cannot be loaded keeps its name, which no
    /// other file gets meanwhile.
    pub fn keep(&mut self, claims: &Claims<'_>, failed: &BTreeSet<&PathBuf>) {
        self.0.retain(|name, path| {
            let claimants = claims.get(&**name).into_iter().flatten();
            failed.contains(path) || claimants.into_iter().any(|(claimant, _)| *claimant == path)
        });
    }

    /// Returns the file that has a name: that which had it, or the only module that claims it, be it in several files.
    pub fn of(&mut self, name: &str, claimants: &[(&PathBuf, &Arc<Served>)]) -> Option<&PathBuf> {
        let (first, served) = claimants.first()?;
        // The policy lets no other module than the one that it pins be loaded, so this is it.
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
