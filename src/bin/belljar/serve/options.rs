//! How to serve: what was typed, with numbers in their ranges.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    num::NonZero,
    ops::RangeInclusive,
    thread,
    time::Duration,
};

use super::args::{LogFormat, ServeArgs};
use crate::{failure::Failure, show, size::Form, turns::Bounds};

/// How to serve.
#[derive(Debug)]
pub struct Options {
    /// Where to listen: whatever the name stands for.
    pub listen: Vec<SocketAddr>,
    /// Where figures are told.
    pub metrics: Metrics,
    /// The type of what the guest writes, where it is the body alone.
    pub content_type: Option<String>,
    /// The largest body of a request, in bytes.
    pub max_body: u64,
    /// Connections at a time.
    pub max_connections: usize,
    /// Runs at a time, of all and of one client, and requests that may wait for one.
    pub runs: Bounds,
    /// For the head of a request to come.
    pub header_timeout: Duration,
    /// For the body of a request to come, and for an answer to be taken.
    pub body_timeout: Duration,
    /// For requests to be answered once it is to stop.
    pub grace: Duration,
    /// What a line of the access log is.
    pub log_format: LogFormat,
}

/// Where figures are told.
#[derive(Debug)]
pub struct Metrics {
    /// An address of their own.
    pub listen: Option<Vec<SocketAddr>>,
    /// Their path; `None` if they are not told.
    pub path: Option<String>,
}

impl Options {
    /// What was typed.
    pub fn of(args: &ServeArgs) -> Result<Options, Failure> {
        let traffic = &args.traffic;
        let cores = thread::available_parallelism().map_or(1, NonZero::get) as u64;
        let jobs = match &traffic.jobs {
            Some(text) => number("--jobs", text, Form::Count, 1..=1_024)?,
            None => cores.min(1_024),
        };
        let time = |option, text, range| number(option, text, Form::Time, range).map(Duration::from_millis);
        let count = |option, text, range| number(option, text, Form::Count, range).map(|count| count as usize);
        Ok(Options {
            listen: addresses("--listen", &args.listen)?,
            metrics: Metrics::of(args)?,
            content_type: args.content_type.clone().map(content_type).transpose()?,
            max_body: number("--max-body", &traffic.max_body, Form::Size, 0..=1 << 30)?,
            max_connections: count("--max-connections", &traffic.max_connections, 1..=1_000_000)?,
            runs: Bounds {
                places: jobs as usize,
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
            return Err(Failure::usage(format!("--metrics-path: `{}` is no path", show::name(path))));
        }
        let listen = args.metrics_listen.as_deref().map(|text| addresses("--metrics-listen", text)).transpose()?;
        Ok(Metrics { listen, path: (!args.no_metrics).then(|| path.clone()) })
    }
}

fn number(option: &str, text: &str, form: Form, range: RangeInclusive<u64>) -> Result<u64, Failure> {
    let number = form.parse(text).map_err(|message| Failure::usage(format!("{option}: {message}")))?;
    if range.contains(&number) {
        return Ok(number);
    }
    let [min, max] = [*range.start(), *range.end()].map(show::grouped);
    let unit = match form {
        Form::Size => " bytes",
        Form::Time => " ms",
        Form::Count => "",
    };
    Err(Failure::usage(format!("{option}: `{}` is outside {min} to {max}{unit}", show::name(text))))
}

fn addresses(option: &str, text: &str) -> Result<Vec<SocketAddr>, Failure> {
    let found: Vec<_> = text.to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    if found.is_empty() {
        let message = format!("{option}: `{}` is no address with a port", show::name(text));
        return Err(Failure::usage(message).with_hint("for example 127.0.0.1:8080, [::1]:8080 or localhost:8080"));
    }
    Ok(found)
}

fn content_type(text: String) -> Result<String, Failure> {
    let fits = text.contains('/') && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if fits { Ok(text) } else { Err(Failure::usage(format!("--content-type: `{}` is none", show::name(&text)))) }
}
