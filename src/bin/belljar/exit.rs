//! What the exit status says.

use std::process::ExitCode;

/// The exit statuses; a larger one is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// The guest came to its end, or what was asked for is done.
    Done = 0,
    /// The guest was stopped.
    Stopped = 1,
    /// The command line, the configuration, a file.
    Usage = 2,
    /// The module was refused.
    Refused = 3,
}

/// What `--help` says of them.
pub const HELP: &str = "\
Exit status:
  0  done, also if the reader of stdout closed it
  1  the guest was stopped: a limit, a trap, a status other than 0, its own failure, Ctrl-C
  2  usage, configuration or I/O; a call with -e that the module does not offer
  3  the module was refused, or has no entry function to run";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
