//! Comparisons, added up.

use std::{collections::BTreeMap, fmt};

use crate::count::Compared;

/// A sum over subjects.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub subjects: u64,
    /// Subjects that belljar refused.
    pub refused: u64,
    pub matched: u64,
    pub measured: u64,
    pub at_least: u64,
    pub not: BTreeMap<&'static str, u64>,
    pub fuel: u64,
    /// By the name of the subject and the number of the run.
    pub differing: Vec<(String, String)>,
}

impl Tally {
    /// Adds one run.
    pub fn note(&mut self, name: &str, compared: Compared) {
        match compared {
            Compared::Matched { fuel } => {
                self.matched += 1;
                self.fuel += fuel;
            }
            Compared::MatchedMeasured { fuel } => {
                self.measured += 1;
                self.fuel += fuel;
            }
            Compared::AtLeast => self.at_least += 1,
            Compared::Not(why) => *self.not.entry(why).or_default() += 1,
            Compared::Differs(why) => self.differing.push((name.into(), why)),
        }
    }

    /// Adds another tally.
    pub fn add(&mut self, other: Tally) {
        self.subjects += other.subjects;
        self.refused += other.refused;
        self.matched += other.matched;
        self.measured += other.measured;
        self.at_least += other.at_least;
        self.fuel += other.fuel;
        other.not.into_iter().for_each(|(why, count)| *self.not.entry(why).or_default() += count);
        self.differing.extend(other.differing);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { subjects, refused, matched, measured, at_least, not, fuel, differing } = self;
        write!(
            f,
            "{subjects} subjects ({refused} refused), {matched} runs matched, {measured} with \
             measured locals, {at_least} not below the count, "
        )?;
        let not: Vec<_> = not.iter().map(|(why, count)| format!("{count} {why}")).collect();
        write!(f, "not compared {}, ", if not.is_empty() { "0".into() } else { not.join(" ") })?;
        write!(f, "{} differing; fuel {fuel}", differing.len())
    }
}
