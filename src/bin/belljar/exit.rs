//! What the exit status says.

use std::process::ExitCode;

/// The exit statuses; a larger one is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// The guest came to its end, or what was asked for is done.
    Done,
    /// The guest was stopped.
    Stopped,
    /// The command line, the configuration, a file.
    Usage,
    /// The module was refused.
    Refused,
    /// The status of the guest's own, where that is asked for.
    Guest(u8),
}

impl Exit {
    /// What is left of a status other than 0, which stays one.
    pub fn of_guest(status: i32) -> Exit {
        Exit::Guest((status as u8).max(1))
    }
}

/// What `--help` says of them.
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
