//! What can be typed: the low level. What it means is decided in `settings`, `source` and the
//! commands.

use std::path::PathBuf;

use clap::{ArgAction, Args, Id, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{
    capabilities::CapabilityArgs,
    exit, help, json,
    limits::LimitArgs,
    map::args::MapArgs,
    mcp::args::McpArgs,
    serve::args::ServeArgs,
    tool::args::{ManifestArgs, PackArgs, ToolArgs},
};

/// Runs untrusted WebAssembly: metered, within hard limits, with the same result everywhere.
#[derive(Debug, Parser)]
#[command(name = "belljar", version, max_term_width = 100, after_help = exit::HELP)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a module with an input, or call one of its exports
    #[command(after_help = help::RUN.to_owned() + "\n\n" + exit::HELP)]
    #[command(after_long_help = [help::RUN, exit::HELP, json::RUN_HELP].join("\n\n"))]
    Run(Box<RunArgs>),
    /// Run a module with each line of its input, over all cores, and write a line for each
    #[command(after_help = help::MAP)]
    Map(Box<MapArgs>),
    /// Check that modules would load, without running anything of them
    #[command(after_help = [help::VALIDATE, help::VALIDATE_EXIT].join("\n\n"))]
    Validate(ValidateArgs),
    /// Tell what a module is and what it can do, without running anything of it
    #[command(after_help = [help::INSPECT, help::INSPECT_EXIT].join("\n\n"))]
    Inspect(InspectArgs),
    /// Run a module again, and tell whether it comes out as a receipt says
    #[command(after_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Put a manifest into a module: what it is called, what it takes and gives, what it asks for
    #[command(after_help = help::PACK)]
    Pack(PackArgs),
    /// Print the manifest of a module
    #[command(after_help = help::MANIFEST)]
    Manifest(ManifestArgs),
    /// Tell what a tool asks for, is granted and is given, and why, without running anything of it
    #[command(after_help = help::PLAN)]
    Plan(Box<ToolArgs>),
    /// Run the examples of a tool, and tell whether each comes out as its manifest says
    #[command(after_help = help::CHECK)]
    Check(Box<ToolArgs>),
    /// Serve modules as tools of the Model Context Protocol
    #[command(after_help = help::MCP)]
    Mcp(Box<McpArgs>),
    /// Answer requests over HTTP, each with a run of a module
    #[command(after_help = help::SERVE)]
    Serve(Box<ServeArgs>),
    /// Check on this machine that each limit and each measure ends what it has to
    #[command(after_help = help::SELFTEST)]
    Selftest(SelftestArgs),
    /// Write a completion script for a shell to stdout
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write a manual page to stdout
    #[command(after_help = help::MAN)]
    Man {
        /// The command whose page it is; without it, the page of `belljar`
        #[arg(value_name = "COMMAND")]
        subcommand: Option<String>,
    },
}

/// `belljar run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The module, a binary `.wasm` file; `-` reads it from stdin
    pub module: PathBuf,
    /// Call this export with ARGS, and print its results one a line
    #[arg(short = 'e', long, value_name = "NAME")]
    pub function: Option<String>,
    /// Arguments of the export, one for each parameter; without -e, those of a WASI program
    #[arg(last = true)]
    pub args: Vec<String>,
    /// Exit with the guest's own status, where it has one: its lowest eight bits, or 1 if those are 0
    #[arg(long)]
    pub exit_with_guest: bool,
    /// Read the input from this file; `-` is stdin [default: stdin if it is not a terminal, else
    /// nothing; with -e or a module from stdin, nothing]
    #[arg(long, value_name = "FILE", conflicts_with = "input_text")]
    pub input: Option<PathBuf>,
    /// Take this text as the input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub input_text: Option<String>,
    /// Read the module as WebAssembly text (`.wat`)
    #[arg(long)]
    pub text: bool,
    /// Load and run it in a process of its own that the system has locked in: same result, some
    /// milliseconds more, and a crash of it is an error
    #[arg(long)]
    pub isolate: bool,
    /// Remember in this directory which modules have loaded, so that they load faster the next time; a key is
    /// kept there too [default: $BELLJAR_MODULE_CACHE, or none]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["isolate", "replay"])]
    pub module_cache: Option<PathBuf>,
    /// Write a receipt to this file: what was run and what came of it, for `belljar verify`;
    /// `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Note all that the run is given by the host - clock, random bytes, directories - in this file, for
    /// `--replay` and as a log of what the guest did; `-` is stdout
    #[arg(long, value_name = "FILE", conflicts_with_all = ["isolate", "replay"])]
    pub record: Option<PathBuf>,
    /// The most that may be noted; the run stops there
    #[arg(long, value_name = "SIZE", requires = "record", default_value = "64MiB")]
    pub record_limit: String,
    /// Run what was noted in this file again: with its configuration and arguments, and with nothing of the
    /// host but what is in it
    #[arg(long, value_name = "FILE", conflicts_with_all = replayed())]
    pub replay: Option<PathBuf>,
    /// Refuse what a transcript asks for above the limits in the section `[ceiling]` of this file, before anything is
    /// loaded; for those not in it, and without a file, above the profile `large`
    #[arg(long, value_name = "FILE", requires = "replay")]
    pub ceiling: Option<PathBuf>,
    /// Escape control characters of the output: on a terminal, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub escape: When,
    /// Run nothing: tell what the module can ask for, and each key of the configuration with its value, by
    /// which line, option or profile it has that, and how it is enforced
    #[arg(long, conflicts_with_all = ["receipt", "record", "metrics"])]
    pub plan: bool,
    /// Print what the run used, and its wall time, to stderr
    #[arg(long)]
    pub metrics: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub capabilities: CapabilityArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub config: ConfigArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: LimitArgs,
}

