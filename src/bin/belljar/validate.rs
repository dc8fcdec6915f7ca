//! `belljar validate`: whether modules would load.

use std::io::Write;

use belljar::{Inspection, Sandbox};
use serde::Serialize;

use crate::{
    args::{Format, ValidateArgs},
    console::Console,
    engine::Engine,
    exit::Exit,
    failure::{Failure, Report},
    json::{self, ErrorBody},
    limits::LimitArgs,
    settings, show,
    source::Source,
};

/// Checks every module, and tells the worst.
pub fn validate(args: &ValidateArgs, console: &Console) -> Result<Exit, Failure> {
    let sources: Vec<_> = args.modules.iter().map(|path| Source::of(path)).collect();
    if sources.iter().filter(|source| **source == Source::Stdin).count() > 1 {
        return Err(Failure::usage("only one module can be read from stdin"));
    }
    let sandbox = settings::sandbox(&args.config, &LimitArgs::default(), console)?;
    let engine = Engine::new(&sandbox, args.isolate)?;
    let mut verdicts = Vec::new();
    for source in &sources {
        let verdict = match check(source, args.text, &sandbox, &engine) {
            Ok(inspection) => Verdict::Valid(source.name(), Box::new(inspection)),
            Err(Failure::Told(report)) => Verdict::Invalid(report),
            Err(closed) => return Err(closed),
        };
        if console.format == Format::Human {
            unless_closed(tell(&verdict, console))?;
        }
        verdicts.push(verdict);
    }
    if console.format != Format::Human {
        let document = Document { modules: verdicts.iter().map(Line::of).collect() };
        unless_closed(json::print(console.format, &document).map_err(|e| Failure::stdout(&e)))?;
        verdicts.iter().try_for_each(|verdict| tell(verdict, console))?;
    }
    let exits = || verdicts.iter().map(Verdict::exit);
    // A file that could not be read leaves the question open.
    let unread = exits().find(|exit| *exit == Exit::Usage);
    Ok(unread.or_else(|| exits().max()).unwrap_or(Exit::Done))
}

/// The exit status says what it has to say even if nobody reads stdout any more.
fn unless_closed(written: Result<(), Failure>) -> Result<(), Failure> {
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

fn check(source: &Source, text: bool, sandbox: &Sandbox, engine: &Engine) -> Result<Inspection, Failure> {
    let bytes = source.module(text, sandbox)?;
    engine.validate(&bytes).map_err(|error| Failure::of(error).in_file(source.name()))
}

fn tell(verdict: &Verdict, console: &Console) -> Result<(), Failure> {
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
