//! Modules of our own, whose code makes much use of the operand stack: values wait there while blocks begin and
//! locals are assigned, blocks take and give several, branches carry them to labels at every height.
//!
//! Types are kept track of, so that every module is valid. Loops have bounds, and so do calls that may recurse.

mod body;
mod branch;
mod call;
mod constant;
mod control;
mod memory;
mod operator;
mod plan;
mod sections;
mod start;
mod step;
mod table;
mod value;
mod vector;

use self::plan::{Plan, Types};
use crate::random::Random;

/// Makes the module of a seed.
pub fn module(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut types = Types::default();
    let plan = Plan::new(&mut random, &mut types);
    let bodies = (0..plan.functions.len() as u32)
        .map(|index| start::function(&plan, &mut types, &mut random, index))
        .collect::<Vec<_>>();
    sections::module(&plan, &types, &mut random, &bodies)
}
