//! Path resolution on the host, which never leaves the base directory.
//!
//! Each step looks up one name in an open directory, without following links. Links are followed here, by their text,
//! and `..` returns to the directory that the path came through, not to the host's parent. So no change on the host
//! during resolution can lead a path out of the base directory.

use alloc::{borrow::ToOwned, string::String, sync::Arc, vec::Vec};
use std::io::ErrorKind;

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, Metadata, MetadataExt};

use super::{Mount, SYSCALL_WORK, error::errno, system};
use crate::wasi::{
    errno::{Errno, Result},
    volume::{Node, PathAt},
    walk::Walk,
};

/// Maximum number of steps for one path, since fuel is charged only at its end.
const MAX_STEPS: u32 = 4096;

/// Result of resolving a path.
pub(super) struct Resolved {
    /// Parent directory of the name.
    pub(super) dir: Arc<Dir>,
    /// Path of that directory from the base directory.
    pub(super) names: Vec<String>,
    /// Last name; `None` if the path ends in `.` or `..` and so names the directory itself.
    pub(super) name: Option<String>,
    /// Attributes of the file, if it exists.
    pub(super) meta: Option<Metadata>,
    /// Whether the path ends in `/`, `.` or `..`, which requires a directory.
    pub(super) slash: bool,
}

impl Resolved {
    /// Returns the attributes; fails if the file does not exist, or is not the directory that the path requires.
    pub(super) fn existing(&self) -> Result<Metadata> {
        let meta = self.meta.clone().ok_or(Errno::NoEnt)?;
        if self.slash && !meta.is_dir() { Err(Errno::NotDir.into()) } else { Ok(meta) }
    }

    /// Returns the directory, the name and `slash`; fails if the file exists.
    pub(super) fn vacant(self) -> Result<(Arc<Dir>, String, bool)> {
        match (self.meta, self.name) {
            (None, Some(name)) => Ok((self.dir, name, self.slash)),
            _ => Err(Errno::Exist.into()),
        }
    }
}

impl Mount {
    /// Resolves a path. `follow` follows a link at its end too.
    pub(super) fn resolve(&self, (base, path): PathAt<'_>, follow: bool) -> Result<Resolved> {
        let mut walk = Walk::new(path)?;
        let mut steps = 0;
        let mut names: Vec<String> = Vec::new();
        let mut dir = Arc::clone(self.directory(base)?);
        loop {
            steps += 1;
            if steps > MAX_STEPS {
                return Err(Errno::NameTooLong.into());
            }
            self.add_work(1);
            let (name, last, slash) = (walk.name()?, walk.is_last(), walk.has_slash());
            if matches!(name, "." | "..") {
                if name == ".." {
                    names.pop().ok_or(Errno::NotCapable)?;
                    steps = steps.saturating_add(names.len() as u32);
                    dir = self.descend(base, &names)?;
                }
                if last {
                    let meta = self.check_directory(&dir)?;
                    return Ok(Resolved { dir, names, name: None, meta: Some(meta), slash: true });
                }
                walk = walk.advance();
                continue;
            }
            let link = if last {
                let meta = self.lookup(&dir, name)?;
                let is_link = meta.as_ref().is_some_and(|meta| meta.file_type().is_symlink());
                if !is_link || !(slash || follow) {
                    self.check_directory(&dir)?;
                    let name = Some(name.to_owned());
                    return Ok(Resolved { dir, names, name, meta, slash });
                }
                self.link_target(&dir, name)?
            } else {
                match self.open_subdirectory(&dir, name) {
                    Ok(below) => {
                        dir = below;
                        names.push(name.to_owned());
                        walk = walk.advance();
                        continue;
                    }
                    Err(Errno::NotDir | Errno::Loop) => match self.link_target(&dir, name) {
                        Ok(link) => link,
                        // Not a link.
                        Err(Errno::Inval) => return Err(Errno::NotDir.into()),
                        Err(errno) => return Err(errno.into()),
                    },
                    Err(errno) => return Err(errno.into()),
                }
            };
            walk = walk.follow(&link)?;
        }
    }

    /// Opens the directory at the end of a list of names, none of which may be a link.
    pub(super) fn descend(&self, base: Node, names: &[String]) -> Result<Arc<Dir>> {
        let mut dir = Arc::clone(self.directory(base)?);
        for name in names {
            dir = self.open_subdirectory(&dir, name)?;
        }
        Ok(dir)
    }

    /// Opens a subdirectory, without following a link.
    fn open_subdirectory(&self, dir: &Dir, name: &str) -> core::result::Result<Arc<Dir>, Errno> {
        self.add_work(SYSCALL_WORK);
        dir.open_dir_nofollow(name).map(Arc::new).map_err(|error| errno(&error))
    }

    /// Returns the attributes of a name in a directory, or `None` if it does not exist.
    fn lookup(&self, dir: &Dir, name: &str) -> Result<Option<Metadata>> {
        self.add_work(SYSCALL_WORK);
        match dir.symlink_metadata(name) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the target of a link, which must be UTF-8.
    pub(super) fn link_target(&self, dir: &Dir, name: &str) -> core::result::Result<String, Errno> {
        self.add_work(SYSCALL_WORK);
        let target = dir.read_link_contents(name).map_err(|error| errno(&error))?;
        target.into_os_string().into_string().map_err(|_| Errno::IlSeq)
    }

    /// Checks that a directory has not been removed and holds data, and returns its attributes.
    fn check_directory(&self, dir: &Dir) -> Result<Metadata> {
        self.add_work(SYSCALL_WORK);
        let meta = dir.dir_metadata()?;
        if meta.nlink() == 0 {
            return Err(Errno::NoEnt.into());
        }
        self.check_data(dir, &meta)?;
        Ok(meta)
    }

    /// Checks that a directory is not in a kernel interface file system, which may be mounted below the root.
    pub(super) fn check_data(&self, dir: &Dir, meta: &Metadata) -> Result<()> {
        if meta.dev() != self.root.id.0 && system::is_system(dir) { Err(Errno::NotCapable.into()) } else { Ok(()) }
    }
}
