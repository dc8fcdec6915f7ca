//! Exit statuses.

use std::process::ExitCode;

/// An exit status. A later variant is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// The command succeeded.
    Done,
    /// The guest was stopped.
    Stopped,
    /// The command line, the configuration or a file is wrong.
    Usage,
    /// The module was refused.
    Refused,
    /// The status that the guest returned, with `--exit-with-guest`.
    Guest(u8),
}

impl Exit {
    /// Converts a status other than 0 to its lowest eight bits, or to 1 if those are 0.
    pub fn of_guest(status: i32) -> Exit {
        Exit::Guest((status as u8).max(1))
    }
}

/// The exit statuses in `--help`.
pub const HELP: &str = "\
Exit status:
  0  done, also if the reader of stdout closed it
  1  the guest was stopped: a limit, a trap, a status other than 0, its own failure, Ctrl-C
  2  usage, configuration or I/O; a call with -e that the module does not offer
  3  the module was refused, or has no entry function to run
With --exit-with-guest, a status other than 0 of the guest is the exit status.";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Stopped => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Guest(status) => status,
        })
    }
}
