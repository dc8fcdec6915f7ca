//! What came of a bundle: a digest of each group, and one of all.

use core::fmt;

use belljar::record::Digest;

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
    vectors: bool,
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
                groups.push(Group {
                    name: case.group.clone(),
                    vectors: case.vectors,
                    modules: 0,
                    runs: 0,
                    lines: String::new(),
                });
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
        let all: Vec<&Group> = self.groups.iter().filter(|group| group.runs > 0).collect();
        for group in &all {
            line(&group.name, group.modules, group.runs, &group.lines)?;
        }
        let mut total = |name, groups: Vec<&Group>| {
            let sum = |of: fn(&Group) -> u64| groups.iter().map(|group| of(group)).sum();
            let lines: String = groups.iter().map(|group| group.lines.as_str()).collect();
            line(name, sum(|group| group.modules), sum(|group| group.runs), &lines)
        };
        let (vectors, others): (Vec<_>, Vec<_>) = all.iter().partition(|group| group.vectors);
        total("no-vectors", others)?;
        if vectors.is_empty() { Ok(()) } else { total("all", all) }
    }
}
