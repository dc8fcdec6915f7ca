//! A model of the host: what a script has to come to, written down from the guest ABI's documentation.

use belljar::{GuestFault, Level, LimitExceeded, StopReason, error::AbiFault};

use crate::script::{Call, Script, slot};

/// What a run has come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Came {
    pub output: Vec<u8>,
    pub log: Vec<(Level, String)>,
    /// Log messages that were not kept whole.
    pub dropped: u64,
    pub host_calls: u64,
    pub input_bytes: u64,
    pub reason: Option<StopReason>,
}

/// The host and the guest's memory.
struct World {
    came: Came,
    memory: Vec<u8>,
    /// How much of the input has been read.
    cursor: usize,
    log_full: bool,
}

/// So many bytes of last words are kept, or UTF-16 units.
const LAST_WORDS: usize = 4096;

/// What a script comes to.
pub fn expected(script: &Script) -> Came {
    let mut world = World { came: Came::default(), memory: script.memory(), cursor: 0, log_full: false };
    let reason = world.run(script).err();
    Came { reason, ..world.came }
}

impl World {
    fn run(&mut self, script: &Script) -> Result<(), StopReason> {
        if let Some(place) = script.place {
            let input = &script.input;
            let range = self.range("alloc", place, input.len() as u32)?;
            self.memory[range].copy_from_slice(input);
            self.came.input_bytes += input.len() as u64;
        }
        for (index, call) in script.calls.iter().enumerate() {
            if let Some(result) = self.call(script, call)?
                && !self.memory.is_empty()
            {
                self.memory[slot(index)..][..4].copy_from_slice(&result.to_le_bytes());
            }
        }
        match script.status {
            0 => Ok(()),
            code => Err(StopReason::Guest(GuestFault::Status { code })),
        }
    }

    fn call(&mut self, script: &Script, call: &Call) -> Result<Option<u32>, StopReason> {
        let limit = u64::from(script.limits.host_calls);
        if self.came.host_calls == limit {
            return Err(StopReason::Limit(LimitExceeded::HostCalls { limit }));
        }
        self.came.host_calls += 1;
        let (name, [a, b, c, d]) = (call.name, call.arguments);
        match call.function.names[0] {
            "input_len" => return Ok(Some(script.input.len() as u32)),
            "read_input" => {
                let range = self.range(name, a, b)?;
                let rest = &script.input[self.cursor..];
                let count = rest.len().min(range.len());
                self.memory[range][..count].copy_from_slice(&rest[..count]);
                self.cursor += count;
                self.came.input_bytes += count as u64;
                return Ok(Some(count as u32));
            }
            "write_output" => {
                let range = self.range(name, a, b)?;
                let (limit, asked) =
                    (u64::from(script.limits.output_bytes), (self.came.output.len() + range.len()) as u64);
                if asked > limit {
                    return Err(StopReason::Limit(LimitExceeded::Output { limit, asked }));
                }
                self.came.output.extend_from_slice(&self.memory[range]);
            }
            "log" => self.log(script, name, Level::Info, a, b)?,
            "log_at" => match Level::ALL.get(a as usize) {
                Some(level) => self.log(script, name, *level, b, c)?,
                None => {
                    return Err(StopReason::Guest(GuestFault::Abi(AbiFault::Level {
                        function: name.into(),
                        level: a as i32,
                    })));
                }
            },
            "fail" => {
                let range = self.range(name, a, b)?;
                let bytes = &self.memory[range];
                let message = String::from_utf8_lossy(&bytes[..bytes.len().min(LAST_WORDS)]).into_owned();
                return Err(StopReason::Guest(GuestFault::Failed { message }));
            }
            "abort" => {
                let (message, file) = (self.utf16(name, a)?, self.utf16(name, b)?);
                return Err(StopReason::Guest(GuestFault::Aborted { message, file, line: c, column: d }));
            }
            other => panic!("the model does not know `{other}`"),
        }
        Ok(None)
    }

    fn log(&mut self, script: &Script, name: &str, level: Level, ptr: u32, len: u32) -> Result<(), StopReason> {
        let range = self.range(name, ptr, len)?;
        let text = std::str::from_utf8(&self.memory[range]).map_err(|error| {
            let valid = error.valid_up_to() as u32;
            StopReason::Guest(GuestFault::Abi(AbiFault::Utf8 { function: name.into(), ptr, len, valid }))
        })?;
        let kept: usize = self.came.log.iter().map(|(_, text)| text.len()).sum();
        let room = usize::from(script.limits.log_bytes) - kept;
        if self.log_full
            || self.came.log.len() == usize::from(script.limits.log_lines)
            || (room == 0 && !text.is_empty())
        {
            self.came.dropped += 1;
            self.log_full = true;
            return Ok(());
        }
        if text.len() > room {
            self.came.dropped += 1;
            self.log_full = true;
        }
        let cut = text.floor_char_boundary(room);
        self.came.log.push((level, text[..cut].into()));
        Ok(())
    }

    /// UTF-16 with its size in bytes before it; nothing at the null pointer.
    fn utf16(&self, name: &str, ptr: u32) -> Result<String, StopReason> {
        if ptr == 0 {
            return Ok(String::new());
        }
        // A string below 4 has no place for its size.
        let Some(before) = ptr.checked_sub(4) else { return Err(self.outside(name, ptr, 0)) };
        let size = &self.memory[self.range(name, before, 4)?];
        let size = u32::from_le_bytes([size[0], size[1], size[2], size[3]]);
        let bytes = &self.memory[self.range(name, ptr, size)?];
        let units = bytes.chunks_exact(2).take(LAST_WORDS).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        Ok(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    }

    fn range(&self, name: &str, ptr: u32, len: u32) -> Result<std::ops::Range<usize>, StopReason> {
        let (start, end) = (ptr as usize, ptr as usize + len as usize);
        match len {
            0 => Ok(0..0),
            _ if end <= self.memory.len() => Ok(start..end),
            _ => Err(self.outside(name, ptr, len)),
        }
    }

    fn outside(&self, name: &str, ptr: u32, len: u32) -> StopReason {
        let memory = self.memory.len() as u64;
        StopReason::Guest(GuestFault::Abi(AbiFault::Range { function: name.into(), ptr, len, memory }))
    }
}
