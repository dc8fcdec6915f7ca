//! One module on both sides, call by call.

use belljar::{Error, Instance, ModuleError, Value};

use crate::{
    digest::Digest,
    observe::{Case, DRIVE, OBSERVE},
    outcome::End,
    reference::{Compiled, Reference},
    subject::{self, Ended, Loaded, Subject},
    tally::{Phase, Side, Tally},
};

/// What comes of one module.
pub struct Compared {
    pub tally: Tally,
    pub digest: Digest,
    /// What differs first.
    pub difference: Option<String>,
    /// A line for each call, where they are asked for.
    pub lines: Vec<String>,
}

/// How a module is run.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Whether Wasmtime runs it, too.
    pub reference: bool,
    /// Whether lines are asked for.
    pub lines: bool,
}

/// Runs a case on both sides.
pub fn compare(subject: &Subject, case: &Case, manner: Manner) -> Compared {
    let mut compared = Compared {
        tally: Tally { modules: 1, ..Tally::default() },
        digest: Digest::default(),
        difference: None,
        lines: Vec::new(),
    };
    let loaded = match compared.tally.timed(Phase::Load, || subject.load(&case.wasm)) {
        Ok(loaded) => loaded,
        Err(error) => return compared.refused(&error),
    };
    let compile = || manner.reference.then(|| Compiled::new(&case.reference)).transpose();
    let compiled = match compared.tally.timed(Phase::Compile, compile) {
        Ok(compiled) => compiled,
        Err(error) => return Compared { difference: Some(format!("Wasmtime refuses it: {error}")), ..compared },
    };
    let mut run = Run { case, loaded, compiled, ours: None, theirs: None, compared, manner };
    if let Err(difference) = run.calls() {
        run.compared.difference = Some(difference);
    }
    run.compared
}

impl Compared {
    fn refused(mut self, error: &Error) -> Self {
        match error {
            // The generators know nothing of belljar's limits.
            Error::Module(error) if matches!(**error, ModuleError::Limit { .. }) => self.tally.refused += 1,
            error => self.difference = Some(format!("belljar refuses it: {error}")),
        }
        self.digest.word(3_000);
        self
    }
}

struct Run<'c> {
    case: &'c Case,
    loaded: Loaded<'c>,
    compiled: Option<Compiled>,
    ours: Option<Instance>,
    theirs: Option<Reference>,
    compared: Compared,
    manner: Manner,
}

