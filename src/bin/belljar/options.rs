//! Option groups that several commands share.

pub use self::{
    config::{ConfigArgs, GrantArgs},
    look::{Format, LookArgs, When},
    tool::ToolArgs,
};

mod config;
mod look;
mod tool;
