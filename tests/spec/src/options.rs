//! The command line.

use std::path::PathBuf;

/// The text that tells how to use the program.
pub const USAGE: &str = "usage: spec FOLDER [--list] [--least N]

  FOLDER      has the files of the suite in it, or in folders below
  --list      tells each assertion that cannot apply, with the reason
  --least N   fails where fewer assertions pass";

/// The options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    pub folder: PathBuf,
    pub list: bool,
    pub least: u64,
}

impl Options {
    /// Reads arguments; `None` where they are wrong.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
        let (mut folder, mut list, mut least) = (None, false, 1);
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--list" => list = true,
                "--least" => least = arguments.next()?.parse().ok()?,
                other if other.starts_with('-') || folder.is_some() => return None,
                other => folder = Some(PathBuf::from(other)),
            }
        }
        Some(Options { folder: folder?, list, least })
    }
}
