//! Host directory whose operations are recorded, or replayed without the directory.

use alloc::{
    boxed::Box,
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};

use super::{
    errno::{CallError, Errno, Result},
    volume::{DIRENT_BYTES, Dirent, Kind, Node, OpenFlags, PathAt, Stat, Volume},
};
use crate::{
    data::{
        digest::Digest,
        files::{Changes, FileBytes},
    },
    error::StopReason,
    recorder::{Recorder, effect::Bytes, invalid_answer},
    sync::watch::Interrupt,
};

/// Volume whose operations are recorded or replayed.
struct RecordedVolume {
    /// Path at which the guest sees the directory.
    path: Arc<str>,
    /// `None` in a replay.
    volume: Option<Box<dyn Volume>>,
    recorder: Recorder,
    work: u64,
    listed: Vec<Listed>,
}

/// Result of an operation, and the work it took.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply<T> {
    #[serde(flatten)]
    result: ReplyResult<T>,
    work: u64,
}

/// Value or error number of an operation.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReplyResult<T> {
    Ok(T),
    Errno(Errno),
}

/// Entry of a directory.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    cookie: u64,
    node: Node,
    kind: Kind,
    name: String,
}

type Times = (Option<u64>, Option<u64>);

/// Wraps a host directory, or replaces it in a replay.
pub(crate) fn volume(
    path: &Arc<str>,
    volume: Option<Box<dyn Volume>>,
    recorder: &mut Recorder,
) -> Option<Box<dyn Volume>> {
    let (path, recorder) = (Arc::clone(path), recorder.share());
    Some(Box::new(RecordedVolume { path, volume, recorder, work: 0, listed: Vec::new() }))
}

impl RecordedVolume {
    /// Performs an operation and records it, or replays it.
    fn perform<T: Serialize + DeserializeOwned>(
        &mut self,
        operation: &str,
        request: impl FnOnce() -> Json,
        perform: impl FnOnce(&mut dyn Volume) -> Result<T>,
    ) -> Result<T> {
        let (path, volume) = (&self.path, &mut self.volume);
        let request = || {
            let mut request = request();
            if let Json::Object(members) = &mut request {
                members.insert("dir".into(), json!(&**path));
            }
            request
        };
        let Reply { result, work } = self.recorder.directory(operation, request, || {
            // Not reached without a volume, since every operation is then replayed.
            let volume = volume.as_mut().ok_or_else(|| invalid_answer("dir"))?;
            let result = match perform(&mut **volume) {
                Ok(value) => ReplyResult::Ok(value),
                Err(CallError::Errno(errno)) => ReplyResult::Errno(errno),
                Err(CallError::Stop(reason)) => return Err(reason),
            };
            Ok(Reply { result, work: volume.take_work() })
        })?;
        self.work = self.work.saturating_add(work);
        match result {
            ReplyResult::Ok(value) => Ok(value),
            ReplyResult::Errno(errno) => Err(errno.into()),
        }
    }
}

impl Volume for RecordedVolume {
    fn open(&mut self, at: PathAt<'_>, flags: OpenFlags, now: u64) -> Result<(Node, Kind)> {
        self.perform("open", || json!({ "at": at, "how": flags }), |volume| volume.open(at, flags, now))
    }

    fn retain(&mut self, node: Node) {
        if let Some(volume) = &mut self.volume {
            volume.retain(node);
        }
    }

    fn release(&mut self, node: Node) -> Result<()> {
        self.perform("close", || json!({ "node": node }), |volume| volume.release(node))
    }

    fn stat(&mut self, node: Node) -> Result<Stat> {
        self.perform("stat", || json!({ "node": node }), |volume| volume.stat(node))
    }

    fn stat_at(&mut self, at: PathAt<'_>, follow: bool) -> Result<Stat> {
        self.perform("stat_at", || json!({ "at": at, "follow": follow }), |volume| volume.stat_at(at, follow))
    }

    fn set_times(&mut self, node: Node, times: Times, now: u64) -> Result<()> {
        let request = || json!({ "node": node, "times": times });
        self.perform("set_times", request, |volume| volume.set_times(node, times, now))
    }

    fn set_times_at(&mut self, at: PathAt<'_>, follow: bool, times: Times, now: u64) -> Result<()> {
        let request = || json!({ "at": at, "follow": follow, "times": times });
        self.perform("set_times_at", request, |volume| volume.set_times_at(at, follow, times, now))
    }

