//! The directories of a configuration, opened.

use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use std::io;

use cap_std::{
    ambient_authority,
    fs::{Dir, MetadataExt},
};
use rustix::io::Errno as Host;

use super::{Mount, known::Id, system};
use crate::{
    config::{dirs::HostDir, wasi::Wasi},
    error::{ConfigError, ConfigProblem, DirectoryProblem},
    wasi::Volume,
};

/// The directories of a configuration. They are opened once and stay what they are, whatever gets
/// their paths later.
#[derive(Debug)]
pub(crate) struct Roots(Vec<Way>);

/// Where the guest finds a directory, and the directory, if it is there.
#[derive(Debug)]
struct Way {
    name: Arc<str>,
    root: Option<Arc<Root>>,
}

#[derive(Debug)]
pub(super) struct Root {
    pub(super) config: HostDir,
    pub(super) dir: Arc<Dir>,
    pub(super) id: Id,
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
            roots.push(Way { name: dir.guest.as_str().into(), root: Some(Arc::new(opened)) });
        }
        Ok(Roots(roots))
    }

    /// Returns the names of the directories for a replay, which opens none.
    #[cfg(feature = "receipt")]
    pub(crate) fn absent(config: &Wasi) -> Roots {
        let way = |dir: &HostDir| Way { name: dir.guest.as_str().into(), root: None };
        Roots(config.dirs.iter().map(way).collect())
    }

    /// A volume of each for one run, if it is there, and where the guest finds it; with `times` of files,
    /// or without.
    pub(in crate::wasi) fn volumes(&self, times: bool) -> impl Iterator<Item = (Arc<str>, Option<Box<dyn Volume>>)> {
        self.0.iter().map(move |Way { name, root }| {
            let mount = |root| Box::new(Mount::new(Arc::clone(root), times)) as Box<dyn Volume>;
            (Arc::clone(name), root.as_ref().map(mount))
        })
    }
}

fn open(config: &HostDir) -> Result<Root, DirectoryProblem> {
    let dir = Dir::open_ambient_dir(&config.host, ambient_authority()).map_err(problem)?;
    // That it can be read is not known before.
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
