//! Periodic scan of the files that tools are loaded from.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use belljar::{record::Digest, tool::Policy};

use super::{
    catalog::{self, Catalog, Loaded, Problem},
    owners::Owners,
};
use crate::{failure::io_message, file, origin::Origins, tool::MAX_MODULE_BYTES};

/// Age below which a file that fails to load may still be incomplete.
const FRESH: Duration = Duration::from_secs(2);

/// The files that tools are loaded from.
pub struct Folder {
    /// The paths of the command line.
    paths: Vec<PathBuf>,
    policy: Policy,
    origins: Origins,
    known: BTreeMap<PathBuf, KnownFile>,
    /// The files that own the names.
    owners: Owners,
    /// The name clashes that were reported, so that each is reported once.
    clashes: Vec<(PathBuf, String)>,
    /// Whether there was a scan before.
    scanned: bool,
}

struct KnownFile {
    state: FileState,
    content: Option<Digest>,
    loaded: Loaded,
}

/// Metadata by which a changed file is detected.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileState {
    size: u64,
    changed: Option<SystemTime>,
    inode: u64,
}

impl Folder {
    /// Returns the folder of these paths, not yet scanned.
    pub fn new(paths: &[PathBuf], policy: Policy, origins: Origins) -> Folder {
        let (known, owners, clashes) = (BTreeMap::new(), Owners::default(), Vec::new());
        Folder { paths: paths.to_vec(), policy, origins, known, owners, clashes, scanned: false }
    }

    /// Scans all files. If something has changed, returns the new catalog and the new problems.
    pub fn scan(&mut self) -> Option<(Catalog, Vec<(PathBuf, Problem)>)> {
        let found = self.paths.iter().flat_map(|path| modules(path)).collect::<BTreeMap<_, _>>();
        let scanned_before = std::mem::replace(&mut self.scanned, true);
        let mut problems = Vec::new();
        let mut changed = self.known.keys().any(|path| !found.contains_key(path));
        self.known.retain(|path, _| found.contains_key(path));
        for (path, seen) in found {
            let known = self.known.get_mut(&path);
            if known.as_ref().is_some_and(|known| known.state == seen) {
                continue;
            }
            let read = read(&path);
            let content = read.as_ref().ok().map(|wasm| Digest::of(wasm));
            if let Some(known) = known.filter(|known| content.is_some() && known.content == content) {
                known.state = seen;
                continue;
            }
            let loaded = match read {
                Ok(wasm) => catalog::load(&path, wasm, &self.policy, &self.origins),
                Err(error) => Err(unreadable(&path, &error)),
            };
            if loaded.is_err() && scanned_before && seen.is_fresh() {
                // The file may still be written, so the old version is served until the next scan.
                continue;
            }
            problems.extend(loaded.as_ref().err().map(|problem| (path.clone(), problem.clone())));
            self.known.insert(path, KnownFile { state: seen, content, loaded });
            changed = true;
        }
        if !changed {
            return None;
        }
        let loaded = self.known.iter().map(|(path, known)| (path, &known.loaded));
        let (catalog, clashes) = Catalog::of(loaded, &mut self.owners);
        let reported = clashes.iter().map(|(path, problem)| (path.clone(), problem.message.clone())).collect();
        let old: Vec<_> = std::mem::replace(&mut self.clashes, reported);
        let is_new = |(path, problem): &(PathBuf, Problem)| {
            !old.iter().any(|(other, message)| other == path && *message == problem.message)
        };
        problems.extend(clashes.into_iter().filter(is_new));
        Some((catalog, problems))
    }
}

/// Returns the modules at a path: the file itself, or those in the directory. A missing path has none.
fn modules(path: &Path) -> Vec<(PathBuf, FileState)> {
    let Ok(metadata) = fs::metadata(path) else { return Vec::new() };
    if !metadata.is_dir() {
        return vec![(path.into(), FileState::of(&metadata))];
    }
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let modules = paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    let seen = modules.filter_map(|path| {
        let metadata = fs::metadata(&path).ok()?;
        // Pipes and devices are refused with a message when they are read.
        (!metadata.is_dir()).then(|| (path, FileState::of(&metadata)))
    });
    seen.collect()
}

impl FileState {
    fn of(metadata: &Metadata) -> FileState {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        FileState { size: metadata.len(), changed: metadata.modified().ok(), inode }
    }

    /// Returns whether the file changed within the last seconds.
    fn is_fresh(&self) -> bool {
        self.changed.and_then(|changed| changed.elapsed().ok()).is_some_and(|ago| ago < FRESH)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // The size limit itself is checked by loading.
    file::open_plain(path)?.take(MAX_MODULE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Problem { name, message: io_message(error), hint: None }
}
