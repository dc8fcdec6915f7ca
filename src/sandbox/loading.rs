//! Loads in progress, so that several threads that execute the same bytes at once load them once.

extern crate std;

use alloc::{sync::Arc, vec::Vec};
use std::{
    sync::Condvar,
    thread::{self, ThreadId},
};

use super::module_cache::{Fingerprint, Wasm};
use crate::{
    config::{Config, ModuleLimits},
    sync::{Mutex, wait_while},
};

static LOADS: Mutex<Vec<Arc<Progress>>> = Mutex::new(Vec::new());

/// A load of this thread. Others wait for it until it is dropped.
pub(super) struct Load(Arc<Progress>);

struct Progress {
    fingerprint: Fingerprint,
    limits: ModuleLimits,
    thread: ThreadId,
    has_ended: Mutex<bool>,
    ended: Condvar,
}

impl Load {
    /// Begins a load. If another thread loads what seems to be the same module, waits for its end and returns `None`:
    /// the module may be in the cache now.
    pub(super) fn begin(wasm: Wasm<'_>, config: &Config) -> Option<Load> {
        let (fingerprint, limits) = (Fingerprint::of(wasm.get()), &config.module);
        let thread = thread::current().id();
        let same = {
            let mut loads = LOADS.lock();
            let is_same = |load: &&Arc<Progress>| load.fingerprint == fingerprint && load.limits == *limits;
            let Some(same) = loads.iter().find(is_same).cloned() else {
                let (limits, has_ended, ended) = (limits.clone(), Mutex::new(false), Condvar::new());
                let own = Arc::new(Progress { fingerprint, limits, thread, has_ended, ended });
                loads.push(Arc::clone(&own));
                return Some(Load(own));
            };
            same
        };
        // A subscriber of `tracing` may execute a module while one is loaded.
        if same.thread != thread {
            drop(wait_while(&same.ended, same.has_ended.lock(), |has_ended| !*has_ended));
        }
        None
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        LOADS.lock().retain(|load| !Arc::ptr_eq(load, &self.0));
        *self.0.has_ended.lock() = true;
        self.0.ended.notify_all();
    }
}
