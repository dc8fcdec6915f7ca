//! A directory of the host whose operations are recorded, or replayed without the directory.

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
    dir,
    errno::{Errno, Fail, Result},
    volume::{Entry, How, Kind, Node, Place, Stat, Volume},
};
use crate::{
    digest::Digest,
    error::StopReason,
    files::{Changes, FileBytes},
    recorder::{Recorder, effect::Bytes, invalid_answer},
    watch::Alarm,
};

/// A volume whose operations are effects.
struct RecordedVolume {
    /// The path at which the guest sees it.
    path: Arc<str>,
    /// `None` in a replay.
    volume: Option<Box<dyn Volume>>,
    recorder: Recorder,
    work: u64,
    listed: Vec<Listed>,
}

/// The answer of a volume, and the work it took.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer<T> {
    #[serde(flatten)]
    end: End<T>,
    work: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum End<T> {
    Ok(T),
    Errno(Errno),
}

/// An entry of a directory.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    cookie: u64,
    node: Node,
    kind: Kind,
    name: String,
}

type Times = (Option<u64>, Option<u64>);

/// Wraps a directory of the host, or, in a replay, stands for one.
pub(super) fn volume(
    path: &Arc<str>,
    volume: Option<Box<dyn Volume>>,
    recorder: &mut Recorder,
) -> Option<Box<dyn Volume>> {
    let (path, recorder) = (Arc::clone(path), recorder.share());
    Some(Box::new(RecordedVolume { path, volume, recorder, work: 0, listed: Vec::new() }))
}

impl RecordedVolume {
    /// Performs an operation and records it, or replays it.
    fn ask<T: Serialize + DeserializeOwned>(
        &mut self,
        operation: &str,
        asked: impl FnOnce() -> Json,
        ask: impl FnOnce(&mut dyn Volume) -> Result<T>,
    ) -> Result<T> {
        let (path, volume) = (&self.path, &mut self.volume);
        let asked = || {
            let mut asked = asked();
            asked["dir"] = json!(&**path);
            asked
        };
        let Answer { end, work } = self.recorder.directory(operation, asked, || {
            // Without a volume everything is replayed, and this is not reached.
            let volume = volume.as_mut().ok_or_else(|| invalid_answer("dir"))?;
            let end = match ask(&mut **volume) {
                Ok(answer) => End::Ok(answer),
                Err(Fail::Errno(errno)) => End::Errno(errno),
                Err(Fail::Stop(reason)) => return Err(reason),
            };
            Ok(Answer { end, work: volume.take_work() })
        })?;
        self.work = self.work.saturating_add(work);
        match end {
            End::Ok(answer) => Ok(answer),
            End::Errno(errno) => Err(errno.into()),
        }
    }
}

impl Volume for RecordedVolume {
    fn open(&mut self, at: Place<'_>, how: How, now: u64) -> Result<(Node, Kind)> {
        self.ask("open", || json!({ "at": at, "how": how }), |volume| volume.open(at, how, now))
    }

    fn hold(&mut self, node: Node) {
        if let Some(volume) = &mut self.volume {
            volume.hold(node);
        }
    }

    fn release(&mut self, node: Node) -> Result<()> {
        self.ask("close", || json!({ "node": node }), |volume| volume.release(node))
    }

    fn stat(&mut self, node: Node) -> Result<Stat> {
        self.ask("stat", || json!({ "node": node }), |volume| volume.stat(node))
    }

    fn stat_at(&mut self, at: Place<'_>, follow: bool) -> Result<Stat> {
        self.ask("stat_at", || json!({ "at": at, "follow": follow }), |volume| volume.stat_at(at, follow))
    }

    fn set_times(&mut self, node: Node, times: Times, now: u64) -> Result<()> {
        let asked = || json!({ "node": node, "times": times });
        self.ask("set_times", asked, |volume| volume.set_times(node, times, now))
    }

    fn set_times_at(&mut self, at: Place<'_>, follow: bool, times: Times, now: u64) -> Result<()> {
        let asked = || json!({ "at": at, "follow": follow, "times": times });
        self.ask("set_times_at", asked, |volume| volume.set_times_at(at, follow, times, now))
    }

