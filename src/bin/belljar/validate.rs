//! `belljar validate`: a check that modules load.

use std::{io::Write, path::PathBuf};

use belljar::{Sandbox, inspect::Inspection, tool::Manifest};
use clap::Args;
use serde::Serialize;

use crate::{
    console::Console,
    engine::Engine,
    exit::Exit,
    failure::{Failure, Report},
    job,
    json::{self, ErrorBody},
    limits::LimitArgs,
    options::{ConfigArgs, Format, LookArgs},
    settings, show,
    source::Source,
    tool,
};

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar validate tool.wasm
  belljar validate --profile large plugins/*.wasm
  belljar validate --format json hello.wat tool.wasm

The JSON document is {\"modules\": […]} with {\"file\", \"ok\": true, \"size_bytes\", \"functions\"} or
{\"file\", \"ok\": false, \"error\": {\"phase\", \"message\", \"hint\", \"cause\", …}} for each.";

/// The exit statuses in `--help`.
const EXIT_STATUS: &str = "\
Exit status:
  0  all modules load
  2  usage or configuration; or a file could not be read
  3  all files were read, and a module was refused";

/// Check that modules load, without running them
#[derive(Debug, Args)]
#[command(after_help = [HELP, EXIT_STATUS].join("\n\n"))]
pub struct ValidateArgs {
    /// The modules, `.wasm` or `.wat` files; `-` reads one from stdin
    #[arg(required = true, value_name = "MODULE")]
    modules: Vec<PathBuf>,
    /// Read the modules as WebAssembly text, as files that begin like text are without it
    #[arg(long)]
    text: bool,
    /// Check also what a run needs: an entry function, and a valid manifest if there is one
    #[arg(long)]
    strict: bool,
    /// Load each module in a worker process that the operating system confines: a crash of the worker is an
    /// error
    #[arg(long)]
    isolate: bool,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

impl ValidateArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Checks every module, and returns the worst exit status.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let sources: Vec<_> = self.modules.iter().map(|path| Source::of(path)).collect();
        if sources.iter().filter(|source| **source == Source::Stdin).count() > 1 {
            return Err(Failure::usage("only one module can be read from stdin"));
        }
        let (sandbox, origins) = settings::sandbox(&self.config, &LimitArgs::default(), console)?;
        let engine = Engine::new(&sandbox, self.isolate)?;
        let mut verdicts = Vec::new();
        for source in &sources {
            let verdict = match self.check(source, &sandbox, &engine).map_err(|failure| failure.by_key(&origins)) {
                Ok(inspection) => Verdict::Valid(source.name(), Box::new(inspection)),
                Err(Failure::Reported(report)) => Verdict::Invalid(report),
                Err(closed) => return Err(closed),
            };
            if console.format == Format::Human {
                ignore_closed(print(&verdict, console))?;
            }
            verdicts.push(verdict);
        }
        if console.format != Format::Human {
            let document = Document { modules: verdicts.iter().map(Line::of).collect() };
            ignore_closed(json::print(console.format, &document).map_err(|e| Failure::stdout(&e)))?;
            verdicts.iter().try_for_each(|verdict| print(verdict, console))?;
        }
        let exits = || verdicts.iter().map(Verdict::exit);
        // A file that could not be read leaves the question open.
        let unread = exits().find(|exit| *exit == Exit::Usage);
        Ok(unread.or_else(|| exits().max()).unwrap_or(Exit::Done))
    }
}

/// Ignores a closed stdout, so that the exit status is that of the modules.
fn ignore_closed(written: Result<(), Failure>) -> Result<(), Failure> {
    match written {
        Err(Failure::Closed) => Ok(()),
        other => other,
    }
}

enum Verdict {
    Valid(String, Box<Inspection>),
    Invalid(Box<Report>),
}

impl Verdict {
    fn exit(&self) -> Exit {
        match self {
            Verdict::Valid(..) => Exit::Done,
            Verdict::Invalid(report) => report.exit,
        }
    }
}

impl ValidateArgs {
    fn check(&self, source: &Source, sandbox: &Sandbox, engine: &Engine) -> Result<Inspection, Failure> {
        let bytes = source.module(self.text, sandbox)?;
        let about = engine.validate(&bytes).map_err(|error| source.failure(error))?;
        if self.strict {
            let started = sandbox.load(&bytes).and_then(|module| sandbox.start(&module, ""));
            started.map_err(|error| job::not_started(source, error))?;
            Manifest::of(&bytes).map_err(|error| tool::failure(&error.into()).in_file(source.name()))?;
        }
        Ok(about)
    }
}

fn print(verdict: &Verdict, console: &Console) -> Result<(), Failure> {
    match verdict {
        Verdict::Valid(file, about) if console.format == Format::Human && !console.is_quiet() => {
            let counts = [show::count(about.size_bytes, "byte"), show::count(about.functions, "function")];
            let mut stdout = std::io::stdout().lock();
            writeln!(stdout, "{file}: ok ({})", counts.join(", ")).map_err(|e| Failure::stdout(&e))
        }
        Verdict::Valid(..) => Ok(()),
        Verdict::Invalid(report) => {
            console.error(report.file.as_deref(), &report.message, report.hint.as_deref());
            Ok(())
        }
    }
}

/// `{"modules": [{"file": …, "ok": true, "size_bytes": …, "functions": …}, {…, "error": {…}}]}`
#[derive(Serialize)]
struct Document<'a> {
    modules: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    file: Option<&'a str>,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    functions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody<'a>>,
}

impl<'a> Line<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        match verdict {
            Verdict::Valid(file, about) => Line {
                file: Some(file),
                ok: true,
                size_bytes: Some(about.size_bytes),
                functions: Some(about.functions),
                error: None,
            },
            Verdict::Invalid(report) => Line {
                file: report.file.as_deref(),
                ok: false,
                size_bytes: None,
                functions: None,
                error: Some(ErrorBody::of(report)),
            },
        }
    }
}
