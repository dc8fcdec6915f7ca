//! Requests of WASI programs to the host, recorded or replayed.

use alloc::{format, vec::Vec};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{
    Mode, Recorder,
    effect::{Bytes, Effect, Request},
    invalid_answer,
};
use crate::error::StopReason;

impl Recorder {
    /// Reads the host's clock; returns the time since 1970 and since the first reading.
    pub(crate) fn clock(&self, read: impl FnOnce() -> (u64, u64)) -> Result<(u64, u64), StopReason> {
        if self.is_replaying() {
            return match self.next(&Request::clock())? {
                Effect::Clock { realtime, monotonic } => Ok((realtime, monotonic)),
                _ => Err(invalid_answer("clock")),
            };
        }
        let (realtime, monotonic) = read();
        self.push(|| Effect::Clock { realtime, monotonic })?;
        Ok((realtime, monotonic))
    }

    /// Fills a buffer with random bytes of the host.
    pub(crate) fn random(
        &self,
        to: &mut [u8],
        fill: impl FnOnce(&mut [u8]) -> Result<(), StopReason>,
    ) -> Result<(), StopReason> {
        if self.is_replaying() {
            return match self.next(&Request::random(to.len()))? {
                Effect::Random { bytes: Bytes(bytes) } if bytes.len() == to.len() => {
                    to.copy_from_slice(&bytes);
                    Ok(())
                }
                _ => Err(invalid_answer("random")),
            };
        }
        fill(to)?;
        self.push(|| Effect::Random { bytes: Bytes(Vec::from(&*to)) })
    }

    /// Performs an operation in a directory of the host.
    pub(crate) fn directory<T: Serialize + DeserializeOwned>(
        &self,
        operation: &str,
        asked: impl FnOnce() -> Json,
        host: impl FnOnce() -> Result<T, StopReason>,
    ) -> Result<T, StopReason> {
        if self.is_replaying() {
            let invalid = || invalid_answer(&format!("dir.{operation}"));
            let Effect::Directory { answer, .. } = self.next(&Request::directory(operation, asked()))? else {
                return Err(invalid());
            };
            return serde_json::from_value(answer).map_err(|_| invalid());
        }
        let answer = host()?;
        self.push(|| Effect::Directory {
            operation: operation.into(),
            asked: asked(),
            answer: serde_json::to_value(&answer).unwrap_or_default(),
        })?;
        Ok(answer)
    }

    /// Checks that nothing is recorded or replayed.
    pub(crate) fn is_off(&self) -> bool {
        self.lock().is_none_or(|mode| matches!(*mode, Mode::Off))
    }

    fn push(&self, effect: impl FnOnce() -> Effect) -> Result<(), StopReason> {
        self.recording(|recording| recording.push(effect())).unwrap_or(Ok(()))
    }
}
