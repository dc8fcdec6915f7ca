//! Links that lead up or away: they stay where the host has put them.
//!
//! Others on the host follow a link by its text, from the directory that it is in. One with `..` leads
//! elsewhere from another directory, and from high enough out of the mount. So neither such a link nor a
//! directory above one gets another place, and there is nothing that two runs could exchange between
//! a look and a use.

use alloc::{sync::Arc, vec};
use std::{
    ffi::{OsStr, OsString},
    path::{Component, Path},
};

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, FileType, Metadata};

use super::{CALL, Mount};
use crate::wasi::errno::{Errno, Result};

/// Names that are looked at for links below a directory.
const MAX_NAMES: u32 = 100_000;

/// Directories in directories that are looked into.
const MAX_LEVELS: u32 = 100;

/// The most that the directories which are still to be looked into may take, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// The bytes that one of them takes beside its name.
const PENDING_BYTES: usize = 64;

struct Pending {
    above: Arc<Dir>,
    name: OsString,
    level: u32,
}

impl Mount {
    /// Checks that something can get another name, or one more.
    pub(super) fn check_carried(&self, dir: &Arc<Dir>, name: &str, meta: &Metadata) -> Result<()> {
        if meta.file_type().is_symlink() {
            let target = self.text_of(dir, name.as_ref())?;
            let away = Path::new(&target).has_root() || leads_up(&target);
            return if away { Err(Errno::NotCapable.into()) } else { Ok(()) };
        }
        if meta.is_dir() { self.check_links_below(dir, name) } else { Ok(()) }
    }

    fn check_links_below(&self, dir: &Arc<Dir>, name: &str) -> Result<()> {
        let mut pending = vec![Pending { above: Arc::clone(dir), name: name.into(), level: 1 }];
        let (mut names, mut bytes) = (0, 0);
        while let Some(Pending { above, name, level }) = pending.pop() {
            bytes -= if level > 1 { PENDING_BYTES + name.len() } else { 0 };
            self.spend(3 * CALL);
            let dir = Arc::new(above.open_dir_nofollow(&name)?);
            self.check_data(&dir, &dir.dir_metadata()?)?;
            for entry in dir.entries()? {
                let entry = entry?;
                let name = entry.file_name();
                self.spend(1);
                names += 1;
                if names > MAX_NAMES {
                    return Err(Errno::XDev.into());
                }
                let ty = self.type_of(&dir, &name, entry.file_type()?)?;
                if ty.is_symlink() && leads_up(&self.text_of(&dir, &name)?) {
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

    /// The type of an entry, also where the listing does not tell it.
    fn type_of(&self, dir: &Dir, name: &OsStr, told: FileType) -> Result<FileType> {
        if told.is_dir() || told.is_file() || told.is_symlink() {
            return Ok(told);
        }
        self.spend(CALL);
        Ok(dir.symlink_metadata(name)?.file_type())
    }

    /// The text of a link, be it UTF-8 or not.
    fn text_of(&self, dir: &Dir, name: &OsStr) -> Result<OsString> {
        self.spend(CALL);
        Ok(dir.read_link_contents(name)?.into_os_string())
    }
}

fn leads_up(target: &OsStr) -> bool {
    Path::new(target).components().any(|part| part == Component::ParentDir)
}
