//! Ctrl-C, which cancels a run.

use std::process;

use belljar::Cancel;

use crate::console::Console;

/// Cancels the run at the first Ctrl-C, so that its output so far is kept, and exits at the second.
pub fn cancel_run(cancel: Cancel, console: &Console) {
    let set = ctrlc::set_handler(move || {
        if cancel.is_cancelled() {
            // The exit status that shells report for a program that SIGINT has ended.
            process::exit(130);
        }
        cancel.cancel();
    });
    if let Err(error) = set {
        console.note(format_args!("Ctrl-C ends the program at once, without the output so far: {error}"));
    }
}
