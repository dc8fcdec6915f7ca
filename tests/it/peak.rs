//! The most memory of a process, as Linux reports it, and texts that may take much of it.

use std::fs;

/// The most memory of a process since it was asked last, in bytes; and from then on anew.
pub struct Peak(u32, u64);

impl Peak {
    pub fn of(process: u32) -> Peak {
        fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
        Peak(process, read(process, "VmRSS:"))
    }

    pub fn more(&self) -> u64 {
        read(self.0, "VmHWM:").saturating_sub(self.1)
    }
}

fn read(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// A text of this size: one part again and again.
pub fn repeated(open: &str, part: &str, close: &str, size: usize) -> String {
    let count = (size - open.len() - close.len()) / part.len();
    format!("{open}{}{close}", part.repeat(count))
}
