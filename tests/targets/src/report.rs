//! What came of a bundle: a digest of each group, and one of all.

use core::fmt;

use belljar::receipt::Digest;

use crate::{
    bundle::Bundle,
    run::{Done, run},
};

/// What came of a bundle.
#[derive(Debug)]
pub struct Report {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    name: String,
    modules: u64,
    runs: u64,
    /// A line for each action.
    lines: String,
}

impl Report {
    /// Runs the bundle in these bytes.
    pub fn of(bundle: &[u8]) -> Report {
        let mut groups: Vec<Group> = Vec::new();
        for case in Bundle::from_bytes(bundle).cases {
            if groups.last().is_none_or(|group| group.name != case.group) {
                groups.push(Group { name: case.group.clone(), modules: 0, runs: 0, lines: String::new() });
            }
            let Some(group) = groups.last_mut() else { continue };
            group.modules += u64::from(!case.wasm.is_empty());
            for Done { name, runs, digest } in run(&case) {
                group.runs += runs;
                group.lines += &format!("{}/{} {name}: {digest}\n", case.group, case.name);
            }
        }
        Report { groups }
    }

    /// A line for each action, to see where two reports differ.
    pub fn lines(&self) -> String {
        self.groups.iter().map(|group| group.lines.as_str()).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, modules: u64, runs: u64, lines: &str| {
            writeln!(f, "{name:<12} {modules:>6} modules {runs:>7} runs  {}", Digest::of(lines.as_bytes()).sha256)
        };
        for group in &self.groups {
            line(&group.name, group.modules, group.runs, &group.lines)?;
        }
        let sum = |of: fn(&Group) -> u64| self.groups.iter().map(of).sum();
        line("all", sum(|group| group.modules), sum(|group| group.runs), &self.lines())
    }
}