impl Run<'_> {
    /// Makes all calls. What belljar is told never depends on what Wasmtime answers.
    fn calls(&mut self) -> Result<(), String> {
        if self.case.is_driven {
            self.sliced()?;
        }
        let mut endless = None;
        for (at, call) in (1..).zip(&self.case.calls) {
            if endless == Some(&call.name) {
                continue;
            }
            let fresh = self.ours.is_none();
            if fresh && !self.start()? {
                return Ok(());
            }
            let ours = self.ours.as_mut().expect("it was started");
            let tally = &mut self.compared.tally;
            let ended = tally.timed(Phase::Run, || subject::call(ours, &call.name, &call.arguments));
            self.compared.digest.ended(&ended);
            self.compared.digest.bytes(ours.memory());
            let theirs = self.theirs.as_mut().filter(|_| !matches!(ended.end, End::Bound(_)));
            let tally = &mut self.compared.tally;
            let expected = tally.timed(Phase::Call, || theirs.map(|theirs| theirs.call(&call.name, &call.arguments)));
            self.line(&call.name, &call.arguments, &ended, expected.as_ref());
            if self.differ(&call.name, &ended.end, expected)? {
                self.state(&call.name)?;
            }
            match ended.end {
                // To look at memories takes longer than most calls.
                End::Done(_) if self.case.hidden.memories.is_empty() || at % 2 == 0 || at == self.case.calls.len() => {
                    self.observe(&call.name)?;
                }
                End::Done(_) => {}
                _ => self.drop(&ended),
            }
            if matches!(ended.end, End::Bound(_)) {
                endless = Some(&call.name);
            }
        }
        let used = self.ours.as_mut().map_or(0, |ours| ours.usage().fuel);
        self.compared.tally.fuel_used += used;
        Ok(())
    }

    /// Starts both sides afresh; returns `false` where the start itself ends in a trap.
    fn start(&mut self) -> Result<bool, String> {
        let tally = &mut self.compared.tally;
        let ours = tally.timed(Phase::Run, || self.loaded.start());
        let is_bound = matches!(&ours, Err(Ended { end: End::Bound(_), .. }));
        let compiled = self.compiled.as_ref().filter(|_| !is_bound);
        let theirs = tally.timed(Phase::Call, || compiled.map(Compiled::start));
        match ours {
            Ok(ours) => {
                self.ours = Some(ours);
                match theirs.transpose() {
                    Ok(theirs) => self.theirs = theirs,
                    Err(End::Bound(bound)) => self.compared.tally.bound(bound, Side::Wasmtime),
                    Err(end) => return Err(format!("start: belljar is done, Wasmtime ends with {end:?}")),
                }
                Ok(true)
            }
            Err(ended) => {
                self.compared.digest.ended(&ended);
                let expected = theirs.map(|theirs| theirs.map_or_else(|end| end, |_| End::Done(Vec::new())));
                self.differ("start", &ended.end, expected)?;
                Ok(false)
            }
        }
    }

    /// Compares ends; returns `true` where both are the same, `false` where they cannot be compared.
    fn differ(&mut self, name: &str, found: &End, expected: Option<End>) -> Result<bool, String> {
        let tally = &mut self.compared.tally;
        match (found, expected) {
            (End::Bound(bound), _) => tally.bound(*bound, Side::Belljar),
            (_, Some(End::Bound(bound))) => {
                tally.bound(bound, Side::Wasmtime);
                self.theirs = None;
            }
            (found, Some(expected)) if *found != expected => {
                return Err(format!("{name}: belljar {found:?}, Wasmtime {expected:?}"));
            }
            (found, Some(_)) => {
                tally.same(found);
                return Ok(true);
            }
            (_, None) => {}
        }
        Ok(false)
    }

    /// Compares what both sides show: the exported memory, and globals.
    fn state(&mut self, name: &str) -> Result<(), String> {
        let (Some(ours), Some(theirs)) = (&mut self.ours, &mut self.theirs) else { return Ok(()) };
        let (found, expected) = (ours.memory(), theirs.memory("memory"));
        if found != expected {
            let at = found.iter().zip(expected).position(|(found, expected)| found != expected);
            let at = at.unwrap_or(found.len().min(expected.len()));
            return Err(format!("{name}: the memories differ from byte {at}"));
        }
        for global in &self.case.globals {
            let (found, expected) = (ours.global(global), Some(theirs.global(global)));
            if found != expected {
                return Err(format!("{name}: {global}: belljar {found:?}, Wasmtime {expected:?}"));
            }
        }
        Ok(())
    }

    /// Compares what neither side shows: other memories, tables, references.
    fn observe(&mut self, name: &str) -> Result<(), String> {
        let Some(ours) = self.ours.as_mut().filter(|_| !self.case.hidden.is_empty()) else { return Ok(()) };
        let arguments = [Value::I32(0)];
        let tally = &mut self.compared.tally;
        let ended = tally.timed(Phase::Run, || subject::call(ours, OBSERVE, &arguments));
        self.compared.digest.ended(&ended);
        if !matches!(ended.end, End::Done(_)) {
            self.drop(&ended);
        }
        let theirs = self.theirs.as_mut();
        let tally = &mut self.compared.tally;
        let expected = tally.timed(Phase::Call, || theirs.map(|theirs| theirs.observe(&self.case.hidden)));
        match expected.map(|hash| End::Done(vec![Value::I64(hash)])) {
            Some(expected) if expected != ended.end && !matches!(ended.end, End::Bound(_)) => {
                Err(format!("after {name}: what is not exported differs"))
            }
            _ => Ok(()),
        }
    }

    /// Makes one of the calls with fresh stores, at once and in slices.
    fn sliced(&mut self) -> Result<(), String> {
        let tally = &mut self.compared.tally;
        let whole = tally.timed(Phase::Run, || self.loaded.sliced(DRIVE))?;
        tally.sliced += 1;
        self.compared.digest.ended(&whole);
        Ok(())
    }

    fn drop(&mut self, ended: &Ended) {
        self.compared.tally.fuel_used += ended.fuel;
        self.ours = None;
        self.theirs = None;
    }

    fn line(&mut self, name: &str, arguments: &[Value], ended: &Ended, expected: Option<&End>) {
        if self.manner.lines {
            let text: Vec<_> = arguments.iter().map(Value::to_string).collect();
            let Ended { end, fuel } = ended;
            let line =
                format!("{name}({}): belljar {end:?}, {fuel} fuel so far; Wasmtime {expected:?}", text.join(", "));
            self.compared.lines.push(line);
        }
    }
}
