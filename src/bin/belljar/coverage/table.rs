//! The table of coverage on stdout.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    io::{self, Write},
};

use belljar::explain::{Coverage, Part, Totals};
use clap::ValueEnum;

use crate::show::{self, grouped};

/// Subject of a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Functions
    Function,
    /// Files of the sources
    File,
}

/// A function, or a file of the sources.
#[derive(Debug, Default)]
struct Row {
    name: String,
    /// Blocks of a function, lines of a file.
    code: Part,
    branches: Part,
    calls: u64,
    fuel: u64,
}

/// Prints what ran of all, and of each function or file, the least covered first.
pub fn print(coverage: &Coverage, by: By, top: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let Totals { functions, branches, lines, blocks, .. } = coverage.totals();
    for (what, part) in [("functions", functions), ("blocks", blocks), ("branches", branches), ("lines", lines)] {
        if part.all > 0 {
            writeln!(out, "{what:<10}{}", of(part).trim_start())?;
        }
    }
    let mut rows = match by {
        By::Function => functions_of(coverage),
        By::File => files_of(coverage),
    };
    rows.sort_by_key(|row| (per_million(row.code), Reverse(row.code.all - row.code.run), row.name.clone()));
    let most = if top == 0 { rows.len() } else { top };
    let (code, calls, last) = match by {
        By::Function => ("blocks", "calls", "function"),
        By::File => ("lines", "", "file"),
    };
    writeln!(out, "\n{code:>26} {:>26} {:>18} {calls:>14}  {last}", "branches", "fuel")?;
    for row in rows.iter().take(most) {
        let calls = if by == By::Function { grouped(row.calls) } else { String::new() };
        let [code, branches] = [row.code, row.branches].map(of);
        writeln!(out, "{code} {branches} {:>18} {calls:>14}  {}", grouped(row.fuel), show::name(&row.name))?;
    }
    if let Some(left) = rows.len().checked_sub(most).filter(|left| *left > 0) {
        let fuel: u64 = rows.iter().skip(most).map(|row| row.fuel).sum();
        let what = show::count(left as u64, &format!("other {last}"));
        writeln!(out, "{:>26} {:>26} {:>18} {:>14}  {what}", "", "", grouped(fuel), "")?;
    }
    let elsewhere = match by {
        By::Function => coverage.elsewhere,
        By::File => coverage.elsewhere + coverage.without_line,
    };
    writeln!(out, "{:>26} {:>26} {:>18} {:>14}  (elsewhere)", "", "", grouped(elsewhere), "")?;
    writeln!(out, "{:>26} {:>26} {:>18}", "", "", grouped(coverage.fuel))
}

fn functions_of(coverage: &Coverage) -> Vec<Row> {
    let row = |function: &belljar::explain::FunctionCoverage| Row {
        name: function.name.clone().unwrap_or_else(|| format!("function {}", function.function)),
        code: function.block_part(),
        branches: function.branch_part(),
        calls: function.calls,
        fuel: function.fuel,
    };
    coverage.functions.iter().map(row).collect()
}

fn files_of(coverage: &Coverage) -> Vec<Row> {
    let mut rows = BTreeMap::<&str, Row>::new();
    for line in &coverage.lines {
        let row = rows.entry(&line.file).or_default();
        row.code += Part::of([line.count]);
        row.fuel += line.fuel;
    }
    for branch in coverage.functions.iter().flat_map(|function| &function.branches) {
        if let Some(line) = branch.line.and_then(|line| coverage.lines.get(line)) {
            rows.entry(&line.file).or_default().branches += Part::of(branch.counts.iter().copied());
        }
    }
    let named = |(name, row): (&str, Row)| Row { name: name.into(), ..row };
    rows.into_iter().map(named).collect()
}

/// Returns a part in millionths.
fn per_million(part: Part) -> u128 {
    u128::from(part.run) * 1_000_000 / u128::from(part.all.max(1))
}

/// Formats a part: `12 of 34 35.29%`; nothing of nothing is empty.
fn of(part: Part) -> String {
    if part.all == 0 {
        return format!("{:>26}", "");
    }
    let percent = 100.0 * part.run as f64 / part.all as f64;
    format!("{:>18} {percent:>6.2}%", format!("{} of {}", grouped(part.run), grouped(part.all)))
}
