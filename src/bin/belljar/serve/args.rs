//! Options of `belljar serve`.

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
the requests it has received; a second signal ends it at once.

Exit status:
  0  a signal ended the server
  2  usage, configuration or I/O
  3  the module was refused, or has no entry function to run";

/// Answer HTTP requests, each with a separate run of a module
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ServeArgs {
    /// The module, a binary `.wasm` file; `-` reads it from stdin
    pub module: PathBuf,
    /// Arguments of a WASI program
    #[arg(last = true)]
    pub args: Vec<String>,
    /// The address to listen on; port 0 selects a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// The format of the guest's input and output [default: body for a module with a manifest, else http]
    #[arg(long, value_name = "FORM")]
    pub exchange: Option<Exchange>,
    /// With --exchange body: the content type of the guest's output [default: application/json if its
    /// manifest has an output schema, else text/plain for UTF-8 and application/octet-stream otherwise]
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// Read the module as WebAssembly text (`.wat`)
    #[arg(long)]
    pub text: bool,
    /// Execute each run in a separate worker process that the operating system confines
    #[arg(long)]
    pub isolate: bool,
    /// For each run that is stopped, log where, with the number of the request: the functions, with the lines of
    /// their sources as far as the module has them. The run is had twice more for this, one at a time
    #[arg(long, conflicts_with = "isolate")]
    pub explain: bool,
    /// The format of the access log: a line of text or a JSON document for each request
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

/// Limits on requests and connections.
#[derive(Debug, Args)]
#[command(next_help_heading = "Traffic")]
pub struct TrafficArgs {
    /// Concurrent runs [default: the number of processors]
    #[arg(long, value_name = "NUMBER")]
    pub jobs: Option<String>,
    /// Requests that may wait for a run; further ones are answered with 503
    #[arg(long, value_name = "NUMBER", default_value = "1_024")]
    pub queue: String,
    /// Concurrent runs of one client; further ones wait even if others could run [default: as --jobs]
    #[arg(long, value_name = "NUMBER")]
    pub per_client: Option<String>,
    /// Concurrent connections; further ones wait until one is closed
    #[arg(long, value_name = "NUMBER", default_value = "2_048")]
    pub max_connections: String,
    /// The largest request body; a larger one is answered with 413
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    pub max_body: String,
    /// Time to receive the head of a request, also of the next one on a kept connection
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub header_timeout: String,
    /// Time to receive the body of a request, and for the client to accept the response
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub body_timeout: String,
    /// Time after a stop signal to answer the requests that were received
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub grace: String,
}

/// Metrics endpoint.
#[derive(Debug, Args)]
#[command(next_help_heading = "Metrics")]
pub struct MetricsArgs {
    /// Serve the metrics and /healthz at this address instead of the guest's
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<String>,
    /// The path of the metrics; the guest receives no requests for it
    #[arg(long, value_name = "PATH", default_value = "/metrics")]
    pub metrics_path: String,
    /// Serve no metrics; the guest receives requests for all paths
    #[arg(long, conflicts_with_all = ["metrics_listen", "metrics_path"])]
    pub no_metrics: bool,
}

/// The format of the guest's input and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Exchange {
    /// The request in the syntax of HTTP, the response in that of CGI
    Http,
    /// A JSON document for each
    Json,
    /// Only the bodies
    Body,
}

/// The format of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}
