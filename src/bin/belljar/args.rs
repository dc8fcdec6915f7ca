//! What can be typed: the low level. What it means is decided in `settings`, `source` and the
//! commands.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{exit, json, limits::LimitArgs};

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
    #[command(after_help = RUN_HELP.to_owned() + "\n\n" + exit::HELP)]
    #[command(after_long_help = [RUN_HELP, exit::HELP, json::RUN_HELP].join("\n\n"))]
    Run(Box<RunArgs>),
    /// Check that modules would load, without running anything of them
    #[command(after_help = [VALIDATE_HELP, VALIDATE_EXIT_HELP].join("\n\n"))]
    Validate(ValidateArgs),
    /// Tell what a module is and what it can do, without running anything of it
    #[command(after_help = [INSPECT_HELP, INSPECT_EXIT_HELP].join("\n\n"))]
    Inspect(InspectArgs),
    /// Run a module again, and tell whether it comes out as a receipt says
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
    /// Run hostile modules and texts that come with belljar, and tell whether each ends as it has to
    #[command(after_help = SELFTEST_HELP)]
    Selftest(SelftestArgs),
    /// Write a completion script for a shell to stdout
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write a manual page to stdout
    #[command(after_help = MAN_HELP)]
    Man {
        /// The command whose page it is; without it, the page of `belljar`
        #[arg(value_name = "COMMAND")]
        subcommand: Option<String>,
    },
}

const RUN_HELP: &str = "\
Examples:
  belljar run tool.wasm < input.json > output.json
  belljar run tool.wasm --input-text 'hello' --fuel-limit 10M --memory-limit 16MiB --metrics
  belljar run math.wasm -e add -- 2 -3
  belljar run --env LANG=C --exit-with-guest program.wasm -- --verbose in.txt
  belljar run --allow-read data --record run.jsonl program.wasm && belljar run --replay run.jsonl program.wasm
  belljar run --text hello.wat --format json
  curl -s https://example.org/tool.wasm | belljar run - --input input.json

Arguments of -e: i32 and i64 in decimal or 0x hex, of either sign; f32 and f64 in decimal, inf,
-inf, nan or nan:0x… with all bits; v128 as 0x and up to 32 hex digits.

Numbers: SIZE is 65_536, 64KiB, 64MiB or 1GiB, and 64KB or 64MB with a thousand for a K; TIME is
500ms, 10s, 1m or 1h; NUMBER is 1_000_000, 500K, 10M or 1G.

Precedence: defaults, then the profile, then the configuration file, then options.";

const COMPLETIONS_HELP: &str = "\
Examples:
  belljar completions bash > ~/.local/share/bash-completion/completions/belljar
  belljar completions fish > ~/.config/fish/completions/belljar.fish";

const MAN_HELP: &str = "\
Examples:
  belljar man > belljar.1
  belljar man run > belljar-run.1";

const VALIDATE_HELP: &str = "\
Examples:
  belljar validate tool.wasm
  belljar validate --profile large plugins/*.wasm
  belljar validate --text --format json hello.wat

The JSON document is {\"modules\": […]} with {\"file\", \"ok\": true, \"size_bytes\", \"functions\"} or
{\"file\", \"ok\": false, \"error\": {\"phase\", \"message\", \"hint\", \"cause\", …}} for each.";

const VALIDATE_EXIT_HELP: &str = "\
Exit status:
  0  all modules would load
  2  usage or configuration; or a file could not be read
  3  all files were read, and a module was refused";

const INSPECT_HELP: &str = "\
Examples:
  belljar inspect tool.wasm
  belljar inspect --format json tool.wasm | jq .powers

A module whose imports are not provided here is shown all the same; they are marked.

The JSON document has file, powers, missing_imports, size_bytes, name, imports, exports, memories,
tables, functions, globals, data_segments, data_bytes, element_segments, start_function and
custom_sections.";

const INSPECT_EXIT_HELP: &str = "\
Exit status:
  0  done
  2  usage, configuration or I/O
  3  the module was refused: malformed, invalid, or beyond the module limits";

const VERIFY_HELP: &str = "\
Examples:
  belljar run tool.wasm --input input.json --receipt receipt.json
  belljar verify receipt.json tool.wasm --input input.json
  belljar verify receipt.json program.wasm --transcript run.jsonl

Configuration and arguments are the receipt's. A run with something of the host is checked with its
transcript, and nothing of the host is asked. A run that a deadline or Ctrl-C ended is run again until
there.

The JSON document is {\"receipt_sha256\", \"differences\": [{\"field\", \"receipt\", \"found\"}]}.

Exit status:
  0  the same
  1  something is not what the receipt says
  2  usage or I/O; or the receipt cannot be checked: it is none, of another engine or price list, or of a
     run that its host ended
  3  the module was not assembled from its text";

const SELFTEST_HELP: &str = "\
Examples:
  belljar selftest --metrics
  belljar selftest fuel- memory-

The JSON document is {\"attacks\": […]} with {\"name\", \"tries\", \"against\", \"expected\", \"ended\",
\"holds\"} for each, and with --metrics \"wall_ms\" and \"memory_bytes\".

Exit status:
  0  all ended as they have to
  1  one of them did not
  2  usage";

/// What a transcript has, so that it cannot be given beside one.
const REPLAYED: [&str; 9] =
    ["isolate", "function", "args", "env", "allow_read", "allow_write", "dir", "ConfigArgs", "LimitArgs"];

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
    /// Set a variable of a WASI program's environment, which is empty else
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Let a WASI program read this directory, under the same path or under GUEST; a relative path is
    /// below `/` there, so that `.` is `/`
    #[arg(long, value_name = "HOST[::GUEST]")]
    pub allow_read: Vec<String>,
    /// Let a WASI program read this directory and write to it
    #[arg(long, value_name = "HOST[::GUEST]")]
    pub allow_write: Vec<String>,
    /// The same as --allow-write
    #[arg(long, value_name = "HOST[::GUEST]")]
    pub dir: Vec<String>,
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
    /// Write a receipt to this file: what was run and what came of it, for `belljar verify`
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Note all that the run is given by the host - clock, random bytes, directories - in this file, for
    /// `--replay` and as a log of what the guest did
    #[arg(long, value_name = "FILE", conflicts_with_all = ["isolate", "replay"])]
    pub record: Option<PathBuf>,
    /// The most that may be noted; the run stops there
    #[arg(long, value_name = "SIZE", requires = "record", default_value = "64MiB")]
    pub record_limit: String,
    /// Run what was noted in this file again: with its configuration and arguments, and with nothing of the
    /// host but what is in it
    #[arg(long, value_name = "FILE", conflicts_with_all = REPLAYED)]
    pub replay: Option<PathBuf>,
    /// Escape control characters of the output: on a terminal, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub escape: When,
    /// Print what the run used, and its wall time, to stderr
    #[arg(long)]
    pub metrics: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub config: ConfigArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: LimitArgs,
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
    /// What growth beyond a limit of memory or tables does: stop the run, or refuse with -1
    /// [default: stop]
    #[arg(long, value_name = "WHAT")]
    pub on_growth_limit: Option<OnGrowthLimit>,
    /// Set a key of the configuration, such as limits.log_lines=100 or module.size_bytes=8MiB
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
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
            Command::Validate(args) => args.look,
            Command::Inspect(args) => args.look,
            Command::Verify(args) => args.look,
            Command::Selftest(args) => args.look,
            Command::Completions { .. } | Command::Man { .. } => {
                LookArgs { format: Format::Human, color: When::Auto, verbose: 0, quiet: false }
            }
        }
    }
}
