//! What is asked for on the command line.

use std::ops::Range;

use crate::generator::Generator;

/// How to use the program.
pub const USAGE: &str = "usage: difference --generator smith|stack [--count N | --seeds FROM..TO] [--jobs N]
                  [--stop-at-first] [--alone] [--trace] [--print SEED]

  --count N         the first N seeds (1000 unless told otherwise)
  --seeds FROM..TO  these seeds
  --jobs N          threads (one for each core unless told otherwise)
  --stop-at-first   ends at the first difference
  --alone           belljar only, for its digest
  --trace           tells each seed before it is run
  --print SEED      prints the module of a seed, and what both sides come to";

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Options {
    pub generator: Generator,
    pub seeds: Range<u64>,
    pub jobs: usize,
    pub stop_at_first: bool,
    pub alone: bool,
    pub trace: bool,
    pub print: Option<u64>,
}

impl Options {
    /// Reads arguments; `None` where they are wrong.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
        let (mut generator, mut seeds, mut print) = (None, 0..1_000, None);
        let mut jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let (mut stop_at_first, mut alone, mut trace) = (false, false, false);
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--generator" => generator = Some(Generator::named(&arguments.next()?)?),
                "--count" => seeds = 0..arguments.next()?.parse().ok()?,
                "--seeds" => {
                    let value = arguments.next()?;
                    let (from, to) = value.split_once("..")?;
                    seeds = from.parse().ok()?..to.parse().ok()?;
                }
                "--jobs" => jobs = arguments.next()?.parse().ok().filter(|jobs| *jobs > 0)?,
                "--stop-at-first" => stop_at_first = true,
                "--alone" => alone = true,
                "--trace" => trace = true,
                "--print" => print = Some(arguments.next()?.parse().ok()?),
                _ => return None,
            }
        }
        Some(Options { generator: generator?, seeds, jobs, stop_at_first, alone, trace, print })
    }
}
