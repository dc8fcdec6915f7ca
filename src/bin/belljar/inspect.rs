//! `belljar inspect`: the imports, exports and capabilities of a module.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
};

use belljar::{
    abi::Builtin,
    inspect::{Capabilities, ExternType, Import, Inspection},
    tool::{Manifest, ManifestError},
};
use clap::Args;
use serde::Serialize;

use crate::{
    console::Console,
    exceeded::{self, Exceeded},
    exit::Exit,
    failure::Failure,
    json,
    limits::LimitArgs,
    options::{ConfigArgs, Format, LookArgs},
    origin::Origins,
    settings,
    show::{bytes, count, grouped, name},
    source::Source,
    tool::{self, manifest},
};

/// Bytes of a page of memory.
const PAGE: u64 = 65_536;

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar inspect tool.wasm
  belljar inspect --format json tool.wasm | jq .powers

A module with imports that belljar does not provide, or over its limits, is shown too; they are
marked.

The JSON document has file, powers, missing_imports, exceeded, size_bytes, name, imports, exports,
memories, tables, functions, globals, data_segments, data_bytes, element_segments, start_function
and custom_sections.";

/// The exit statuses in `--help`.
const EXIT_STATUS: &str = "\
Exit status:
  0  done
  2  usage, configuration or I/O
  3  the module was refused: malformed, invalid, or beyond the module limits";

/// Show a module's imports, exports and capabilities, without running it
#[derive(Debug, Args)]
#[command(after_help = [HELP, EXIT_STATUS].join("\n\n"))]
pub struct InspectArgs {
    /// The module, a `.wasm` or `.wat` file; `-` reads it from stdin
    module: PathBuf,
    /// Show only the imports, one on each line; with --exports both
    #[arg(long)]
    imports: bool,
    /// Show only the exports, one on each line
    #[arg(long)]
    exports: bool,
    /// Show all of it, which is the default
    #[arg(long, conflicts_with_all = ["imports", "exports"])]
    all: bool,
    /// Read the module as WebAssembly text, as a file that begins like text is without it
    #[arg(long)]
    text: bool,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

impl InspectArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Inspects a module, and prints the result.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let source = Source::of(&self.module);
        let (sandbox, origins) = settings::sandbox(&self.config, &LimitArgs::default(), console)?;
        let binary = tool::read(&source, self.text)?;
        let (about, exceeded) = exceeded::inspect(&sandbox, &binary).map_err(|error| source.failure(error))?;
        // An invalid manifest is shown as such: the module can be run without it.
        let manifest = Manifest::of(&binary);
        let written = if console.format == Format::Human {
            let mut stdout = io::stdout().lock();
            let page = match self.imports || self.exports {
                true => self.lists(&about),
                false => page(&about, &manifest, &exceeded, &origins),
            };
            stdout.write_all(page.as_bytes()).and_then(|()| stdout.flush())
        } else {
            let missing = about.imports.iter().filter(|import| !is_provided(import));
            let missing_imports = missing.map(|import| format!("{}.{}", import.module, import.name)).collect();
            let manifest_error = manifest.as_ref().err();
            let manifest = manifest.as_ref().ok().and_then(Option::as_ref);
            let (file, powers) = (source.name(), about.capabilities());
            let document =
                Document { file, powers, missing_imports, exceeded, manifest, manifest_error, about: &about };
            json::print(console.format, &document)
        };
        written.map_err(|e| Failure::stdout(&e))?;
        Ok(Exit::Done)
    }
}

impl InspectArgs {
    /// Formats the lists that were asked for.
    fn lists(&self, about: &Inspection) -> String {
        let mut page = String::new();
        if self.imports {
            rows(&mut page, "", imports(about));
        }
        if self.exports {
            rows(&mut page, "", exports(about));
        }
        page
    }
}

/// The inspection with its capabilities and its manifest.
#[derive(Serialize)]
struct Document<'a> {
    file: String,
    powers: Capabilities,
    /// Imports that this program does not provide.
    missing_imports: Vec<String>,
    /// Limits that the module exceeds.
    exceeded: Vec<Exceeded>,
    manifest: Option<&'a Manifest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_error: Option<&'a ManifestError>,
    #[serde(flatten)]
    about: &'a Inspection,
}

/// Checks whether the ABI provides an import. This program has no custom host functions.
fn is_provided(import: &Import) -> bool {
    let builtin = Builtin::of(&import.module, &import.name).filter(|builtin| !matches!(builtin, Builtin::Http(_)));
    builtin.is_some_and(|builtin| ExternType::Function(builtin.ty()) == import.ty)
}

