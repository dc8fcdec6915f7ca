//! Options of `belljar mcp`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::options::{GrantArgs, When};

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar mcp tools/
  belljar mcp convert.wasm markdown.wasm --fuel-limit 100M --jobs 4
  belljar mcp tools/ --config belljar.toml --listen 127.0.0.1:8080

A client such as an agent starts the server itself:
{\"command\": \"belljar\", \"args\": [\"mcp\", \"tools/\"]}.

Options and configuration grant tools what their manifests request. A file that is not a valid
tool, or is not granted what it requires, is reported on stderr, and the others are served.
Changes in a directory are served within seconds; running calls continue with the old module.

Exit status:
  0  the client disconnected, or a signal ended the server
  2  usage, configuration or I/O";

/// Serve modules as tools of the Model Context Protocol
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct McpArgs {
    /// The tools: binary `.wasm` files, and directories of them; changed files are reloaded
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Serve clients over HTTP at this address, IP:PORT, instead of one client over stdin and stdout; port 0
    /// selects a free port
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// A host name that HTTP requests may use in `host`, in addition to localhost and the address of --listen;
    /// requests with another name are refused
    #[arg(long, value_name = "HOST", requires = "listen")]
    pub allow_host: Vec<String>,
    /// The origin of web pages that may use the server, such as http://localhost:6274 [default: none]
    #[arg(long, value_name = "ORIGIN", requires = "listen")]
    pub allow_origin: Vec<String>,
    /// Concurrent calls, 1 to 1024; further ones wait [default: the number of processors]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Calls that may wait; further ones are answered with an error
    #[arg(long, value_name = "NUMBER", default_value = "1024")]
    pub queue: u32,
    /// Concurrent calls of one client, 1 to 1024; further ones wait even if others could run [default: as --jobs]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024), requires = "listen")]
    pub per_client: Option<u16>,
    /// The largest message, up to 255MiB [default: 64MiB over stdin, 4MiB over HTTP]
    #[arg(long, value_name = "SIZE")]
    pub max_message: Option<String>,
    /// Add a receipt to the result of each call, for `belljar verify`
    #[arg(long)]
    pub receipts: bool,
    /// For each call that is stopped, show on stderr where: the functions, with the lines of their sources as far
    /// as the module has them. The run is had twice more for this, one at a time; clients see no difference
    #[arg(long)]
    pub explain: bool,
    /// Colours on stderr
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Print which files and configuration are used, and the results of calls; twice: trace events; three
    /// times: all of them
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Print no messages but errors
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub grant: GrantArgs,
}
