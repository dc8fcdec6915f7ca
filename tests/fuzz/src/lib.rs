//! What the targets share.
//!
//! A target panics where something is wrong, and so ends the process, which the fuzzer takes for a
//! find. A panic that belljar contains ends it too.

#[path = "../../it/operands/case.rs"]
pub mod case;
#[path = "../../it/operands/check.rs"]
pub mod check;
#[path = "../../it/operands/operator.rs"]
pub mod operator;

pub mod ends;
pub mod guests;
pub mod model;
pub mod operands;
pub mod program;
pub mod script;
