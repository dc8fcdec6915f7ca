//! Effective capabilities and limits of a tool, with the reason for each.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::Serialize;

use crate::{config::Config, tool::manifest::Manifest};

/// The effective capabilities and limits of a tool, with what is requested and granted and the ceiling.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// Name of the tool, from its manifest or else from its file.
    pub tool: String,
    /// The SHA-256 of the module, in 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The policy binds the name to this hash. Otherwise any module whose manifest has this name gets the same.
    pub pinned: bool,
    /// Manifest of the module.
    #[serde(skip)]
    pub manifest: Option<Manifest>,
    /// Each capability and limit.
    pub lines: Vec<PlanLine>,
    /// Required capabilities and limits that it does not get. It cannot run unless this is empty.
    pub missing: Vec<MissingCapability>,
    /// The effective configuration.
    pub config: Config,
}

/// A capability or limit: requested, granted, ceiling and effective value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct PlanLine {
    /// Path in TOML. A key with entries has a line for each entry.
    pub key: String,
    /// Value that the manifest requests.
    pub asked: Option<String>,
    /// Least value that the manifest requires.
    pub required: Option<String>,
    /// Value that the policy grants; `None`: nothing, or for a number no limit.
    pub granted: Option<String>,
    /// Where the policy grants it; `None`: by default.
    pub granted_by: Option<PlanSource>,
    /// The ceiling, if there is one.
    pub ceiling: Option<String>,
    /// Where the ceiling is set.
    pub ceiling_by: Option<PlanSource>,
    /// Effective value; `None`: nothing, or for a number no limit.
    pub effective: Option<String>,
    /// Which of them decides the effective value.
    pub why: PlanReason,
}

/// A position in the text of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlanSource {
    /// The section, such as `tools.convert`; empty for the grants of all tools.
    pub section: String,
    /// The line in the text; `None` for a policy made in code.
    pub line: Option<u64>,
}

/// What decides the effective value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanReason {
    /// It is the requested value.
    Asked,
    /// It is the granted value.
    Granted,
    /// It is the default; nothing is requested and nothing is set.
    #[default]
    Default,
    /// It is the ceiling.
    Ceiling,
    /// It is granted, but not requested.
    NotAsked,
    /// It is requested, but not granted.
    NotGranted,
}

impl fmt::Display for PlanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PlanReason::Asked => "as asked",
            PlanReason::Granted => "as granted",
            PlanReason::Default => "by default",
            PlanReason::Ceiling => "the ceiling",
            PlanReason::NotAsked => "not asked for",
            PlanReason::NotGranted => "not granted",
        })
    }
}

/// A required capability or limit that a tool does not get, and the line that grants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MissingCapability {
    /// Path in TOML.
    pub key: String,
    /// The section of the policy that the line belongs to, such as `tools.convert` or `ceiling`.
    pub section: String,
    /// The line to write there.
    pub line: String,
    /// Number of the line that it replaces.
    pub replaces: Option<u64>,
}

impl fmt::Display for MissingCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "under `[{}]`, ", self.section)?;
        match self.replaces {
            Some(line) => write!(f, "in place of line {line}, write `{}`", self.line),
            None => write!(f, "add `{}`", self.line),
        }
    }
}
