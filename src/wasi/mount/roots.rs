//! Opened directories of a configuration.

use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use std::io;

use cap_std::{
    ambient_authority,
    fs::{Dir, MetadataExt},
};
use rustix::io::Errno as Host;

use super::{Mount, nodes::FileId, system};
use crate::{
    config::{dirs::HostDir, wasi::Wasi},
    error::{ConfigError, ConfigProblem, DirectoryProblem},
    wasi::Volume,
};

/// Directories of a configuration. They are opened once, and stay the same if their host paths change later.
#[derive(Debug)]
pub(crate) struct Roots(Vec<MountPoint>);

/// Guest path of a directory, and the directory; `None` in a replay.
#[derive(Debug)]
struct MountPoint {
    name: Arc<str>,
    root: Option<Arc<Root>>,
}

/// Opened directory.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) config: HostDir,
    pub(super) dir: Arc<Dir>,
    pub(super) id: FileId,
}

impl Roots {
    pub(crate) fn open(config: &Wasi) -> Result<Roots, ConfigError> {
        let mut roots = Vec::new();
        for (index, dir) in config.dirs.iter().enumerate() {
            let opened = open(dir).map_err(|why| ConfigError {
                key: format!("wasi.dirs[{index}].host"),
                at: None,
                problem: ConfigProblem::Directory { path: dir.host.clone(), why },
            })?;
            roots.push(MountPoint { name: dir.guest.as_str().into(), root: Some(Arc::new(opened)) });
        }
        Ok(Roots(roots))
    }

    /// Returns the directories of a replayed run, without opening them.
    #[cfg(feature = "receipt")]
    pub(crate) fn for_replay(config: &Wasi) -> Roots {
        let mount_point = |dir: &HostDir| MountPoint { name: dir.guest.as_str().into(), root: None };
        Roots(config.dirs.iter().map(mount_point).collect())
    }

    /// Returns the guest path of each directory, and a volume for one run unless it is a replay. `times` shows
    /// timestamps of files to the guest.
    pub(in crate::wasi) fn volumes(&self, times: bool) -> impl Iterator<Item = (Arc<str>, Option<Box<dyn Volume>>)> {
        self.0.iter().map(move |MountPoint { name, root }| {
            let mount = |root| Box::new(Mount::new(Arc::clone(root), times)) as Box<dyn Volume>;
            (Arc::clone(name), root.as_ref().map(mount))
        })
    }
}

fn open(config: &HostDir) -> Result<Root, DirectoryProblem> {
    let dir = Dir::open_ambient_dir(&config.host, ambient_authority()).map_err(problem)?;
    // Opening it does not prove that it can be read.
    dir.entries().map_err(problem)?;
    if system::is_system(&dir) {
        return Err(DirectoryProblem::System);
    }
    let meta = dir.dir_metadata().map_err(problem)?;
    let id = (meta.dev(), meta.ino());
    Ok(Root { config: config.clone(), dir: Arc::new(dir), id })
}

fn problem(error: io::Error) -> DirectoryProblem {
    match Host::from_io_error(&error) {
        Some(Host::NOENT) => DirectoryProblem::Missing,
        Some(Host::NOTDIR) => DirectoryProblem::NotDirectory,
        Some(Host::ACCESS | Host::PERM) => DirectoryProblem::Denied,
        _ => DirectoryProblem::Unusable,
    }
}
