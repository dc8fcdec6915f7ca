//! `belljar plan`: what a tool asked for, is granted and is given, without running anything of it.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use belljar::{Place, Plan, PlanLine, ToolError};
use serde::Serialize;

use super::{args::ToolArgs, failure, file_name, read};
use crate::{
    args::Format, console::Console, exit::Exit, failure::Failure, json, origin::Origins, settings, show::name,
    source::Source,
};

/// Tells it, and whether the tool can be run.
pub fn plan(args: &ToolArgs, console: &Console) -> Result<Exit, Failure> {
    let (policy, origins) = settings::of_tools(&args.grant, console)?;
    let source = Source::of(&args.module);
    let wasm = read(&source, args.text)?;
    let told = |error: ToolError| failure(&error).in_file(source.name());
    let plan = policy.plan(&wasm, &file_name(&args.module)).map_err(told)?;
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

#[derive(Serialize)]
struct Document<'a> {
    file: String,
    #[serde(flatten)]
    plan: &'a Plan,
}

/// Columns of the table; what is longer goes to a line of its own.
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
    page.push_str("\n! it must have this, or it is refused\n");
    page
}

/// One line if all fits, and else one for each cell that does not.
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

/// What decides, and where that is written.
fn why(line: &PlanLine, origins: &Origins) -> String {
    let place = match line.why {
        belljar::Why::Ceiling => &line.ceiling_by,
        _ => &line.granted_by,
    };
    let at = |place: &Place| match (&*place.section, place.line) {
        (section, Some(number)) if !section.is_empty() => Some(format!("[{}], line {number}", name(section))),
        (_, Some(number)) => Some(format!("line {number}")),
        _ => None,
    };
    let by_option =
        origins.option(&line.key).filter(|_| line.why == belljar::Why::Granted || line.why == belljar::Why::Default);
    match by_option.map(str::to_owned).or_else(|| place.as_ref().and_then(at)) {
        Some(_) if line.why == belljar::Why::Default => format!("as granted: {}", by_option.unwrap_or_default()),
        Some(at) if line.why != belljar::Why::Asked => format!("{}: {at}", line.why),
        _ => line.why.to_string(),
    }
}