/// What a transcript has, so that it cannot be given beside one.
fn replayed() -> Vec<Id> {
    let capabilities = CapabilityArgs::augment_args(clap::Command::new(""));
    let capabilities = capabilities.get_arguments().map(|option| option.get_id().clone());
    let others = ["isolate", "function", "args", "plan", "ConfigArgs", "LimitArgs"];
    others.into_iter().map(Id::from).chain(capabilities).collect()
}

/// `belljar validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The modules, binary `.wasm` files; `-` reads one from stdin
    #[arg(required = true, value_name = "MODULE")]
    pub modules: Vec<PathBuf>,
    /// Read the modules as WebAssembly text (`.wat`)
    #[arg(long)]
    pub text: bool,
    /// Load each in a process of its own that the system has locked in: a crash of it is an error
    #[arg(long)]
    pub isolate: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub config: ConfigArgs,
}

/// `belljar inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The module, a binary `.wasm` file; `-` reads it from stdin
    pub module: PathBuf,
    /// Read the module as WebAssembly text (`.wat`)
    #[arg(long)]
    pub text: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub config: ConfigArgs,
}

/// `belljar verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The receipt; `-` reads it from stdin
    pub receipt: PathBuf,
    /// The module, a binary `.wasm` file; `-` reads it from stdin
    pub module: PathBuf,
    /// Read the input from this file; `-` is stdin [default: no input]
    #[arg(long, value_name = "FILE", conflicts_with = "input_text")]
    pub input: Option<PathBuf>,
    /// Take this text as the input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub input_text: Option<String>,
    /// The transcript of the run, as `belljar run --record` wrote it
    #[arg(long, value_name = "FILE")]
    pub transcript: Option<PathBuf>,
    /// A file that the run was given, as with `belljar run`
    #[arg(long, value_name = "GUEST=FILE", conflicts_with = "transcript")]
    pub file: Vec<String>,
    /// Refuse what a receipt or transcript asks for above the limits in the section `[ceiling]` of this file, before anything is
    /// loaded; for those not in it, and without a file, above the profile `large`
    #[arg(long, value_name = "FILE")]
    pub ceiling: Option<PathBuf>,
    /// Read the module as WebAssembly text (`.wat`)
    #[arg(long)]
    pub text: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
}

/// `belljar selftest`.
#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// Only those whose names contain one of these [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Tell the wall time of each and, on Linux, the memory it took
    #[arg(long)]
    pub metrics: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
}

/// How things are shown.
#[derive(Debug, Clone, Copy, Args)]
pub struct LookArgs {
    /// What stdout carries: for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Colours on stderr
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Say what is read and which configuration is used; twice: trace events; three times: all of them
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// No log and no messages but errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
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
    #[arg(long, value_name = "NAME")]
    pub profile: Option<Profile>,
    /// The capabilities to start from: `minimal` grants input and output only, `development` the clock and
    /// the random bytes of the host, and the profile `large`
    #[arg(long, value_name = "NAME")]
    pub preset: Option<Preset>,
    /// What growth beyond a limit of memory or tables does: stop the run, or refuse with -1
    /// [default: stop]
    #[arg(long, value_name = "WHAT")]
    pub on_growth_limit: Option<OnGrowthLimit>,
    /// Set a key of the configuration, such as limits.log_lines=100 or module.size_bytes=8MiB
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// What tools are granted by options, beside a policy.
#[derive(Debug, Args)]
pub struct GrantArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub capabilities: CapabilityArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub config: ConfigArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: LimitArgs,
}

/// What stdout carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: the guest's output as it is
    Human,
    /// One JSON document, indented
    Json,
    /// One JSON document on one line
    JsonCompact,
}

/// When something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// [`belljar::Profile`], as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Profile {
    Plugin,
    Large,
}

/// [`belljar::Preset`], as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Preset {
    Minimal,
    Development,
}

/// [`belljar::OnGrowthLimit`], as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum OnGrowthLimit {
    Stop,
    Refuse,
}

impl Command {
    /// How things are shown.
    pub fn look(&self) -> LookArgs {
        match self {
            Command::Run(args) => args.look,
            // Documents are on lines of their own there.
            Command::Map(args) if args.look.format == Format::Json => {
                LookArgs { format: Format::JsonCompact, ..args.look }
            }
            Command::Map(args) => args.look,
            Command::Validate(args) => args.look,
            Command::Inspect(args) => args.look,
            Command::Verify(args) => args.look,
            Command::Pack(args) => args.look,
            Command::Manifest(args) => args.look,
            Command::Plan(args) | Command::Check(args) => args.look,
            Command::Mcp(args) => args.look(),
            Command::Serve(args) => args.look,
            Command::Selftest(args) => args.look,
            Command::Completions { .. } | Command::Man { .. } => {
                LookArgs { format: Format::Human, color: When::Auto, verbose: 0, quiet: false }
            }
        }
    }
}
