//! Coverage in the format of lcov.

use alloc::{
    borrow::Cow,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write;

use super::report::{BranchCoverage, Coverage, FunctionCoverage, Part};

/// What belongs to one file.
#[derive(Default)]
struct File<'c> {
    /// Names of functions, with their lines and calls.
    functions: Vec<(String, u32, u64)>,
    /// Branches, with their lines.
    branches: Vec<(u32, &'c BranchCoverage)>,
    /// Lines and their counts.
    lines: BTreeMap<u32, u64>,
}

impl Coverage {
    /// Returns the coverage as a tracefile of [lcov](https://github.com/linux-test-project/lcov), which other programs
    /// read.
    ///
    /// Functions without debugging information are in a file with the name of the module, each on a line with the number
    /// of its index plus 1. What is in a function and has no line is on that of the function. The block of a branch is
    /// its offset.
    pub fn lcov(&self, module: &str) -> String {
        let names = self.names();
        let mut files = BTreeMap::<&str, File<'_>>::new();
        for line in &self.lines {
            files.entry(&line.file).or_default().lines.insert(line.line, line.count);
        }
        for (function, name) in self.functions.iter().zip(names) {
            let (path, line) = match &function.location {
                Some(location) => (&*location.file, location.line),
                None => (module, function.function.saturating_add(1)),
            };
            let file = files.entry(path).or_default();
            file.functions.push((name, line, function.calls));
            // The line of a function is that of an operator, unless it has none, or that is inlined.
            file.lines.entry(line).or_insert(function.calls);
            for branch in &function.branches {
                let place = branch.line.and_then(|line| self.lines.get(line));
                let (path, line) = place.map_or((path, line), |place| (&*place.file, place.line));
                files.entry(path).or_default().branches.push((line, branch));
            }
        }
        let mut text = String::new();
        for (path, mut file) in files {
            file.functions.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
            file.branches.sort_by_key(|(line, branch)| (*line, branch.offset));
            // What is written to a string has no error.
            let _ = file.write(path, &mut text);
        }
        text
    }

    /// Returns the names of functions: a name that several have is followed by the index.
    fn names(&self) -> Vec<String> {
        let name = |function: &FunctionCoverage| match &function.name {
            Some(name) => line_of(name).into_owned(),
            None => format!("function {}", function.function),
        };
        let mut names: Vec<_> = self.functions.iter().map(name).collect();
        let mut uses = BTreeMap::<String, u32>::new();
        names.iter().for_each(|name| *uses.entry(name.clone()).or_default() += 1);
        for (name, function) in names.iter_mut().zip(&self.functions) {
            if uses.get(name).is_some_and(|uses| *uses > 1) {
                name.push_str(&format!(" [{}]", function.function));
            }
        }
        names
    }
}

impl File<'_> {
    fn write(&self, path: &str, text: &mut String) -> core::fmt::Result {
        writeln!(text, "TN:\nSF:{}", line_of(path))?;
        for (name, line, _) in &self.functions {
            writeln!(text, "FN:{line},{name}")?;
        }
        for (name, _, calls) in &self.functions {
            writeln!(text, "FNDA:{calls},{name}")?;
        }
        let part = Part::of(self.functions.iter().map(|(.., calls)| *calls));
        writeln!(text, "FNF:{}\nFNH:{}", part.all, part.run)?;
        let mut part = Part::default();
        for (line, branch) in &self.branches {
            let is_reached = branch.counts.iter().any(|count| *count > 0);
            for (number, count) in branch.counts.iter().enumerate() {
                let count = if is_reached { count.to_string() } else { "-".into() };
                writeln!(text, "BRDA:{line},{},{number},{count}", branch.offset)?;
            }
            part += Part::of(branch.counts.iter().copied());
        }
        if part.all > 0 {
            writeln!(text, "BRF:{}\nBRH:{}", part.all, part.run)?;
        }
        for (line, count) in &self.lines {
            writeln!(text, "DA:{line},{count}")?;
        }
        let part = Part::of(self.lines.values().copied());
        writeln!(text, "LF:{}\nLH:{}\nend_of_record", part.all, part.run)
    }
}

/// Returns a text of the module as a part of a line.
fn line_of(text: &str) -> Cow<'_, str> {
    match text.contains(char::is_control) {
        true => Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()),
        false => Cow::Borrowed(text),
    }
}
