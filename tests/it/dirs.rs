//! Directories of the host: what a guest may do there, and that it reaches nothing else.
//!
//! A test of a defence shows first that there is something to defend: `naive`, or what is beside it, does
//! what a host would do that only joins paths, and gets out.

mod carry;
mod change;
mod escape;
mod grant;
pub mod guest;
mod quota;
mod race;
mod same;
mod special;
mod use_of;
