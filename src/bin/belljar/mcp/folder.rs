//! The files that tools come from, looked at again and again.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use belljar::{Policy, receipt::Digest};

use super::{
    catalog::{self, Catalog, Loaded, Problem},
    owners::Owners,
};
use crate::{failure::io_message, file, tool::MAX_MODULE_BYTES};

/// A file that was changed so short ago may not be whole yet.
const FRESH: Duration = Duration::from_secs(2);

/// The files that tools come from.
pub struct Folder {
    /// As they were given.
    paths: Vec<PathBuf>,
    policy: Policy,
    known: BTreeMap<PathBuf, Known>,
    /// The files that have the names.
    owners: Owners,
    /// What was said of names that are taken, so that it is said once.
    clashes: Vec<(PathBuf, String)>,
    /// Whether there was a look before.
    looked: bool,
}

struct Known {
    seen: Seen,
    content: Option<Digest>,
    loaded: Loaded,
}

/// What tells that a file may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    size: u64,
    changed: Option<SystemTime>,
    inode: u64,
}

impl Folder {
    /// The files at these paths.
    pub fn new(paths: &[PathBuf], policy: Policy) -> Folder {
        let (known, owners, clashes) = (BTreeMap::new(), Owners::default(), Vec::new());
        Folder { paths: paths.to_vec(), policy, known, owners, clashes, looked: false }
    }

    /// Looks at all files. If something is not as it was: the tools, and what is to be told.
    pub fn look(&mut self) -> Option<(Catalog, Vec<(PathBuf, Problem)>)> {
        let found = self.paths.iter().flat_map(|path| modules(path)).collect::<BTreeMap<_, _>>();
        let looked = std::mem::replace(&mut self.looked, true);
        let mut told = Vec::new();
        let mut changed = self.known.keys().any(|path| !found.contains_key(path));
        self.known.retain(|path, _| found.contains_key(path));
        for (path, seen) in found {
            let known = self.known.get_mut(&path);
            if known.as_ref().is_some_and(|known| known.seen == seen) {
                continue;
            }
            let read = read(&path);
            let content = read.as_ref().ok().map(|wasm| Digest::of(wasm));
            if let Some(known) = known.filter(|known| content.is_some() && known.content == content) {
                known.seen = seen;
                continue;
            }
            let loaded = match read {
                Ok(wasm) => catalog::load(&path, wasm, &self.policy),
                Err(error) => Err(unreadable(&path, &error)),
            };
            if loaded.is_err() && looked && seen.is_fresh() {
                // It may be on its way to the disk: what was there is served until the next look.
                continue;
            }
            told.extend(loaded.as_ref().err().map(|problem| (path.clone(), problem.clone())));
            self.known.insert(path, Known { seen, content, loaded });
            changed = true;
        }
        if !changed {
            return None;
        }
        let loaded = self.known.iter().map(|(path, known)| (path, &known.loaded));
        let (catalog, clashes) = Catalog::of(loaded, &mut self.owners);
        let said = clashes.iter().map(|(path, problem)| (path.clone(), problem.message.clone())).collect();
        let old: Vec<_> = std::mem::replace(&mut self.clashes, said);
        let is_new = |(path, problem): &(PathBuf, Problem)| {
            !old.iter().any(|(other, message)| other == path && *message == problem.message)
        };
        told.extend(clashes.into_iter().filter(is_new));
        Some((catalog, told))
    }
}

/// The modules at a path: itself, or what is in it. A path that is gone has none.
fn modules(path: &Path) -> Vec<(PathBuf, Seen)> {
    let Ok(metadata) = fs::metadata(path) else { return Vec::new() };
    if !metadata.is_dir() {
        return vec![(path.into(), Seen::of(&metadata))];
    }
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let modules = paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    let seen = modules.filter_map(|path| {
        let metadata = fs::metadata(&path).ok()?;
        // What is no plain file is refused when it is read, and told.
        (!metadata.is_dir()).then(|| (path, Seen::of(&metadata)))
    });
    seen.collect()
}

impl Seen {
    fn of(metadata: &Metadata) -> Seen {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Seen { size: metadata.len(), changed: metadata.modified().ok(), inode }
    }

    /// Whether it was changed just now.
    fn is_fresh(&self) -> bool {
        self.changed.and_then(|changed| changed.elapsed().ok()).is_some_and(|ago| ago < FRESH)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // How much of it a module may have, loading it says.
    file::open_plain(path)?.take(MAX_MODULE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Problem { name, message: io_message(error), hint: None }
}
