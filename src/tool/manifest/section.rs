//! The custom section with the manifest: only the boundaries of sections are read.

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    data::binary::{leb, section},
    tool::manifest::error::ManifestError,
};

/// The name of the section.
pub(super) const NAME: &str = "belljar.manifest";

/// Returns the contents of the section.
pub(super) fn find(wasm: &[u8]) -> Result<Option<&[u8]>, ManifestError> {
    let mut found = None;
    for part in parts(wasm) {
        let part = part?;
        if let Some(contents) = part.manifest
            && found.replace(contents).is_some()
        {
            return Err(ManifestError::Twice { at: part.whole.start as u64 });
        }
    }
    Ok(found)
}

/// Returns the module with these contents in its only such section, at its end.
pub(super) fn replace(wasm: &[u8], contents: &[u8]) -> Result<Vec<u8>, ManifestError> {
    let mut out = wasm.get(..HEADER).unwrap_or_default().to_vec();
    for part in parts(wasm) {
        let part = part?;
        if part.manifest.is_none() {
            out.extend_from_slice(wasm.get(part.whole).unwrap_or_default());
        }
    }
    section(&mut out, CUSTOM, &[&leb(NAME.len() as u32), NAME.as_bytes(), contents].concat());
    Ok(out)
}

/// Bytes before the first section: magic number and version.
const HEADER: usize = 8;

/// The identifier of custom sections.
const CUSTOM: u8 = 0;

struct Part<'a> {
    whole: Range<usize>,
    /// Contents, if it is a manifest.
    manifest: Option<&'a [u8]>,
}

/// Iterates over the sections, until the first that is malformed.
fn parts(wasm: &[u8]) -> impl Iterator<Item = Result<Part<'_>, ManifestError>> {
    let mut at = if wasm.starts_with(b"\0asm\x01\0\0\0") { Ok(HEADER) } else { Err(0) };
    core::iter::from_fn(move || {
        let start = match at {
            Ok(start) if start == wasm.len() => return None,
            Ok(start) => start,
            // The error is returned once.
            Err(usize::MAX) => return None,
            Err(place) => {
                at = Err(usize::MAX);
                return Some(Err(ManifestError::NotModule { at: place as u64 }));
            }
        };
        match part(wasm, start) {
            Some(part) => {
                at = Ok(part.whole.end);
                Some(Ok(part))
            }
            None => {
                at = Err(usize::MAX);
                Some(Err(ManifestError::NotModule { at: start as u64 }))
            }
        }
    })
}

fn part(wasm: &[u8], start: usize) -> Option<Part<'_>> {
    let id = *wasm.get(start)?;
    let (size, header) = number(wasm.get(start + 1..)?)?;
    let end = (start + 1 + header).checked_add(size)?;
    let contents = wasm.get(start + 1 + header..end)?;
    let manifest = if id == CUSTOM {
        let (length, header) = number(contents)?;
        let (name, manifest) = contents.get(header..)?.split_at_checked(length)?;
        (name == NAME.as_bytes()).then_some(manifest)
    } else {
        None
    };
    Some(Part { whole: start..end, manifest })
}

/// Reads an unsigned LEB128 number of at most 32 bits; returns it with its length in bytes.
fn number(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()? as usize, i + 1));
        }
    }
    None
}
