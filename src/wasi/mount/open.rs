//! Opening of files and directories; devices, pipes and sockets are refused.

use alloc::sync::Arc;
use std::io;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, File, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::{CREATE_WORK, Handle, Mount, OpenNode, Resolved, SYSCALL_WORK, kind_of, system};
use crate::{
    sync::watch::Interrupt,
    wasi::{
        errno::{Errno, Result},
        volume::{Kind, Node, OpenFlags, PathAt},
    },
};

/// Attempts to open or create a file that other processes create and remove meanwhile.
const MAX_TRIES: u32 = 8;

fn options(write: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    // If the file was replaced by a pipe or a terminal meanwhile, opening it must not block or have another effect.
    options.read(true).write(write).follow(FollowSymlinks::No).nonblock(true);
    options.custom_flags(OFlags::NOCTTY.bits() as i32);
    options
}

impl Mount {
    pub(super) fn open_path(&mut self, at: PathAt<'_>, flags: OpenFlags) -> Result<(Node, Kind)> {
        if flags.create && flags.directory {
            return Err(Errno::Inval.into());
        }
        for _ in 0..MAX_TRIES {
            // With `exclusive`, a link at the end of the path is not followed.
            let found = self.resolve(at, flags.follow && !flags.exclusive)?;
            match (&found.meta, &found.name) {
                (Some(_), _) if flags.create && flags.exclusive => return Err(Errno::Exist.into()),
                (Some(meta), _) => return self.open_existing(at.0, &found, meta, flags),
                (None, Some(name)) if flags.create => {
                    if found.slash {
                        return Err(Errno::IsDir.into());
                    }
                    if let Some(opened) = self.create(&found.dir, name, flags)? {
                        return Ok(opened);
                    }
                }
                (None, _) => return Err(Errno::NoEnt.into()),
            }
        }
        Err(Errno::Again.into())
    }

    /// Creates a file and opens it. Returns `None` if another process has created it first.
    fn create(&mut self, dir: &Dir, name: &str, flags: OpenFlags) -> Result<Option<(Node, Kind)>> {
        self.check_new_name()?;
        self.add_work(CREATE_WORK);
        match dir.open_with(name, options(true).create_new(true)) {
            Ok(file) => {
                let opened = self.register_file(file, true)?;
                self.nodes.count_created(Some(opened.0));
                Ok(Some(opened))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !flags.exclusive => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn open_existing(
        &mut self,
        base: Node,
        found: &Resolved,
        meta: &Metadata,
        flags: OpenFlags,
    ) -> Result<(Node, Kind)> {
        match kind_of(meta) {
            Kind::Directory if flags.write || flags.truncate || flags.create => Err(Errno::IsDir.into()),
            Kind::Directory => self.open_directory(base, found),
            _ if flags.directory || found.slash => Err(Errno::NotDir.into()),
            Kind::Link => Err(Errno::Loop.into()),
            // Opening a device can already have an effect.
            Kind::Unknown => Err(Errno::NotCapable.into()),
            Kind::File => {
                let write = flags.write || flags.truncate;
                if write {
                    self.check_writable()?;
                }
                let name = found.name.as_deref().ok_or(Errno::IsDir)?;
                self.add_work(2 * SYSCALL_WORK);
                let file = match found.dir.open_with(name, &options(write)) {
                    Err(error) if write && error.kind() == io::ErrorKind::PermissionDenied => {
                        found.dir.open_with(name, options(true).read(false))
                    }
                    opened => opened,
                };
                let (node, kind) = self.register_file(file?, write)?;
                if flags.truncate
                    && let Err(error) = super::Volume::set_size(self, node, 0, 0, &Interrupt::default())
                {
                    super::Volume::release(self, node)?;
                    return Err(error);
                }
                Ok((node, kind))
            }
        }
    }

    /// Adds an open file to the open nodes, after checking that it is a regular file of data.
    fn register_file(&mut self, file: File, write: bool) -> Result<(Node, Kind)> {
        let meta = file.metadata()?;
        // Checks the open file, which cannot be replaced any more.
        if kind_of(&meta) != Kind::File || (meta.dev() != self.root.id.0 && system::is_system(&file)) {
            return Err(Errno::NotCapable.into());
        }
        let node = self.node_of(&meta);
        match self.open_nodes.get_mut(&node) {
            Some(open_node) => {
                open_node.count += 1;
                if let Handle::File { file: open, write: can_write } = &mut open_node.handle
                    && write
                    && !*can_write
                {
                    (*open, *can_write) = (file, true);
                }
            }
            None => drop(self.open_nodes.insert(node, OpenNode { count: 1, handle: Handle::File { file, write } })),
        }
        Ok((node, Kind::File))
    }

    fn open_directory(&mut self, base: Node, found: &Resolved) -> Result<(Node, Kind)> {
        self.add_work(2 * SYSCALL_WORK);
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
        let node = self.node_of(&meta);
        // Without a parent it is the base directory, which is already open.
        let parent = above.map_or(node, |above| self.node_of(&above));
        let handle = Handle::Directory { dir, parent, listing: None };
        self.open_nodes.entry(node).or_insert(OpenNode { count: 0, handle }).count += 1;
        Ok((node, Kind::Directory))
    }

    pub(super) fn check_new_name(&self) -> Result<()> {
        self.check_writable()?;
        self.add_work(SYSCALL_WORK);
        self.nodes.check_name()
    }
}
