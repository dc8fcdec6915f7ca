//! Colors of frames.

use alloc::{
    format,
    string::{String, ToString},
};

use super::super::Callee;

/// Returns the color of a frame, which black text can be read on. That of a name is the same in every picture:
/// functions of the guest are warm, those of the host blue, and the work of belljar is grey.
pub(super) fn color(callee: &Callee) -> String {
    // The least of each component, and the numbers from there on.
    let ranges: [(u32, u32); 3] = match callee {
        Callee::Guest { .. } => [(236, 20), (140, 80), (72, 60)],
        Callee::Host { .. } => [(120, 50), (172, 44), (232, 24)],
        Callee::Belljar => return "#c0c0c0".into(),
    };
    let mut hash = hash(&callee.to_string());
    let [red, green, blue] = ranges.map(|(least, numbers)| {
        let component = least + hash % numbers;
        hash /= numbers;
        component
    });
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Returns the FNV-1a hash of a name, with its bits mixed, since names that differ in the last byte only differ in few.
fn hash(name: &str) -> u32 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}
