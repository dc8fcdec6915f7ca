//! What can be typed after `belljar serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::options::{GrantArgs, LookArgs};

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar serve tool.wasm
  belljar serve tool.wasm --listen 0.0.0.0:80 --metrics-listen 127.0.0.1:9090 --timeout 2s
  belljar serve markdown.wasm --exchange body --content-type 'text/html; charset=utf-8'
  belljar serve --allow-read data program.wasm --jobs 4 --queue 100 --log-format json

Each request is a separate run. With --exchange http the input is `POST /path?query HTTP/1.1`, a
line for each header, an empty line and the body; the output is `Status: 201`, if it is not 200, a
line for each header, an empty line and the body, as in CGI. With json it is {\"method\", \"path\",
\"query\", \"headers\", \"body\"} and {\"status\", \"headers\", \"body\"}, where bytes that are not UTF-8 are
\"body_base64\". With body it is the bodies alone.

A guest that is stopped is answered with 500, at its deadline with 504; an invalid answer with
502; a request beyond the queue with 503. After SIGTERM or Ctrl-C the server answers, for --grace,
the requests that have come; a second signal ends it at once.

Exit status:
  0  a signal ended the server
  2  usage, configuration or I/O
  3  the module was refused, or has no entry function to run";

/// Answer HTTP requests, each with a run of a module
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ServeArgs {
    /// The module, a binary `.wasm` file; `-` reads it from stdin
    pub module: PathBuf,
    /// Arguments of a WASI program
    #[arg(last = true)]
    pub args: Vec<String>,
    /// Where to listen; port 0 is one that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// What the guest is given as its input, and what its output is [default: body for a module with a
    /// manifest, else http]
    #[arg(long, value_name = "FORM")]
    pub exchange: Option<Exchange>,
    /// With --exchange body: the type of what the guest writes [default: application/json if its manifest
    /// has a schema for it, else text/plain for UTF-8 and application/octet-stream for all else]
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// Read the module as WebAssembly text (`.wat`)
    #[arg(long)]
    pub text: bool,
    /// Make each run in a process of its own that the system has locked in
    #[arg(long)]
    pub isolate: bool,
    /// What the lines of the access log are: for people, or a JSON document each
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub look: LookArgs,
    #[command(flatten)]
    pub traffic: TrafficArgs,
    #[command(flatten)]
    pub metrics: MetricsArgs,
    #[command(flatten)]
    pub grant: GrantArgs,
}

/// How much is taken on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Traffic")]
pub struct TrafficArgs {
    /// Runs at a time [default: as many as the machine has processors]
    #[arg(long, value_name = "NUMBER")]
    pub jobs: Option<String>,
    /// Requests that may wait for a run; more are answered with 503
    #[arg(long, value_name = "NUMBER", default_value = "1_024")]
    pub queue: String,
    /// Runs of one client at a time; more wait, whatever is free [default: as --jobs]
    #[arg(long, value_name = "NUMBER")]
    pub per_client: Option<String>,
    /// Connections at a time; more wait until one is closed
    #[arg(long, value_name = "NUMBER", default_value = "2_048")]
    pub max_connections: String,
    /// The largest body of a request; a larger one is answered with 413
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    pub max_body: String,
    /// Time for the head of a request to come, and for the next one on a connection that is kept
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub header_timeout: String,
    /// Time for the body of a request to come, and for a client to take its answer
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub body_timeout: String,
    /// When told to stop: time for requests that have come to be answered
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub grace: String,
}

/// Where figures are told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Metrics")]
pub struct MetricsArgs {
    /// Tell the metrics, and /healthz, at this address, and not where the guest is
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<String>,
    /// The path of the metrics, which the guest does not get to see
    #[arg(long, value_name = "PATH", default_value = "/metrics")]
    pub metrics_path: String,
    /// Tell no metrics: the guest gets all paths
    #[arg(long, conflicts_with_all = ["metrics_listen", "metrics_path"])]
    pub no_metrics: bool,
}

/// What the guest is given as its input, and what its output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Exchange {
    /// The request as HTTP has it, and an answer as CGI has it
    Http,
    /// A JSON document each
    Json,
    /// The bodies alone
    Body,
}

/// What a line of the access log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum LogFormat {
    Text,
    Json,
}
