//! Options for the configuration of a run, and for what tools are granted.

use std::path::PathBuf;

use belljar::{
    Profile,
    config::{OnGrowthLimit, Preset},
};
use clap::Args;

use crate::{capabilities::CapabilityArgs, limits::LimitArgs, word::one_of};

/// Configuration sources.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigArgs {
    /// Read the configuration from this file [default: `belljar.toml` in the current directory, if
    /// it is there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, conflicts_with = "config")]
    pub no_config: bool,
    /// The defaults to start from: `plugin` for small modules, `large` for whole programs
    /// [default: plugin]
    #[arg(long, value_name = "NAME", value_parser = one_of::<Profile>(Profile::NAMES))]
    pub profile: Option<Profile>,
    /// The capabilities to start from: `minimal` grants input and output only, `development` the clock and
    /// the random bytes of the host, and the profile `large`
    #[arg(long, value_name = "NAME", value_parser = one_of::<Preset>(Preset::NAMES))]
    pub preset: Option<Preset>,
    /// The effect of growth beyond a limit of memory or tables: stop the run, or refuse with -1 [default: stop]
    #[arg(long, value_name = "WHAT", value_parser = one_of::<OnGrowthLimit>(OnGrowthLimit::NAMES))]
    pub on_growth_limit: Option<OnGrowthLimit>,
    /// Set a key of the configuration, such as limits.log_lines=100 or module.size_bytes=8MiB
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Grants to tools by options, in addition to those of a policy.
#[derive(Debug, Args)]
pub struct GrantArgs {
    #[command(flatten)]
    pub capabilities: CapabilityArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}
