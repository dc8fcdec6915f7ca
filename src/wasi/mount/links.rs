//! Checks of symbolic links whose target is absolute or contains `..`: a guest cannot move them.
//!
//! Other processes on the host resolve a link from the directory that contains it. Moved to another directory, a link
//! with `..` has another target, which may be outside the mount. So neither such a link nor a directory above one can
//! be renamed or get another hard link, and two runs cannot race between a check and a use.

use alloc::{sync::Arc, vec};
use std::{
    ffi::{OsStr, OsString},
    path::{Component, Path},
};

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, FileType, Metadata};

use super::{Mount, SYSCALL_WORK};
use crate::wasi::errno::{Errno, Result};

/// Maximum number of names checked below a directory.
const MAX_NAMES: u32 = 100_000;

/// Maximum depth of the directories checked.
const MAX_LEVELS: u32 = 100;

/// Maximum memory for the directories still to check, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Memory for one of them beside its name, in bytes.
const PENDING_BYTES: usize = 64;

/// Directory still to check.
struct Pending {
    above: Arc<Dir>,
    name: OsString,
    level: u32,
}

impl Mount {
    /// Checks that a file may be renamed, or get another hard link.
    pub(super) fn check_movable(&self, dir: &Arc<Dir>, name: &str, meta: &Metadata) -> Result<()> {
        if meta.file_type().is_symlink() {
            let target = self.link_target_os(dir, name.as_ref())?;
            let escapes = Path::new(&target).has_root() || has_parent_dir(&target);
            return if escapes { Err(Errno::NotCapable.into()) } else { Ok(()) };
        }
        if meta.is_dir() { self.check_links_below(dir, name) } else { Ok(()) }
    }

    /// Checks that no link below a directory has a target with `..`.
    fn check_links_below(&self, dir: &Arc<Dir>, name: &str) -> Result<()> {
        let mut pending = vec![Pending { above: Arc::clone(dir), name: name.into(), level: 1 }];
        let (mut names, mut bytes) = (0, 0);
        while let Some(Pending { above, name, level }) = pending.pop() {
            bytes -= if level > 1 { PENDING_BYTES + name.len() } else { 0 };
            self.add_work(3 * SYSCALL_WORK);
            let dir = Arc::new(above.open_dir_nofollow(&name)?);
            self.check_data(&dir, &dir.dir_metadata()?)?;
            for entry in dir.entries()? {
                let entry = entry?;
                let name = entry.file_name();
                self.add_work(1);
                names += 1;
                if names > MAX_NAMES {
                    return Err(Errno::XDev.into());
                }
                let ty = self.entry_type(&dir, &name, entry.file_type()?)?;
                if ty.is_symlink() && has_parent_dir(&self.link_target_os(&dir, &name)?) {
                    return Err(Errno::NotCapable.into());
                }
                if ty.is_dir() {
                    bytes += PENDING_BYTES + name.len();
                    if level == MAX_LEVELS || bytes > MAX_BYTES {
                        return Err(Errno::XDev.into());
                    }
                    pending.push(Pending { above: Arc::clone(&dir), name, level: level + 1 });
                }
            }
        }
        Ok(())
    }

    /// Returns the type of an entry; asks the host if the listing lacks it.
    fn entry_type(&self, dir: &Dir, name: &OsStr, listed: FileType) -> Result<FileType> {
        if listed.is_dir() || listed.is_file() || listed.is_symlink() {
            return Ok(listed);
        }
        self.add_work(SYSCALL_WORK);
        Ok(dir.symlink_metadata(name)?.file_type())
    }

    /// Reads the target of a link, which need not be UTF-8.
    fn link_target_os(&self, dir: &Dir, name: &OsStr) -> Result<OsString> {
        self.add_work(SYSCALL_WORK);
        Ok(dir.read_link_contents(name)?.into_os_string())
    }
}

fn has_parent_dir(target: &OsStr) -> bool {
    Path::new(target).components().any(|part| part == Component::ParentDir)
}