    fn read(&mut self, node: Node, offset: u64, to: &mut [u8], alarm: &Alarm) -> Result<usize> {
        if let Some(volume) = self.volume.as_mut().filter(|_| self.recorder.is_off()) {
            // Bytes are copied only to be recorded.
            return volume.read(node, offset, to, alarm);
        }
        let len = to.len();
        let asked = || json!({ "node": node, "offset": offset, "len": len });
        let bytes = self.ask("read", asked, |volume| {
            let count = volume.read(node, offset, to, alarm)?;
            Ok(Bytes(to[..count].to_vec()))
        })?;
        to.get_mut(..bytes.0.len()).ok_or_else(|| invalid_answer("dir.read"))?.copy_from_slice(&bytes.0);
        Ok(bytes.0.len())
    }

    fn work_of(&mut self, node: Node, end: u64) -> Result<u64> {
        self.ask("room", || json!({ "node": node, "end": end }), |volume| volume.work_of(node, end))
    }

    fn write(&mut self, node: Node, offset: u64, bytes: &[u8], now: u64, alarm: &Alarm) -> Result<()> {
        let asked = || json!({ "node": node, "offset": offset, "bytes": Digest::of(bytes) });
        self.ask("write", asked, |volume| volume.write(node, offset, bytes, now, alarm))
    }

    fn set_size(&mut self, node: Node, size: u64, now: u64, alarm: &Alarm) -> Result<()> {
        self.ask("set_size", || json!({ "node": node, "size": size }), |volume| volume.set_size(node, size, now, alarm))
    }

    fn sync(&mut self, node: Node) -> Result<()> {
        self.ask("sync", || json!({ "node": node }), |volume| volume.sync(node))
    }

    fn list(&mut self, node: Node, cookie: u64, room: usize) -> Result<()> {
        let asked = || json!({ "node": node, "cookie": cookie, "room": room });
        self.listed = self.ask("list", asked, |volume| {
            volume.list(node, cookie, room)?;
            let (mut listed, mut filled, mut next) = (Vec::new(), 0, cookie);
            while filled < room
                && let Some(Entry { cookie, node, kind, name }) = volume.entry(node, next)?
            {
                filled += dir::HEAD + name.len();
                next = cookie;
                listed.push(Listed { cookie, node, kind, name: name.to_string() });
            }
            Ok(listed)
        })?;
        Ok(())
    }

    fn entry(&self, _: Node, cookie: u64) -> Result<Option<Entry<'_>>> {
        let next = self.listed.iter().find(|listed| listed.cookie > cookie);
        Ok(next.map(|Listed { cookie, node, kind, name }| Entry { cookie: *cookie, node: *node, kind: *kind, name }))
    }

    fn make_directory(&mut self, at: Place<'_>, now: u64) -> Result<()> {
        self.ask("make_directory", || json!({ "at": at }), |volume| volume.make_directory(at, now))
    }

    fn remove_directory(&mut self, at: Place<'_>, now: u64) -> Result<()> {
        self.ask("remove_directory", || json!({ "at": at }), |volume| volume.remove_directory(at, now))
    }

    fn unlink(&mut self, at: Place<'_>, now: u64) -> Result<()> {
        self.ask("unlink", || json!({ "at": at }), |volume| volume.unlink(at, now))
    }

    fn link(&mut self, from: Place<'_>, to: Place<'_>, now: u64) -> Result<()> {
        self.ask("link", || json!({ "from": from, "to": to }), |volume| volume.link(from, to, now))
    }

    fn symlink(&mut self, target: &str, at: Place<'_>, now: u64) -> Result<()> {
        self.ask("symlink", || json!({ "target": target, "at": at }), |volume| volume.symlink(target, at, now))
    }

    fn target(&mut self, at: Place<'_>) -> Result<String> {
        self.ask("target", || json!({ "at": at }), |volume| volume.target(at))
    }

    fn rename(&mut self, from: Place<'_>, to: Place<'_>, now: u64) -> Result<()> {
        self.ask("rename", || json!({ "from": from, "to": to }), |volume| volume.rename(from, to, now))
    }

    fn take_work(&mut self) -> u64 {
        let own = self.volume.as_mut().map_or(0, |volume| volume.take_work());
        core::mem::take(&mut self.work).saturating_add(own)
    }

    fn changes(&mut self, _: &BTreeMap<String, FileBytes>) -> core::result::Result<Changes, StopReason> {
        Ok(Changes::new())
    }
}
