//! The standard error stream, whose lines become log messages.

use alloc::{string::String, vec::Vec};

use crate::{
    data::{
        outcome::{Level, LogEntry},
        text,
    },
    error::{HostMemoryUse, HostStop, StopReason},
    host::Host,
    observe,
    sync::watch::Interrupt,
    wasi::LineBuffer,
};

/// Level of the messages.
const LEVEL: Level = Level::Info;

impl LineBuffer {
    /// Appends text, and logs each line that it completes. If the run is interrupted, restores the line as it was.
    pub(super) fn write(&mut self, text: &[u8], interrupt: &Interrupt, host: &mut Host) -> Result<(), StopReason> {
        let (len, cut, mut first) = (self.bytes.len(), self.cut, None);
        for piece in interrupt.chunks(text) {
            let Ok(piece) = piece else {
                self.bytes = first.unwrap_or_else(|| core::mem::take(&mut self.bytes));
                self.bytes.truncate(len);
                self.cut = cut;
                return piece.map(|_| ());
            };
            self.write_piece(piece, host, &mut first)?;
        }
        Ok(())
    }

    /// Appends one piece of text. Stores the bytes of the first line it completes in `first`, unless that is set.
    fn write_piece(&mut self, text: &[u8], host: &mut Host, first: &mut Option<Vec<u8>>) -> Result<(), StopReason> {
        if !host.logs(LEVEL) {
            return Ok(());
        }
        let mut lines = text.split(|byte| *byte == b'\n');
        let unended = lines.next_back().unwrap_or_default();
        for line in lines {
            self.add(line, host)?;
            let ended = self.log(host)?;
            first.get_or_insert(ended);
        }
        self.add(unended, host)
    }

    /// Logs the unterminated line, if there is one.
    pub(super) fn flush(&mut self, host: &mut Host) -> Result<(), StopReason> {
        if self.bytes.is_empty() && !self.cut { Ok(()) } else { self.log(host).map(|_| ()) }
    }

    fn add(&mut self, text: &[u8], host: &Host) -> Result<(), StopReason> {
        let room = host.log_space(usize::MAX).unwrap_or(0).saturating_sub(self.bytes.len());
        let kept = text.get(..room).unwrap_or(text);
        self.cut |= kept.len() < text.len();
        self.bytes
            .try_reserve(kept.len())
            .map_err(|_| StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::Log }))?;
        self.bytes.extend_from_slice(kept);
        Ok(())
    }

    /// Logs the line, and returns its bytes.
    fn log(&mut self, host: &mut Host) -> Result<Vec<u8>, StopReason> {
        let (bytes, cut) = core::mem::take(self).into_parts();
        let Some(room) = host.log_space(bytes.len()) else { return host.keep_log(None, false).map(|()| bytes) };
        let mut text = String::new();
        let room = room.min(bytes.len());
        text.try_reserve(room).map_err(|_| StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::Log }))?;
        let mut whole = !cut;
        // Replacing invalid UTF-8 can lengthen the text.
        for part in bytes.utf8_chunks() {
            let replaced = if part.invalid().is_empty() { "" } else { "\u{fffd}" };
            for piece in [part.valid(), replaced] {
                let room = host.log_space(usize::MAX).unwrap_or(0).saturating_sub(text.len());
                let (fits, cut) = text::split(piece, room);
                whole &= cut.is_empty();
                text.push_str(fits);
            }
        }
        observe::log(LEVEL, &text, 0);
        host.keep_log(Some(LogEntry::new(LEVEL, text)), whole).map(|()| bytes)
    }

    fn into_parts(self) -> (Vec<u8>, bool) {
        (self.bytes, self.cut)
    }
}
