//! What a program has to answer, as far as it can be known without running it.

use std::collections::BTreeMap;

use belljar::files::{Change, Changes};
use serde::Deserialize;

/// What a program has to answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    status: i32,
    output: Bytes,
    /// The log, with an end of line after each message.
    log: Bytes,
    /// Files that are to be there; others may be.
    files: BTreeMap<String, Bytes>,
}

/// What bytes have to be; what is left out is not asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Bytes {
    /// This text, and no other.
    is: Option<String>,
    /// These texts somewhere, in this order.
    has: Vec<String>,
    /// First these bytes, in hexadecimal digits; spaces do not count.
    starts: String,
    /// So many.
    bytes: Option<usize>,
}

impl Expect {
    /// What is wrong.
    pub fn wrong(&self, status: i32, output: &[u8], log: &str, files: &Changes) -> Vec<String> {
        let mut wrong = Vec::new();
        if status != self.status {
            wrong.push(format!("status {status}, expected {}", self.status));
        }
        wrong.extend(self.output.wrong(output).map(|why| format!("output {why}")));
        wrong.extend(self.log.wrong(log.as_bytes()).map(|why| format!("log {why}")));
        for (path, expected) in &self.files {
            match files.get(path) {
                Some(Change::File(bytes)) => wrong.extend(expected.wrong(bytes).map(|why| format!("{path} {why}"))),
                other => wrong.push(format!("{path} is {other:?}; there are {:?}", files.keys())),
            }
        }
        if !wrong.is_empty() {
            wrong.push(format!("log:\n{}", start(log)));
        }
        wrong
    }
}

impl Bytes {
    fn wrong(&self, found: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(found);
        let mut rest = &*text;
        let missing = self.has.iter().find(|part| match rest.split_once(part.as_str()) {
            Some((_, after)) => {
                rest = after;
                false
            }
            None => true,
        });
        let digits: String = self.starts.split_whitespace().collect();
        let hex: String = found.iter().take(digits.len() / 2).map(|byte| format!("{byte:02x}")).collect();
        if let Some(missing) = missing {
            Some(format!("is without {missing:?}: {}", start(&text)))
        } else if self.is.as_ref().is_some_and(|is| *is != text) {
            Some(format!("is not as expected: {}", start(&text)))
        } else if hex != digits {
            Some(format!("starts with {hex}"))
        } else if self.bytes.is_some_and(|bytes| bytes != found.len()) {
            Some(format!("has {} bytes", found.len()))
        } else {
            None
        }
    }
}

/// The start of a text that may be long.
fn start(text: &str) -> String {
    text.chars().take(1_500).collect()
}
