//! Makes Markdown tables of what was measured.
//!
//! `table rivals TIMES...`: all engines, and where one is ahead of belljar. `table overhead TIMES... COUNTS`:
//! belljar beside the engine driven by hand.

use std::{collections::BTreeMap, env, fs, process::ExitCode};

use benches::engine::Result;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let made = match arguments.split_first() {
        Some((kind, files)) if kind == "rivals" && !files.is_empty() => Measured::read(files).map(|m| m.rivals()),
        Some((kind, files)) if kind == "overhead" && files.len() > 1 => {
            let (counts, times) = files.split_last().unwrap_or((kind, files));
            Measured::read(times).and_then(|m| Ok(m.overhead(&Counts::read(counts)?)))
        }
        _ => Err("usage: table rivals TIMES... | table overhead TIMES... COUNTS".into()),
    };
    match made {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("table: {error}");
            ExitCode::FAILURE
        }
    }
}

const OURS: &str = "belljar";
const PORTABLE: &str = "belljar, portable";
const HAND: &str = "wasmi by hand";
const HAND_PORTABLE: &str = "wasmi by hand, portable";

/// The columns that are not by hand, in this order.
const COLUMNS: [&str; 8] =
    [OURS, PORTABLE, "wasmtime", "wasmtime, pooled", "wasmtime, Pulley", "Extism", "tinywasm", "wasm3"];

/// Figures by case and engine; cases in the order of their lines, with their units.
#[derive(Default)]
struct Measured {
    cases: Vec<(String, String)>,
    units: BTreeMap<(String, String), String>,
    figures: BTreeMap<(String, String, String), f64>,
}

impl Measured {
    fn read(files: &[String]) -> Result<Measured> {
        let mut measured = Measured::default();
        for file in files {
            for line in fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?.lines() {
                let [group, case, engine, figure, unit] = line.split('\t').collect::<Vec<_>>()[..] else {
                    return Err(format!("{file}: {line}").into());
                };
                let name = (group.to_string(), case.to_string());
                if !measured.cases.contains(&name) {
                    measured.cases.push(name);
                }
                measured.units.insert((group.into(), case.into()), unit.into());
                measured.figures.insert((group.into(), case.into(), engine.into()), figure.parse()?);
            }
        }
        Ok(measured)
    }

    fn get(&self, (group, case): &(String, String), engine: &str) -> Option<f64> {
        self.figures.get(&(group.clone(), case.clone(), engine.into())).copied()
    }

    /// Three digits and a unit.
    fn shown(&self, case: &(String, String), engine: &str) -> String {
        let Some(figure) = self.get(case, engine) else { return "–".into() };
        let scales: &[(f64, &str)] = match self.units.get(case).map(String::as_str) {
            Some("s") => &[(1e-9, " ns"), (1e-6, " µs"), (1e-3, " ms"), (1.0, " s")],
            Some("B") => &[(1.0, " B"), (1024.0, " KiB"), (1024.0 * 1024.0, " MiB")],
            _ => &[(1.0, "×")],
        };
        let scale = scales.iter().rev().find(|(size, _)| figure >= *size).or(scales.first());
        let (size, unit) = scale.copied().unwrap_or((1.0, ""));
        let value = figure / size;
        let digits = match value {
            v if v < 9.995 => 2,
            v if v < 99.95 => 1,
            _ => 0,
        };
        format!("{value:.digits$}{unit}")
    }

    fn rivals(&self) -> String {
        let columns: Vec<_> = COLUMNS
            .into_iter()
            .filter(|engine| self.cases.iter().any(|case| self.get(case, engine).is_some()))
            .collect();
        let mut table = head(&columns);
        let mut ahead: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for case in &self.cases {
            let (ours, portable) = (self.get(case, OURS), self.get(case, PORTABLE));
            let mut cells = Vec::new();
            for engine in &columns {
                let figure = self.get(case, engine);
                let times = |other: Option<f64>| Some(other? / figure?).filter(|times| *times > 1.0);
                let shown = self.shown(case, engine);
                let rival = ![OURS, PORTABLE].contains(engine);
                match (times(ours), times(portable)) {
                    (Some(a), _) if rival => {
                        ahead.entry(engine).or_default().push(format!("{} {a:.1}", case.1));
                        cells.push(format!("**{shown}**"));
                    }
                    (None, Some(_)) if rival => cells.push(format!("*{shown}*")),
                    _ => cells.push(shown),
                }
            }
            table += &row(case, &cells);
        }
        table += "\nBold is faster than `belljar` with its default features, by these factors; italics are faster than it is with \
             the portable dispatch:\n\n";
        for engine in &columns {
            if let Some(cases) = ahead.get(engine) {
                table += &format!("* **{engine}**: {}.\n", cases.join("; "));
            }
        }
        table
    }

    fn overhead(&self, counts: &Counts) -> String {
        let columns = [
            "belljar",
            "by hand",
            "ratio",
            "instructions",
            "by hand, unchecked",
            "belljar, portable",
            "by hand, portable",
            "ratio, portable",
        ];
        let mut table = head(&columns);
        for case in &self.cases {
            let get = |engine| self.get(case, engine);
            let percent = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => format!("{:+.1} %", (a / b - 1.0) * 100.0),
                _ => "–".into(),
            };
            let (a, b) = counts.0.get(case).copied().unzip();
            let cells = [
                self.shown(case, OURS),
                self.shown(case, HAND),
                percent(get(OURS), get(HAND)),
                percent(a, b),
                self.shown(case, "wasmi by hand, unchecked"),
                self.shown(case, PORTABLE),
                self.shown(case, HAND_PORTABLE),
                percent(get(PORTABLE), get(HAND_PORTABLE)),
            ];
            table += &row(case, &cells);
        }
        table
    }
}

/// Instructions of belljar and by hand, by case.
struct Counts(BTreeMap<(String, String), (f64, f64)>);

impl Counts {
    fn read(file: &str) -> Result<Counts> {
        let mut counts = BTreeMap::new();
        for line in fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?.lines() {
            if let [group, case, ours, hand, ..] = line.split('\t').collect::<Vec<_>>()[..] {
                counts.insert((group.into(), case.into()), (ours.parse()?, hand.parse()?));
            }
        }
        Ok(Counts(counts))
    }
}

fn head(columns: &[&str]) -> String {
    format!("| | {} |\n|---|{}\n", columns.join(" | "), "---:|".repeat(columns.len()))
}

fn row((group, case): &(String, String), cells: &[String]) -> String {
    let group = group.split(':').next().unwrap_or(group);
    format!("| {group}: {case} | {} |\n", cells.join(" | "))
}
