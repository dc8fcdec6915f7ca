//! Opening files and directories, and nothing else.

use alloc::sync::Arc;
use std::io;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, File, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::{CALL, Found, Handle, Held, MAKE, Mount, kind_of, system};
use crate::{
    wasi::{
        errno::{Errno, Result},
        volume::{How, Kind, Node, Place},
    },
    watch::Alarm,
};

/// How often what was there a moment ago may be gone, or the other way round.
const MAX_TRIES: u32 = 8;

fn options(write: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    // Should it have become a pipe or a terminal meanwhile, nothing waits and nothing else happens.
    options.read(true).write(write).follow(FollowSymlinks::No).nonblock(true);
    options.custom_flags(OFlags::NOCTTY.bits() as i32);
    options
}

impl Mount {
    pub(super) fn open_path(&mut self, at: Place<'_>, how: How) -> Result<(Node, Kind)> {
        if how.create && how.directory {
            return Err(Errno::Inval.into());
        }
        for _ in 0..MAX_TRIES {
            // What is to be made cannot be made through a link.
            let found = self.resolve(at, how.follow && !how.exclusive)?;
            match (&found.meta, &found.name) {
                (Some(_), _) if how.create && how.exclusive => return Err(Errno::Exist.into()),
                (Some(meta), _) => return self.open_there(at.0, &found, meta, how),
                (None, Some(name)) if how.create => {
                    if found.slash {
                        return Err(Errno::IsDir.into());
                    }
                    if let Some(opened) = self.create(&found.dir, name, how)? {
                        return Ok(opened);
                    }
                }
                (None, _) => return Err(Errno::NoEnt.into()),
            }
        }
        Err(Errno::Again.into())
    }

    /// Makes a file; `None` if something else made one before.
    fn create(&mut self, dir: &Dir, name: &str, how: How) -> Result<Option<(Node, Kind)>> {
        self.check_new_name()?;
        self.spend(MAKE);
        match dir.open_with(name, options(true).create_new(true)) {
            Ok(file) => {
                let opened = self.hold_file(file, true)?;
                self.known.made(Some(opened.0));
                Ok(Some(opened))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !how.exclusive => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn open_there(&mut self, base: Node, found: &Found, meta: &Metadata, how: How) -> Result<(Node, Kind)> {
        match kind_of(meta) {
            Kind::Directory if how.write || how.truncate || how.create => Err(Errno::IsDir.into()),
            Kind::Directory => self.open_directory(base, found),
            _ if how.directory || found.slash => Err(Errno::NotDir.into()),
            Kind::Link => Err(Errno::Loop.into()),
            // To open a device is an effect already.
            Kind::Unknown => Err(Errno::NotCapable.into()),
            Kind::File => {
                let write = how.write || how.truncate;
                if write {
                    self.check_writable()?;
                }
                let name = found.name.as_deref().ok_or(Errno::IsDir)?;
                self.spend(2 * CALL);
                let file = match found.dir.open_with(name, &options(write)) {
                    Err(error) if write && error.kind() == io::ErrorKind::PermissionDenied => {
                        found.dir.open_with(name, options(true).read(false))
                    }
                    opened => opened,
                };
                let (node, kind) = self.hold_file(file?, write)?;
                if how.truncate
                    && let Err(error) = super::Volume::set_size(self, node, 0, 0, &Alarm::default())
                {
                    super::Volume::release(self, node)?;
                    return Err(error);
                }
                Ok((node, kind))
            }
        }
    }

    fn hold_file(&mut self, file: File, write: bool) -> Result<(Node, Kind)> {
        let meta = file.metadata()?;
        // It is looked at once more, now that nobody can exchange it.
        if kind_of(&meta) != Kind::File || (meta.dev() != self.root.id.0 && system::is_system(&file)) {
            return Err(Errno::NotCapable.into());
        }
        let node = self.number(&meta);
        match self.held.get_mut(&node) {
            Some(held) => {
                held.count += 1;
                if let Handle::File { file: there, write: can_write } = &mut held.handle
                    && write
                    && !*can_write
                {
                    (*there, *can_write) = (file, true);
                }
            }
            None => drop(self.held.insert(node, Held { count: 1, handle: Handle::File { file, write } })),
        }
        Ok((node, Kind::File))
    }

    fn open_directory(&mut self, base: Node, found: &Found) -> Result<(Node, Kind)> {
        self.spend(2 * CALL);
        let (dir, above) = match &found.name {
            Some(name) => (Arc::new(found.dir.open_dir_nofollow(name)?), Some(Arc::clone(&found.dir))),
            None => {
                let above = found.names.split_last().map(|(_, above)| self.descend(base, above)).transpose()?;
                (Arc::clone(&found.dir), above)
            }
        };
        let meta = dir.dir_metadata()?;
        self.check_data(&dir, &meta)?;
        let above = above.map(|above| above.dir_metadata()).transpose()?;
        let node = self.number(&meta);
        // Without one above it is where the path starts from, which is held.
        let parent = above.map_or(node, |above| self.number(&above));
        let handle = Handle::Directory { dir, parent, listing: None };
        self.held.entry(node).or_insert(Held { count: 0, handle }).count += 1;
        Ok((node, Kind::Directory))
    }

    pub(super) fn check_new_name(&self) -> Result<()> {
        self.check_writable()?;
        self.spend(CALL);
        self.known.check_name()
    }
}
