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
const FAST: &str = "belljar, fast";

/// The columns that are not by hand, in this order.
const COLUMNS: [&str; 8] =
    [OURS, FAST, "wasmtime", "wasmtime, pooled", "wasmtime, Pulley", "Extism", "tinywasm", "wasm3"];

/// Seconds by case and engine; cases in the order of their lines.
#[derive(Default)]
struct Measured {
    cases: Vec<(String, String)>,
    seconds: BTreeMap<(String, String, String), f64>,
}

impl Measured {
    fn read(files: &[String]) -> Result<Measured> {
        let mut measured = Measured::default();
        for file in files {
            for line in fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?.lines() {
                let [group, case, engine, seconds] = line.split('\t').collect::<Vec<_>>()[..] else {
                    return Err(format!("{file}: {line}").into());
                };
                let name = (group.to_string(), case.to_string());
                if !measured.cases.contains(&name) {
                    measured.cases.push(name);
                }
                measured.seconds.insert((group.into(), case.into(), engine.into()), seconds.parse()?);
            }
        }
        Ok(measured)
    }

    fn get(&self, (group, case): &(String, String), engine: &str) -> Option<f64> {
        self.seconds.get(&(group.clone(), case.clone(), engine.into())).copied()
    }

    fn rivals(&self) -> String {
        let columns: Vec<_> = COLUMNS
            .into_iter()
            .filter(|engine| self.cases.iter().any(|case| self.get(case, engine).is_some()))
            .collect();
        let mut table = head(&columns);
        let mut ahead: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for case in &self.cases {
            let (ours, fast) = (self.get(case, OURS), self.get(case, FAST));
            let mut cells = Vec::new();
            for engine in &columns {
                let seconds = self.get(case, engine);
                let times = |other: Option<f64>| Some(other? / seconds?).filter(|times| *times > 1.0);
                let rival = ![OURS, FAST].contains(engine);
                match (times(ours), times(fast)) {
                    (Some(a), Some(b)) if rival => {
                        ahead.entry(engine).or_default().push(format!("{} {a:.1} ({b:.1})", case.1));
                        cells.push(format!("**{}**", time(seconds)));
                    }
                    (Some(a), _) if rival => {
                        ahead.entry(engine).or_default().push(format!("{} {a:.1}", case.1));
                        cells.push(format!("*{}*", time(seconds)));
                    }
                    _ => cells.push(time(seconds)),
                }
            }
            table += &row(case, &cells);
        }
        table +=
            "\nTimes faster than `belljar` with its default features, and in brackets than with the fast dispatch:\n\n";
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
            "belljar, fast",
            "by hand, fast",
            "ratio, fast",
        ];
        let mut table = head(&columns);
        for case in &self.cases {
            let get = |engine| self.get(case, engine);
            let percent = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => format!("{:+.1} %", (a / b - 1.0) * 100.0),
                _ => "–".into(),
            };
            let (hand, unchecked, fast) =
                (get("wasmi by hand"), get("wasmi by hand, unchecked"), get("wasmi by hand, fast"));
            let (a, b) = counts.0.get(case).copied().unzip();
            let cells = [
                time(get(OURS)),
                time(hand),
                percent(get(OURS), hand),
                percent(a, b),
                time(unchecked),
                time(get(FAST)),
                time(fast),
                percent(get(FAST), fast),
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

/// Three digits and a unit.
fn time(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return "–".into() };
    let (value, unit) = match seconds {
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let digits = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}
