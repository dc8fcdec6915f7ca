//! Validated options of the server.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    num::NonZero,
    ops::RangeInclusive,
    thread,
    time::Duration,
};

use belljar::config::Notation;

use super::args::{LogFormat, ServeArgs};
use crate::{failure::Failure, show, size, turns::Bounds};

/// The options of the server.
#[derive(Debug)]
pub struct Options {
    /// The addresses of the host to listen on; the first that can be bound is used.
    pub listen: Vec<SocketAddr>,
    /// The metrics endpoint.
    pub metrics: Metrics,
    /// The content type of the output with `--exchange body`.
    pub content_type: Option<String>,
    /// The largest request body, in bytes.
    pub max_body: u64,
    /// Concurrent connections.
    pub max_connections: usize,
    /// Limits on concurrent runs, in total and per client, and on queued requests.
    pub runs: Bounds,
    /// Time to receive the head of a request.
    pub header_timeout: Duration,
    /// Time to receive the body of a request, and for the client to accept the response.
    pub body_timeout: Duration,
    /// Time to answer the received requests after a stop signal.
    pub grace: Duration,
    /// The format of the access log.
    pub log_format: LogFormat,
}

/// The metrics endpoint.
#[derive(Debug)]
pub struct Metrics {
    /// A separate address, if there is one.
    pub listen: Option<Vec<SocketAddr>>,
    /// The path; `None` if no metrics are served.
    pub path: Option<String>,
}

impl Options {
    /// Parses and checks the options of the command line.
    pub fn of(args: &ServeArgs) -> Result<Options, Failure> {
        let traffic = &args.traffic;
        let cores = thread::available_parallelism().map_or(1, NonZero::get) as u64;
        let jobs = match &traffic.jobs {
            Some(text) => number("--jobs", text, Notation::Count, 1..=1_024)?,
            None => cores.min(1_024),
        };
        let time = |option, text, range| number(option, text, Notation::Time, range).map(Duration::from_millis);
        let count = |option, text, range| number(option, text, Notation::Count, range).map(|count| count as usize);
        Ok(Options {
            listen: addresses("--listen", &args.listen)?,
            metrics: Metrics::of(args)?,
            content_type: args.content_type.clone().map(content_type).transpose()?,
            max_body: number("--max-body", &traffic.max_body, Notation::Size, 0..=1 << 30)?,
            max_connections: count("--max-connections", &traffic.max_connections, 1..=1_000_000)?,
            runs: Bounds {
                permits: jobs as usize,
                waiting: count("--queue", &traffic.queue, 0..=1_000_000)?,
                per_client: match &traffic.per_client {
                    Some(text) => count("--per-client", text, 1..=1_024)?,
                    None => jobs as usize,
                },
            },
            header_timeout: time("--header-timeout", &traffic.header_timeout, 1..=HOUR)?,
            body_timeout: time("--body-timeout", &traffic.body_timeout, 1..=HOUR)?,
            grace: time("--grace", &traffic.grace, 0..=HOUR)?,
            log_format: args.log_format,
        })
    }
}

const HOUR: u64 = 3_600_000;

impl Metrics {
    fn of(args: &ServeArgs) -> Result<Metrics, Failure> {
        let args = &args.metrics;
        let path = &args.metrics_path;
        if !path.starts_with('/') || path.bytes().any(|byte| !byte.is_ascii_graphic() || b"?#".contains(&byte)) {
            return Err(Failure::usage(format!("--metrics-path: `{}` is not a path", show::name(path))));
        }
        let listen = args.metrics_listen.as_deref().map(|text| addresses("--metrics-listen", text)).transpose()?;
        Ok(Metrics { listen, path: (!args.no_metrics).then(|| path.clone()) })
    }
}

fn number(option: &str, text: &str, notation: Notation, range: RangeInclusive<u64>) -> Result<u64, Failure> {
    let number =
        size::parse_option(notation, text).map_err(|message| Failure::usage(format!("{option}: {message}")))?;
    if range.contains(&number) {
        return Ok(number);
    }
    let [min, max] = [*range.start(), *range.end()].map(show::grouped);
    let unit = match notation {
        Notation::Size => " bytes",
        Notation::Time => " ms",
        _ => "",
    };
    Err(Failure::usage(format!("{option}: `{}` is outside {min} to {max}{unit}", show::name(text))))
}

fn addresses(option: &str, text: &str) -> Result<Vec<SocketAddr>, Failure> {
    let found: Vec<_> = text.to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    if found.is_empty() {
        let message = format!("{option}: `{}` is not an address with a port", show::name(text));
        return Err(Failure::usage(message).with_hint("for example 127.0.0.1:8080, [::1]:8080 or localhost:8080"));
    }
    Ok(found)
}

fn content_type(text: String) -> Result<String, Failure> {
    let fits = text.contains('/') && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if fits {
        Ok(text)
    } else {
        Err(Failure::usage(format!("--content-type: `{}` is not a content type", show::name(&text))))
    }
}
