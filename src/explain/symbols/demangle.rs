//! Demangled names: those of Rust, legacy and v0, and of C++ by the Itanium ABI.

use std::fmt::{self, Write};

use crate::observe::contain;

mod cpp;

/// Most bytes of a name. It suffices for nearly all names of programs, and for telling the others apart.
pub(super) const NAME_BYTES: usize = 1000;

/// Returns a name as it was in the source, cut to [`NAME_BYTES`]. What is not mangled, or too long, stays as it is.
pub(super) fn demangle(name: &str) -> String {
    if name.len() > NAME_BYTES {
        return cut(name, NAME_BYTES).into();
    }
    contain(|| rust(name).or_else(|| cpp::demangle(name).map(|name| cut(&name, NAME_BYTES).into())))
        .ok()
        .flatten()
        .unwrap_or_else(|| name.into())
}

/// Returns the first bytes of a text, at most `most`, without a part of a character.
pub(super) fn cut(text: &str, most: usize) -> &str {
    (0..=most.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

fn rust(name: &str) -> Option<String> {
    let symbol = rustc_demangle::try_demangle(name).ok()?;
    // The alternate form leaves out the hash.
    Bounded::written(|out| write!(out, "{symbol:#}"))
}

/// A text that takes [`NAME_BYTES`], and then fails, which ends what writes it: a short symbol can stand for a text
/// that has no end in practice.
#[derive(Default)]
struct Bounded {
    text: String,
    is_full: bool,
}

impl Bounded {
    /// Returns the text that `write` writes, cut if it is too long; `None` if `write` fails before that.
    fn written(write: impl FnOnce(&mut Bounded) -> fmt::Result) -> Option<String> {
        let mut out = Bounded::default();
        (write(&mut out).is_ok() || out.is_full).then_some(out.text)
    }
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_full {
            return Err(fmt::Error);
        }
        let part = cut(text, NAME_BYTES - self.text.len());
        self.text.push_str(part);
        self.is_full = part.len() < text.len();
        if self.is_full { Err(fmt::Error) } else { Ok(()) }
    }
}
