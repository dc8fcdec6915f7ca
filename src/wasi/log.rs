//! The stream of errors: lines that become messages of the log.

use alloc::{string::String, vec::Vec};

use crate::{
    error::StopReason,
    host::Host,
    observe,
    outcome::{Level, LogEntry},
};

/// The level of what a program writes to its stream of errors.
const LEVEL: Level = Level::Info;

/// A line whose end has not come yet, as much of it as the log takes.
#[derive(Default)]
pub(super) struct Line {
    bytes: Vec<u8>,
    cut: bool,
}

impl Line {
    /// Takes more text, and logs each line that it ends.
    pub(super) fn write(&mut self, mut text: &[u8], host: &mut Host) -> Result<(), StopReason> {
        if !host.logs(LEVEL) {
            return Ok(());
        }
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            self.add(&text[..end], host)?;
            self.log(host)?;
            text = &text[end + 1..];
        }
        self.add(text, host)
    }

    /// Logs what has no end.
    pub(super) fn end(&mut self, host: &mut Host) -> Result<(), StopReason> {
        if self.bytes.is_empty() && !self.cut { Ok(()) } else { self.log(host) }
    }

    fn add(&mut self, text: &[u8], host: &Host) -> Result<(), StopReason> {
        let room = host.log_room(usize::MAX).unwrap_or(0).saturating_sub(self.bytes.len());
        let kept = &text[..text.len().min(room)];
        self.cut |= kept.len() < text.len();
        self.bytes.try_reserve(kept.len()).map_err(|_| StopReason::HostMemory { what: "log" })?;
        self.bytes.extend_from_slice(kept);
        Ok(())
    }

    fn log(&mut self, host: &mut Host) -> Result<(), StopReason> {
        let (bytes, cut) = core::mem::take(self).into_parts();
        let Some(room) = host.log_room(bytes.len()) else { return host.keep_log(None, false) };
        let mut text = String::new();
        let room = room.min(bytes.len());
        text.try_reserve(room).map_err(|_| StopReason::HostMemory { what: "log" })?;
        let mut whole = !cut;
        // What is no UTF-8 becomes longer.
        for part in bytes.utf8_chunks() {
            let replaced = if part.invalid().is_empty() { "" } else { "\u{fffd}" };
            for piece in [part.valid(), replaced] {
                let mut fits = piece.len().min(host.log_room(usize::MAX).unwrap_or(0).saturating_sub(text.len()));
                while !piece.is_char_boundary(fits) {
                    fits -= 1;
                }
                whole &= fits == piece.len();
                text.push_str(&piece[..fits]);
            }
        }
        observe::log(LEVEL, &text);
        host.keep_log(Some(LogEntry::new(LEVEL, text)), whole)
    }

    fn into_parts(self) -> (Vec<u8>, bool) {
        (self.bytes, self.cut)
    }
}