    fn read(&mut self, node: Node, offset: u64, to: &mut [u8], interrupt: &Interrupt) -> Result<usize> {
        if let Some(volume) = self.volume.as_mut().filter(|_| self.recorder.is_off()) {
            // Bytes are copied only to be recorded.
            return volume.read(node, offset, to, interrupt);
        }
        let len = to.len();
        let request = || json!({ "node": node, "offset": offset, "len": len });
        let bytes = self.perform("read", request, |volume| {
            let count = volume.read(node, offset, to, interrupt)?;
            Ok(Bytes(to.get(..count).unwrap_or_default().to_vec()))
        })?;
        to.get_mut(..bytes.0.len()).ok_or_else(|| invalid_answer("dir.read"))?.copy_from_slice(&bytes.0);
        Ok(bytes.0.len())
    }

    fn write_work(&mut self, node: Node, end: u64) -> Result<u64> {
        self.perform("room", || json!({ "node": node, "end": end }), |volume| volume.write_work(node, end))
    }

    fn write(&mut self, node: Node, offset: u64, bytes: &[u8], now: u64, interrupt: &Interrupt) -> Result<()> {
        let request = || json!({ "node": node, "offset": offset, "bytes": Digest::of(bytes) });
        self.perform("write", request, |volume| volume.write(node, offset, bytes, now, interrupt))
    }

    fn set_size(&mut self, node: Node, size: u64, now: u64, interrupt: &Interrupt) -> Result<()> {
        self.perform(
            "set_size",
            || json!({ "node": node, "size": size }),
            |volume| volume.set_size(node, size, now, interrupt),
        )
    }

    fn sync(&mut self, node: Node) -> Result<()> {
        self.perform("sync", || json!({ "node": node }), |volume| volume.sync(node))
    }

    fn load_entries(&mut self, node: Node, cookie: u64, room: usize) -> Result<()> {
        let request = || json!({ "node": node, "cookie": cookie, "room": room });
        self.listed = self.perform("list", request, |volume| {
            volume.load_entries(node, cookie, room)?;
            let (mut listed, mut filled, mut next) = (Vec::new(), 0, cookie);
            while filled < room
                && let Some(Dirent { cookie, node, kind, name }) = volume.next_entry(node, next)?
            {
                filled += DIRENT_BYTES + name.len();
                next = cookie;
                listed.push(Listed { cookie, node, kind, name: name.to_string() });
            }
            Ok(listed)
        })?;
        Ok(())
    }

    fn next_entry(&self, _: Node, cookie: u64) -> Result<Option<Dirent<'_>>> {
        let next = self.listed.iter().find(|listed| listed.cookie > cookie);
        Ok(next.map(|Listed { cookie, node, kind, name }| Dirent { cookie: *cookie, node: *node, kind: *kind, name }))
    }

    fn make_directory(&mut self, at: PathAt<'_>, now: u64) -> Result<()> {
        self.perform("make_directory", || json!({ "at": at }), |volume| volume.make_directory(at, now))
    }

    fn remove_directory(&mut self, at: PathAt<'_>, now: u64) -> Result<()> {
        self.perform("remove_directory", || json!({ "at": at }), |volume| volume.remove_directory(at, now))
    }

    fn unlink(&mut self, at: PathAt<'_>, now: u64) -> Result<()> {
        self.perform("unlink", || json!({ "at": at }), |volume| volume.unlink(at, now))
    }

    fn link(&mut self, from: PathAt<'_>, to: PathAt<'_>, now: u64) -> Result<()> {
        self.perform("link", || json!({ "from": from, "to": to }), |volume| volume.link(from, to, now))
    }

    fn symlink(&mut self, target: &str, at: PathAt<'_>, now: u64) -> Result<()> {
        self.perform("symlink", || json!({ "target": target, "at": at }), |volume| volume.symlink(target, at, now))
    }

    fn read_link(&mut self, at: PathAt<'_>) -> Result<String> {
        self.perform("target", || json!({ "at": at }), |volume| volume.read_link(at))
    }

    fn rename(&mut self, from: PathAt<'_>, to: PathAt<'_>, now: u64) -> Result<()> {
        self.perform("rename", || json!({ "from": from, "to": to }), |volume| volume.rename(from, to, now))
    }

    fn take_work(&mut self) -> u64 {
        let own = self.volume.as_mut().map_or(0, |volume| volume.take_work());
        core::mem::take(&mut self.work).saturating_add(own)
    }

    fn changes(&mut self, _: &BTreeMap<String, FileBytes>) -> core::result::Result<Changes, StopReason> {
        Ok(Changes::new())
    }
}