/// Formats the inspection as text.
fn page(
    about: &Inspection,
    manifest: &Result<Option<Manifest>, ManifestError>,
    exceeded: &[Exceeded],
    origins: &Origins,
) -> String {
    let mut page = format!("{}\n\n", abilities(about, exceeded));
    let mut line = |title: &str, text: String| {
        let _ = writeln!(page, "{title:<17}{text}");
    };
    line("name", about.name.as_deref().map_or("none".into(), name));
    line("size", count(about.size_bytes, "byte"));
    line("entry", about.capabilities().entry.unwrap_or("none").into());
    line("start function", if about.start_function { "yes" } else { "no" }.into());
    line("functions", grouped(about.functions));
    line("globals", grouped(about.globals));
    line("data segments", format!("{}, {}", grouped(about.data_segments), count(about.data_bytes, "byte")));
    line("element segments", grouped(about.element_segments));

    let over = exceeded.iter().map(|one| (one.key.into(), one.advice(origins)));
    list(&mut page, "over its limits", over.collect());
    match manifest {
        Ok(Some(manifest)) => list(&mut page, "manifest", manifest::lines(manifest)),
        Ok(None) => {}
        Err(error) => list(&mut page, "manifest", vec![("invalid".into(), name(&error.to_string()))]),
    }
    list(&mut page, "imports", imports(about));
    list(&mut page, "exports", exports(about));
    list(&mut page, "memories", numbered(about.memories.iter().map(ToString::to_string)));
    list(&mut page, "tables", numbered(about.tables.iter().map(ToString::to_string)));
    let sections = about.custom_sections.iter().map(|s| (name(&s.name), count(s.size_bytes, "byte")));
    list(&mut page, "custom sections", sections.collect());
    page
}

fn imports(about: &Inspection) -> Vec<(String, String)> {
    let import = |import: &Import| {
        let marked = if is_provided(import) { "" } else { "  (not provided)" };
        (format!("{}.{}", name(&import.module), name(&import.name)), format!("{}{marked}", import.ty))
    };
    about.imports.iter().map(import).collect()
}

fn exports(about: &Inspection) -> Vec<(String, String)> {
    about.exports.iter().map(|export| (name(&export.name), export.ty.to_string())).collect()
}

fn numbered(texts: impl Iterator<Item = String>) -> Vec<(String, String)> {
    texts.enumerate().map(|(i, text)| (i.to_string(), text)).collect()
}

fn list(page: &mut String, title: &str, lines: Vec<(String, String)>) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n{title}");
    rows(page, "  ", lines);
}

/// Writes names and texts in two columns.
fn rows(page: &mut String, indent: &str, lines: Vec<(String, String)>) {
    // One very long name does not push all others away.
    let width = lines.iter().map(|(name, _)| name.chars().count()).filter(|width| *width <= 40).max().unwrap_or(0);
    for (name, text) in lines {
        let _ = writeln!(page, "{indent}{name:<width$}  {text}");
    }
}

/// Summarizes the capabilities of the module in one line.
fn abilities(about: &Inspection, exceeded: &[Exceeded]) -> String {
    let powers = about.capabilities();
    let all = [
        (powers.reads_input, "reads input"),
        (powers.writes_output, "writes output"),
        (powers.logs, "logs"),
        (powers.fails, "fails with a message"),
    ];
    let has: Vec<_> = all.iter().filter(|(has, _)| *has).map(|(_, what)| *what).collect();
    let mut parts = vec![if has.is_empty() { "no input, no output, no log".into() } else { has.join(", ") }];
    parts.push(if powers.reads_clock { "reads a clock" } else { "no clock" }.into());
    let missing = about.imports.iter().filter(|import| !is_provided(import)).count() as u64;
    if missing > 0 {
        let are = if missing == 1 { "is" } else { "are" };
        parts.push(format!("cannot be run here: {} {are} not provided", count(missing, "import")));
    }
    if !exceeded.is_empty() {
        parts.push(format!("over {}", count(exceeded.len() as u64, "limit")));
    }
    if powers.entry.is_none() {
        parts.push("no entry function".into());
    }
    if powers.start_function {
        parts.push("start function".into());
    }
    parts.push(memory(about, &powers));
    parts.join("; ")
}

fn memory(about: &Inspection, powers: &Capabilities) -> String {
    if about.memories.is_empty() {
        return "no memory".into();
    }
    let pages = about.memories.iter().fold(0u64, |sum, memory| sum.saturating_add(memory.min_pages));
    let size = bytes(pages.saturating_mul(PAGE));
    match powers.memory_max_bytes {
        Some(most) => format!("memory {size}, at most {}", bytes(most)),
        None => format!("memory {size}, no maximum"),
    }
}
