//! Third-party WASI programs, each with a question whose answer is known. `tests/programs/run.sh` downloads them and
//! runs this.

use std::{
    collections::BTreeMap,
    env,
    time::{Duration, Instant},
};

use belljar::{Config, Error, GuestFault, Outcome, Sandbox, Step, StopReason, files::Changes};

use self::{
    program::{Program, programs},
    record::{Record, records, write_records},
};

mod expect;
pub mod program;
pub mod record;

/// What a program left.
#[derive(Default)]
struct Left {
    output: Vec<u8>,
    files: Changes,
}

/// All programs, and what has come of those that ran.
struct Suite {
    programs: BTreeMap<String, Program>,
    records: BTreeMap<String, Record>,
    bless: bool,
    left: BTreeMap<String, Left>,
    failed: usize,
}

#[test]
#[ignore = "needs the programs that tests/programs/run.sh brings"]
fn programs_answer_as_they_should() {
    let wanted = env::var("PROGRAMS").unwrap_or_default();
    let wanted: Vec<_> = wanted.split_whitespace().map(String::from).collect();
    let mut suite = Suite {
        programs: programs(),
        records: records(),
        bless: env::var_os("BLESS").is_some_and(|value| value == "1"),
        left: BTreeMap::new(),
        failed: 0,
    };
    println!("{:<20} {:>10} {:>8} {:>15} {:>11}  package", "program", "bytes", "time", "fuel", "memory");
    let all: Vec<_> = suite.programs.keys().cloned().collect();
    for name in if wanted.is_empty() { all } else { wanted } {
        suite.run(&name);
    }
    if suite.bless {
        suite.records.retain(|name, _| suite.programs.contains_key(name));
        write_records(&suite.records);
    }
    println!("{} passed, {} failed", suite.left.len() - suite.failed, suite.failed);
    assert!(suite.failed == 0 && !suite.left.is_empty());
}

impl Suite {
    /// Runs a program, after those whose files it takes.
    fn run(&mut self, name: &str) {
        if self.left.contains_key(name) {
            return;
        }
        let program = self.programs.get(name).unwrap_or_else(|| panic!("there is no program {name}")).clone();
        for other in program.takes_from() {
            self.run(other);
        }
        let (left, wrong) = self.check(name, &program).unwrap_or_else(|why| (Left::default(), vec![why]));
        self.left.insert(name.into(), left);
        if !wrong.is_empty() {
            self.failed += 1;
            println!("{name}: FAILED\n    {}", wrong.join("\n    "));
        }
    }

    /// What a program leaves, and what of it is wrong.
    fn check(&mut self, name: &str, program: &Program) -> Result<(Left, Vec<String>), String> {
        let wasm = self.bytes(program, &program.module)?;
        let config = self.config(program)?;
        let (result, time) = run_twice(program, &wasm, &config)?;
        let record = Record::of(program, &wasm, &config, &result);
        println!(
            "{name:<20} {:>10} {:>6.1} s {:>15} {:>11}  {}",
            wasm.len(),
            time.as_secs_f64(),
            record.fuel,
            record.memory_peak_bytes,
            program.package
        );
        let (status, left, log) = match result {
            Ok(Outcome { status, output, files, log, .. }) => (status, Left { output, files }, log),
            Err(Error::Stopped(stop)) => match stop.reason {
                StopReason::Guest(GuestFault::Status { code }) => {
                    (code, Left { output: stop.output, files: stop.files }, stop.log)
                }
                reason => return Err(format!("{reason}; log {:?}", stop.log)),
            },
            Err(error) => return Err(error.to_string()),
        };
        let log: String = log.entries.iter().map(|entry| format!("{}\n", entry.text)).collect();
        let mut wrong = program.expect.wrong(status, &left.output, &log, &left.files);
        if wrong.is_empty() && self.bless {
            self.records.insert(name.into(), record);
        } else if self.records.get(name) != Some(&record) {
            wrong.push(format!("other than RESULTS.toml has it: {record:?}"));
        }
        Ok((left, wrong))
    }

    /// The bytes that a path of a program's file stands for.
    fn bytes(&self, program: &Program, path: &str) -> Result<Vec<u8>, String> {
        let Some((name, path)) = path.split_once(':') else { return program.read(path) };
        let left = self.left.get(name).ok_or_else(|| format!("{name} has not run"))?;
        match left.files.get(path) {
            Some(belljar::files::Change::File(bytes)) => Ok(bytes.to_vec()),
            None if path == "output" => Ok(left.output.clone()),
            other => Err(format!("{name} has left {other:?} as {path}")),
        }
    }

    fn config(&self, program: &Program) -> Result<Config, String> {
        let mut config = program.config();
        for (path, from) in &program.files {
            if path.ends_with('/') {
                for (below, bytes) in program.read_folder(from)? {
                    config = config.with_file(format!("{path}{below}"), bytes);
                }
            } else {
                config = config.with_file(path, self.bytes(program, from)?);
            }
        }
        Ok(config)
    }
}

/// Runs a program at once, and once more from its bytes in about a hundred slices; gives the time of the first.
fn run_twice(program: &Program, wasm: &[u8], config: &Config) -> Result<(Result<Outcome, Error>, Duration), String> {
    let run = |slice: Option<u64>| {
        let sandbox = Sandbox::new(config.clone())?;
        let module = sandbox.load(wasm)?;
        let mut execution = match &program.function {
            Some(name) => sandbox.start_call(&module, name, &[], program.input.as_bytes(), ())?,
            None => sandbox.start(&module, program.input.as_bytes())?,
        };
        let Some(slice) = slice else { return execution.finish() };
        loop {
            if let Step::Done(outcome) = execution.step(slice)? {
                return Ok(outcome);
            }
        }
    };
    let start = Instant::now();
    let first = run(None);
    let time = start.elapsed();
    let fuel = match &first {
        Ok(outcome) => outcome.usage.fuel,
        Err(Error::Stopped(stop)) => stop.usage.fuel,
        Err(_) => 0,
    };
    if run(Some(fuel / 101 + 1)) != first {
        return Err("comes out otherwise in slices".into());
    }
    Ok((first, time))
}
