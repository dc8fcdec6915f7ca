//! The served tool: loaded once, run for each request.

use belljar::{
    Error, Input,
    tool::{Tool, ToolError},
};
use hyper::StatusCode;

use super::{
    args::{Exchange, ServeArgs},
    problem::Problem,
};
use crate::{
    console::Console,
    engine::{Engine, Loaded, Run},
    entry,
    exit::Exit,
    explain::{Busy, Explainer},
    failure::Failure,
    settings, show,
    source::Source,
    tool,
};

/// The served tool.
#[derive(Debug)]
pub struct Guest {
    tool: Tool,
    loaded: Loaded,
    /// The explainer, with `--explain`.
    pub explainer: Option<Explainer>,
    /// The format of its input and output.
    pub exchange: Exchange,
}

impl Guest {
    /// Loads the module with the grants of the policy and the options, and checks that it can be run.
    pub fn load(args: &ServeArgs, console: &Console) -> Result<Guest, Failure> {
        let source = Source::of(&args.module);
        let (mut policy, origins) = settings::of_tools(&args.grant, console)?;
        if !args.args.is_empty() {
            let mut config = policy.config().clone();
            config.wasi.args.clone_from(&args.args);
            policy = policy.with_config(config);
        }
        let wasm = tool::read_exact(&source, args.text)?;
        let tool = Tool::load(&wasm, &tool::file_name(&args.module), &policy)
            .map_err(|error| tool::failure(&error).in_file(source.name()).under(&origins))?;
        let of_source = |error| Failure::of(error).in_file(source.name());
        let loaded = match args.isolate {
            true => Engine::new(tool.sandbox(), true)?.load(&wasm, None).map_err(of_source)?,
            false => Loaded::InProcess(tool.sandbox().clone(), tool.module().clone()),
        };
        if let Some(given) = entry::unusable_option(&args.grant.capabilities, &args.args, loaded.inspect()) {
            let message = format!("{}: the module is not a WASI program, so it cannot use {given}", source.name());
            return Err(Failure::usage(message));
        }
        // Reports a module that cannot be run now, instead of at the first request.
        loaded.start(Input::default()).map_err(|error| {
            let is_no_entry = entry::is_missing(&error);
            let failure = of_source(error);
            if is_no_entry { failure.with_exit(Exit::Refused) } else { failure }
        })?;
        let bound = tool.sandbox().config().memory_bound();
        let [load, run] = [bound.load, bound.run].map(show::bytes);
        console.note(format_args!("memory: at most {load} for the module, {run} a run"));
        // The schemas of a manifest describe bodies, not requests.
        let default = if tool.manifest().is_some() { Exchange::Body } else { Exchange::Http };
        let exchange = args.exchange.unwrap_or(default);
        if args.content_type.is_some() && exchange != Exchange::Body {
            let message = "--content-type: only with `--exchange body`; in the other formats the guest sets the type";
            return Err(Failure::usage(message));
        }
        let explainer =
            args.explain.then(|| Explainer::new(tool.sandbox(), wasm.into(), Busy::default())).transpose()?;
        Ok(Guest { tool, loaded, explainer, exchange })
    }

    /// Returns the name of the tool.
    pub fn name(&self) -> &str {
        self.tool.name()
    }

    /// Returns the SHA-256 of the module, in hex.
    pub fn sha256(&self) -> &str {
        self.tool.sha256()
    }

    /// Starts a run.
    pub fn start(&self, input: Vec<u8>) -> Result<Run, Error> {
        self.loaded.start(input.into())
    }

    /// Returns whether a run may block however little fuel it has: on a worker process, HTTP or a directory.
    pub fn may_block(&self) -> bool {
        let config = self.tool.sandbox().config();
        let in_process = matches!(self.loaded, Loaded::InProcess(..));
        !in_process || !config.http.allow.is_empty() || !config.wasi.dirs.is_empty()
    }

    /// Returns whether the manifest has a schema for the output.
    pub fn has_output_schema(&self) -> bool {
        self.tool.manifest().is_some_and(|manifest| manifest.output.is_some())
    }

    /// Returns the input for a request body, checked against the input schema if there is one.
    pub fn input(&self, body: Vec<u8>) -> Result<Vec<u8>, Problem> {
        if self.tool.manifest().is_none_or(|manifest| manifest.input.is_none()) {
            return Ok(body);
        }
        self.tool.write_json(body).map_err(|error| {
            let problem = Problem::new(StatusCode::BAD_REQUEST, error.to_string());
            if let ToolError::Input(all) = error { problem.with_mismatches(all) } else { problem }
        })
    }

    /// Checks an output against the output schema, if there is one.
    pub fn check_output(&self, output: &[u8]) -> Result<(), Problem> {
        if !self.has_output_schema() {
            return Ok(());
        }
        self.tool.check_output(output).map_err(|error| {
            let problem = Problem::new(StatusCode::BAD_GATEWAY, error.to_string());
            if let ToolError::Output(all) = error { problem.with_mismatches(all) } else { problem }
        })
    }
}
