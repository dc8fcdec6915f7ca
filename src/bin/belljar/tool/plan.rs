//! `belljar plan`: the effective capabilities of a tool, without running it.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use belljar::tool::{Plan, PlanLine, PlanReason, ToolError};
use clap::Args;
use serde::Serialize;

use super::{failure, file_name, read};
use crate::{
    console::Console,
    exit::Exit,
    failure::Failure,
    json,
    options::{Format, LookArgs, ToolArgs},
    origin::Origins,
    settings,
    show::name,
    source::Source,
};

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar plan tool.wasm
  belljar plan --config belljar.toml --format json tool.wasm | jq .missing

A tool receives the least of what its manifest requests, what it is granted, and the section
[ceiling]. The keys of belljar.toml and the options grant to all tools, the sections [tools.NAME]
and [tools.\"sha256:HEX\"] to one. A tool without a manifest requests all that it is granted.

The JSON document has file, tool, sha256, pinned, lines, missing and config.

Exit status:
  0  the tool can be run
  2  usage, configuration or I/O
  3  it cannot: it requires what it is not granted, it is not the pinned module, or its manifest is
     invalid";

/// Show what a tool requests, is granted and receives, with the reasons, without running it
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct PlanArgs {
    #[command(flatten)]
    tool: ToolArgs,
}

impl PlanArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.tool.look
    }

    /// Prints the plan, and checks whether the tool can be run.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let (policy, origins) = settings::of_tools(&self.tool.grant, console)?;
        let source = Source::of(&self.tool.module);
        let wasm = read(&source, self.tool.text)?;
        let failed = |error: ToolError| failure(&error).in_file(source.name());
        let plan = policy.plan(&wasm, &file_name(&self.tool.module)).map_err(failed)?;
        let written = if console.format == Format::Human {
            let mut stdout = io::stdout().lock();
            stdout.write_all(page(&source.name(), &plan, &origins).as_bytes()).and_then(|()| stdout.flush())
        } else {
            json::print(console.format, &Document { file: source.name(), plan: &plan })
        };
        written.map_err(|e| Failure::stdout(&e))?;
        if plan.missing.is_empty() {
            return Ok(Exit::Done);
        }
        let refused = ToolError::Refused { tool: plan.tool, missing: plan.missing };
        console.error(Some(&source.name()), &refused.to_string(), refused.hint().map(|hint| name(&hint)).as_deref());
        Ok(Exit::Refused)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    file: String,
    #[serde(flatten)]
    plan: &'a Plan,
}

/// Widths of the columns; a longer cell is on a separate line.
const WIDTHS: [usize; 5] = [28, 16, 16, 16, 16];

fn page(file: &str, plan: &Plan, origins: &Origins) -> String {
    let pin = if plan.pinned { "pinned" } else { "not pinned" };
    let mut page = format!("{file}: tool {}\nSHA-256 {}, {pin}\n\n", name(&plan.tool), plan.sha256);
    row(&mut page, ["key", "asked", "granted", "ceiling", "given"], "why");
    for line in &plan.lines {
        let value = |value: &Option<String>| name(value.as_deref().unwrap_or("-"));
        let asked = match &line.required {
            Some(least) if line.asked.as_ref() == Some(least) => format!("{} !", name(least)),
            Some(least) => format!("{}, {} !", value(&line.asked), name(least)),
            None => value(&line.asked),
        };
        let cells = [name(&line.key), asked, value(&line.granted), value(&line.ceiling), value(&line.effective)];
        row(&mut page, cells.each_ref().map(String::as_str), &why(line, origins));
    }
    if plan.lines.iter().any(|line| line.required.is_some()) {
        page.push_str("\n! it must have this, or it is refused\n");
    }
    page
}

/// Writes a row: one line, and one more for each cell that does not fit.
fn row(page: &mut String, cells: [&str; 5], why: &str) {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(WIDTHS) {
        if cell.chars().count() > width {
            let _ = writeln!(page, "{line}{cell}");
            line = " ".repeat(line.chars().count() + width + 2);
        } else {
            let _ = write!(line, "{cell:<width$}  ");
        }
    }
    let _ = writeln!(page, "{line}{why}");
}

/// Returns the reason for a value, and the place where it is configured.
fn why(line: &PlanLine, origins: &Origins) -> String {
    let place = match line.why {
        PlanReason::Ceiling => &line.ceiling_by,
        _ => &line.granted_by,
    };
    let at = |place: &belljar::tool::PlanSource| match (&*place.section, place.line) {
        (section, Some(number)) if !section.is_empty() => Some(format!("[{}], line {number}", name(section))),
        (_, Some(number)) => Some(format!("line {number}")),
        _ => None,
    };
    let by_option =
        origins.option(&line.key).filter(|_| line.why == PlanReason::Granted || line.why == PlanReason::Default);
    match by_option.map(str::to_owned).or_else(|| place.as_ref().and_then(at)) {
        Some(_) if line.why == PlanReason::Default => format!("as granted: {}", by_option.unwrap_or_default()),
        Some(at) if line.why != PlanReason::Asked => format!("{}: {at}", line.why),
        _ => line.why.to_string(),
    }
}
