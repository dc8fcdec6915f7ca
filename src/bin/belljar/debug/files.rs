//! Files of the source, as far as they are below directories of the user.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use crate::file;

/// The largest file that is read.
const MAX_BYTES: u64 = 8 << 20;

/// Most files that are kept.
const MAX_FILES: usize = 64;

/// Files of the source.
///
/// Their paths are data of the module, which is not trusted: only what is below the directories is looked at.
#[derive(Debug)]
pub struct Files {
    directories: Vec<PathBuf>,
    found: RefCell<BTreeMap<String, Option<Rc<Found>>>>,
}

/// A file that has been found.
#[derive(Debug)]
pub struct Found {
    /// Its path on this machine, absolute.
    pub path: PathBuf,
    /// Its lines.
    pub lines: Vec<String>,
}

impl Files {
    /// Returns the files below directories, the current one and that of the module.
    pub fn new(directories: &[PathBuf], module: &Path) -> Files {
        let others = [PathBuf::from("."), module.parent().unwrap_or(Path::new("")).join(".")];
        let all = directories.iter().cloned().chain(others);
        let mut kept: Vec<PathBuf> = Vec::new();
        for directory in all.filter_map(|directory| directory.canonicalize().ok()) {
            if !kept.contains(&directory) {
                kept.push(directory);
            }
        }
        Files { directories: kept, found: RefCell::default() }
    }

    /// Returns the file that a path of the module stands for: the one below a directory whose path ends as it does.
    pub fn find(&self, path: &str) -> Option<Rc<Found>> {
        let mut found = self.found.borrow_mut();
        if found.len() >= MAX_FILES {
            found.clear();
        }
        found.entry(path.into()).or_insert_with(|| self.read(path).map(Rc::new)).clone()
    }

    fn read(&self, path: &str) -> Option<Found> {
        // The standard library of Rust, whose files are not those of the user with the same names.
        if path.starts_with("/rustc/") {
            return None;
        }
        let path = path.replace('\\', "/");
        let parts: Vec<_> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        // Neither `..` nor a drive.
        let is_name = |part: &&str| matches!(Path::new(part).components().next(), Some(Component::Normal(_)));
        let first = parts.iter().rposition(|part| !is_name(part)).map_or(0, |at| at + 1);
        let ends = (first..parts.len()).filter_map(|at| parts.get(at..));
        ends.flat_map(|end| self.directories.iter().map(move |directory| (directory, end)))
            .find_map(|(directory, end)| read(&end.iter().fold(directory.clone(), |path, part| path.join(part))))
    }
}

fn read(path: &Path) -> Option<Found> {
    let path = fs::canonicalize(path).ok()?;
    let mut bytes = Vec::new();
    let file = file::open_plain(&path).ok()?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > MAX_BYTES {
        return None;
    }
    let lines = String::from_utf8_lossy(&bytes).lines().map(String::from).collect();
    Some(Found { path, lines })
}
