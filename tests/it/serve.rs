//! `belljar serve`: what guests are given and answer, what clients may do to it, how it ends.

mod client;
mod crowd;
mod ends;
mod forms;
mod gone;
mod life;
mod program;
mod told;
mod tools;
#[cfg(target_os = "linux")]
mod turns;
mod wire;

use program::Served;

/// The guest that does what the path says, with little fuel unless it is given more.
fn acts(args: &[&str]) -> Served {
    let fuel = if args.contains(&"--fuel-limit") { &[][..] } else { &["--fuel-limit", "3M"] };
    Served::new("fixtures/serve/acts.wat", &[&["--text", "--memory-limit", "4MiB"], fuel, args].concat())
}
