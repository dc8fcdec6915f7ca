//! What a client launches.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::job::JobArgs;

/// The arguments of a launch request. What it does not have is that of the command line.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Launch {
    program: Option<PathBuf>,
    entry: Option<String>,
    args: Option<Vec<String>>,
    input: Option<String>,
    input_file: Option<PathBuf>,
    sources: Vec<PathBuf>,
    stop_on_entry: bool,
    stop_on_end: Option<bool>,
    no_debug: bool,
}

/// How a run is begun and ended.
#[derive(Debug)]
pub struct Start {
    pub module: PathBuf,
    pub sources: Vec<PathBuf>,
    /// Whether it stops before the first operator.
    pub stops_on_entry: bool,
    /// Whether it stops where it has ended, and not in the client's session only.
    pub stops_on_end: bool,
    /// Whether breakpoints do not count.
    pub no_debug: bool,
}

impl Launch {
    /// Parses the arguments of a request.
    pub fn of(arguments: &Value) -> Result<Launch, String> {
        if arguments.is_null() {
            return Ok(Launch::default());
        }
        Launch::deserialize(arguments).map_err(|error| format!("arguments of `launch`: {error}"))
    }

    /// Returns how the run is begun, and its module and input: those of the command line with the arguments over them.
    pub fn over(self, job: &JobArgs, sources: &[PathBuf]) -> Result<(Start, JobArgs), String> {
        let mut job = job.clone();
        if let Some(program) = self.program {
            job.module = program;
        }
        if job.module.as_os_str() == "-" {
            return Err("`program` is missing: the path of a module".into());
        }
        if let Some(entry) = self.entry {
            job.call.function = Some(entry);
        }
        if let Some(args) = self.args {
            job.call.args = args;
        }
        if self.input.is_some() && self.input_file.is_some() {
            return Err("`input` and `inputFile` are both given".into());
        }
        if self.input.is_some() || self.input_file.is_some() {
            (job.input_text, job.input) = (self.input, self.input_file);
        }
        if job.input.as_ref().is_some_and(|path| path.as_os_str() == "-") {
            return Err("the input is not read from stdin, which has the requests".into());
        }
        let start = Start {
            module: job.module.clone(),
            sources: self.sources.into_iter().chain(sources.iter().cloned()).collect(),
            stops_on_entry: self.stop_on_entry && !self.no_debug,
            stops_on_end: self.stop_on_end.unwrap_or(true) && !self.no_debug,
            no_debug: self.no_debug,
        };
        Ok((start, job))
    }
}
