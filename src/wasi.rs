//! The virtual system of WASI preview 1 and its predecessor: files are in memory, clocks count fuel, and random bytes are
//! seeded. The host is used only for what is granted: its clock, its random bytes, directories. `host/wasi.rs` has the
//! functions.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use self::{
    clock::Clock,
    fd::{Table, VolumeNode},
    memory::Tree,
    random::RandomSource,
    timers::Timers,
    volume::{ROOT, Volume},
};
use crate::{
    config::{
        Limits,
        wasi::{self, Wasi},
    },
    data::files::Changes,
    error::StopReason,
    recorder::Recorder,
};

pub(crate) mod clock;
pub(crate) mod errno;
pub(crate) mod fd;
mod memory;
#[cfg(all(feature = "fs", unix))]
mod mount;
#[cfg(not(all(feature = "fs", unix)))]
#[path = "wasi/mount/disabled.rs"]
mod mount;
pub(crate) mod random;
#[cfg_attr(not(feature = "receipt"), path = "wasi/recorded/disabled.rs")]
mod recorded;
pub(crate) mod rights;
pub(crate) mod timers;
pub(crate) mod volume;
mod walk;

pub(crate) use self::mount::Roots;

/// Whether this build provides WASI.
pub(crate) const IS_PROVIDED: bool = true;

/// State of WASI in one run.
pub(crate) struct State {
    pub(crate) config: Wasi,
    pub(crate) fds: Table,
    /// Volumes, by the index that descriptors refer to them by.
    pub(crate) volumes: Vec<Box<dyn Volume>>,
    pub(crate) clock: Clock,
    pub(crate) random: RandomSource,
    pub(crate) stderr: LineBuffer,
    pub(crate) timers: Timers,
}

/// Unterminated line, up to the bytes that the log has room for.
#[derive(Default)]
pub(crate) struct LineBuffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) cut: bool,
}

impl State {
    /// Creates the system of a run. `dot` also preopens the root under the name `.`.
    pub(crate) fn new(config: &Wasi, limits: &Limits, mounted: &Roots, dot: bool, recorder: &mut Recorder) -> State {
        let clock = Clock::new(config);
        let tree = Tree::new(&config.files, limits, clock.initial_time());
        // The root is preopened only if the configuration has files; an entry for the root alone is enough.
        let root = (!config.files.is_empty()).then(|| Arc::from("/"));
        let tree: (_, Box<dyn Volume>) = (root, Box::new(tree));
        let mounted = mounted.volumes(config.clock != wasi::Clock::None);
        let mounted = mounted.filter_map(|(name, volume)| {
            let volume = recorded::volume(&name, volume, recorder)?;
            Some((Some(name), volume))
        });
        let (mut roots, mut volumes) = (Vec::new(), Vec::new());
        for (name, mut volume) in core::iter::once(tree).chain(mounted) {
            let at = VolumeNode { volume: volumes.len(), node: ROOT };
            let dot = name.as_deref() == Some("/") && dot;
            roots.extend(name.map(|name| (name, at)));
            if dot {
                volume.retain(at.node);
                roots.push((Arc::from("."), at));
            }
            volumes.push(volume);
        }
        State {
            fds: Table::new(limits.open_files, roots),
            volumes,
            clock,
            random: RandomSource::new(config),
            stderr: LineBuffer::default(),
            timers: Timers::default(),
            config: config.clone(),
        }
    }

    /// Returns the changes of files.
    pub(crate) fn changes(&mut self) -> Result<Changes, StopReason> {
        let mut all = Changes::new();
        for volume in &mut self.volumes {
            all.append(&mut volume.changes(&self.config.files)?);
        }
        Ok(all)
    }
}
