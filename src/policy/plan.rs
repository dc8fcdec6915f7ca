//! What a tool is given, and why.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::Serialize;

use crate::{config::Config, manifest::Manifest};

/// What a tool is given: all that it asked for, is granted and may have at most, with nothing of it run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// What the tool is called: by its manifest, or else by its file.
    pub tool: String,
    /// The SHA-256 of the module, in 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Whether the policy has a section for the name that is for this hash alone. Without one, any module
    /// that says it is called so is given the same.
    pub pinned: bool,
    /// What it says of itself.
    #[serde(skip)]
    pub manifest: Option<Manifest>,
    /// Each capability and limit.
    pub lines: Vec<PlanLine>,
    /// What it requires and is not given; it cannot be run unless this is empty.
    pub missing: Vec<Missing>,
    /// What is in force.
    pub config: Config,
}

/// A capability or limit: what is asked for, granted, the most that anything gets, and what is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlanLine {
    /// Path in TOML; what is given piece by piece has a line for each piece.
    pub key: String,
    /// What the manifest asks for, if it asks.
    pub asked: Option<String>,
    /// The least that it must have, if there is such.
    pub required: Option<String>,
    /// What the policy grants; `None`: nothing, or of a number: no limit.
    pub granted: Option<String>,
    /// Where it does so; `None`: by default.
    pub granted_by: Option<Place>,
    /// The most that anything gets, if there is a ceiling.
    pub ceiling: Option<String>,
    /// Where it is.
    pub ceiling_by: Option<Place>,
    /// What the tool is given; `None`: nothing, or of a number: no limit.
    pub effective: Option<String>,
    /// Which of them decides.
    pub why: Why,
}

/// A place in the text of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The section, such as `tools.convert`; empty: what all tools are granted.
    pub section: String,
    /// The line in the text; `None` for a policy made in code.
    pub line: Option<u64>,
}

/// What decides what is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// It is what is asked for.
    Asked,
    /// It is what is granted.
    Granted,
    /// It is what every tool has where nobody says anything.
    Default,
    /// It is the most that anything gets.
    Ceiling,
    /// It is granted, but not asked for.
    NotAsked,
    /// It is asked for, but not granted.
    NotGranted,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Asked => "as asked",
            Why::Granted => "as granted",
            Why::Default => "by default",
            Why::Ceiling => "the ceiling",
            Why::NotAsked => "not asked for",
            Why::NotGranted => "not granted",
        })
    }
}

/// What a tool requires and is not given, and what to write so that it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Missing {
    /// Path in TOML.
    pub key: String,
    /// The section of the policy that the line belongs to, such as `tools.convert` or `ceiling`.
    pub section: String,
    /// The line to write there.
    pub line: String,
    /// The line of the text that it is to stand for.
    pub replaces: Option<u64>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "under `[{}]`, ", self.section)?;
        match self.replaces {
            Some(line) => write!(f, "in place of line {line}, write `{}`", self.line),
            None => write!(f, "add `{}`", self.line),
        }
    }
}
