//! Runs a bundle: `belljar-targets BUNDLE` prints the digests, `belljar-targets BUNDLE lines` those of each action
//! before them.

use std::{env, fs};

use belljar_targets::Report;

fn main() {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().expect("the path of a bundle");
    let report = Report::of(&fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")));
    if arguments.next().is_some() {
        print!("{}", report.lines());
    }
    print!("{report}");
}
