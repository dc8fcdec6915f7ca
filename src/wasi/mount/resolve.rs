//! From a path to what it names, never above the directory that it starts from.
//!
//! Each step takes one name in a directory that is open, and follows no link; links are followed here,
//! by their text, and `..` goes back to where the path came from, not to where the host says. So
//! there is no moment at which what is exchanged on the host could lead a path out.

use alloc::{borrow::ToOwned, string::String, sync::Arc, vec::Vec};
use std::io::ErrorKind;

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, Metadata, MetadataExt};

use super::{CALL, Mount, error::errno, system};
use crate::wasi::{
    errno::{Errno, Result},
    volume::{Node, Place},
    walk::Walk,
};

/// Names that one path may lead through: it is paid for at its end.
const MAX_STEPS: u32 = 4096;

/// Where a path leads.
pub(super) struct Found {
    /// The directory that has the name, or would have it.
    pub(super) dir: Arc<Dir>,
    /// Its path from where this one starts.
    pub(super) names: Vec<String>,
    /// The name; none if the path ends in `.` or `..`, so that it names the directory itself.
    pub(super) name: Option<String>,
    /// What is there.
    pub(super) meta: Option<Metadata>,
    /// Whether the path says that it is a directory.
    pub(super) slash: bool,
}

impl Found {
    /// What is there, if that is what the path says.
    pub(super) fn there(&self) -> Result<Metadata> {
        let meta = self.meta.clone().ok_or(Errno::NoEnt)?;
        if self.slash && !meta.is_dir() { Err(Errno::NotDir.into()) } else { Ok(meta) }
    }

    /// The directory, the name and whether it is to be a directory's, if nothing is there yet.
    pub(super) fn free(self) -> Result<(Arc<Dir>, String, bool)> {
        match (self.meta, self.name) {
            (None, Some(name)) => Ok((self.dir, name, self.slash)),
            _ => Err(Errno::Exist.into()),
        }
    }
}

impl Mount {
    /// Goes along a path; `follow` says whether also through a link at its end.
    pub(super) fn resolve(&self, (base, path): Place<'_>, follow: bool) -> Result<Found> {
        let mut walk = Walk::new(path)?;
        let mut steps = 0;
        let mut names: Vec<String> = Vec::new();
        let mut dir = Arc::clone(self.directory(base)?);
        loop {
            steps += 1;
            if steps > MAX_STEPS {
                return Err(Errno::NameTooLong.into());
            }
            self.spend(1);
            let (name, last, slash) = (walk.name()?, walk.is_last(), walk.has_slash());
            if matches!(name, "." | "..") {
                if name == ".." {
                    names.pop().ok_or(Errno::NotCapable)?;
                    steps = steps.saturating_add(names.len() as u32);
                    dir = self.descend(base, &names)?;
                }
                if last {
                    let meta = self.own(&dir)?;
                    return Ok(Found { dir, names, name: None, meta: Some(meta), slash: true });
                }
                walk = walk.pass();
                continue;
            }
            let link = if last {
                let meta = self.look(&dir, name)?;
                let is_link = meta.as_ref().is_some_and(|meta| meta.file_type().is_symlink());
                if !is_link || !(slash || follow) {
                    self.own(&dir)?;
                    let name = Some(name.to_owned());
                    return Ok(Found { dir, names, name, meta, slash });
                }
                self.link_of(&dir, name)?
            } else {
                match self.enter(&dir, name) {
                    Ok(below) => {
                        dir = below;
                        names.push(name.to_owned());
                        walk = walk.pass();
                        continue;
                    }
                    Err(Errno::NotDir | Errno::Loop) => match self.link_of(&dir, name) {
                        Ok(link) => link,
                        // It is none.
                        Err(Errno::Inval) => return Err(Errno::NotDir.into()),
                        Err(errno) => return Err(errno.into()),
                    },
                    Err(errno) => return Err(errno.into()),
                }
            };
            walk = walk.follow(&link)?;
        }
    }

    /// The directory at the end of names, none of which is a link.
    pub(super) fn descend(&self, base: Node, names: &[String]) -> Result<Arc<Dir>> {
        let mut dir = Arc::clone(self.directory(base)?);
        for name in names {
            dir = self.enter(&dir, name)?;
        }
        Ok(dir)
    }

    /// A directory in a directory, but no link to one.
    fn enter(&self, dir: &Dir, name: &str) -> core::result::Result<Arc<Dir>, Errno> {
        self.spend(CALL);
        dir.open_dir_nofollow(name).map(Arc::new).map_err(|error| errno(&error))
    }

    /// What has a name in a directory.
    fn look(&self, dir: &Dir, name: &str) -> Result<Option<Metadata>> {
        self.spend(CALL);
        match dir.symlink_metadata(name) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The text of a link.
    pub(super) fn link_of(&self, dir: &Dir, name: &str) -> core::result::Result<String, Errno> {
        self.spend(CALL);
        let target = dir.read_link_contents(name).map_err(|error| errno(&error))?;
        target.into_os_string().into_string().map_err(|_| Errno::IlSeq)
    }

    /// A directory itself, if it has not been removed and its files are data.
    fn own(&self, dir: &Dir) -> Result<Metadata> {
        self.spend(CALL);
        let meta = dir.dir_metadata()?;
        if meta.nlink() == 0 {
            return Err(Errno::NoEnt.into());
        }
        self.check_data(dir, &meta)?;
        Ok(meta)
    }

    /// Checks that files stand for data: a directory may have others mounted below it.
    pub(super) fn check_data(&self, dir: &Dir, meta: &Metadata) -> Result<()> {
        if meta.dev() != self.root.id.0 && system::is_system(dir) { Err(Errno::NotCapable.into()) } else { Ok(()) }
    }
}
