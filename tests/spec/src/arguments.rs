//! The arguments of a call.

use belljar::Value;
use wast::{WastArg, core::WastArgCore};

/// Turns arguments into values; `None` where one is a reference.
pub fn values(arguments: &[WastArg<'_>]) -> Option<Vec<Value>> {
    arguments.iter().map(value).collect()
}

fn value(argument: &WastArg<'_>) -> Option<Value> {
    let WastArg::Core(argument) = argument else { return None };
    Some(match argument {
        WastArgCore::I32(v) => Value::I32(*v),
        WastArgCore::I64(v) => Value::I64(*v),
        WastArgCore::F32(v) => Value::F32(f32::from_bits(v.bits)),
        WastArgCore::F64(v) => Value::F64(f64::from_bits(v.bits)),
        WastArgCore::V128(v) => Value::V128(u128::from_le_bytes(v.to_le_bytes())),
        WastArgCore::RefNull(_) | WastArgCore::RefExtern(_) | WastArgCore::RefHost(_) => return None,
    })
}
