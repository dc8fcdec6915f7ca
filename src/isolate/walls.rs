//! The walls around a worker: what this build has, and how a worker puts them up around itself.
//!
//! It does so before it has read anything that is not the embedding program's own word.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::bounds::Bounds;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod filter;

/// A wall around a worker.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Wall {
    /// What it is called.
    pub name: &'static str,
    /// What it keeps out.
    pub what: &'static str,
    build: fn(&Bounds) -> io::Result<()>,
}

/// All walls of this build, in the order in which they go up. Each is there, or nothing is run.
pub(super) const WALLS: &[Wall] = &[
    Wall {
        name: "process",
        what: "an address space and a process group of its own, no environment variable, no directory but the root, \
               no stream but to the process that started it, which ends it when it is silent for too long",
        // It is there as soon as the worker is.
        build: |_| Ok(()),
    },
    Wall {
        name: "limits",
        what: "no file written, none opened, no process or thread started, no core dump; \
               time on the processor as fuel and deadline ask for",
        build: limits,
    },
    #[cfg(not(any(target_vendor = "apple", target_os = "openbsd")))]
    Wall {
        name: "memory",
        what: "address space as the limits of the run and the size of the module ask for",
        build: memory,
    },
    #[cfg(target_os = "linux")]
    Wall { name: "undumpable", what: "no other process of the same user may look into it", build: undumpable },
    #[cfg(target_os = "linux")]
    Wall { name: "parent", what: "it ends with the thread that started it", build: parent },
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
    Wall {
        name: "seccomp",
        what: "no call of the system but to read the job, write the answer, manage memory that is not executable, \
               read clocks, take random bytes and end; any other kills it; no new privileges",
        build: filter::apply,
    },
];

/// Puts up all walls; what failed, if one did.
pub(super) fn build(bounds: &Bounds) -> Result<(), (&'static str, i32)> {
    for wall in WALLS {
        (wall.build)(bounds).map_err(|error| (wall.name, error.raw_os_error().unwrap_or(0)))?;
    }
    Ok(())
}

fn limits(bounds: &Bounds) -> io::Result<()> {
    // One second more until the signal that cannot be caught, so that the first is seen.
    let seconds = bounds.processor_seconds;
    limit(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Nproc, 0, 0)?;
    // The three that it has.
    limit(Resource::Nofile, 3, 3)
}

#[cfg(not(any(target_vendor = "apple", target_os = "openbsd")))]
fn memory(bounds: &Bounds) -> io::Result<()> {
    limit(Resource::As, bounds.address_bytes, bounds.address_bytes)
}

/// Sets a limit, or leaves it where it is lower already.
fn limit(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let ceiling = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let new = Rlimit { current: Some(current.min(ceiling)), maximum: Some(maximum.min(ceiling)) };
    Ok(setrlimit(resource, new)?)
}

#[cfg(target_os = "linux")]
fn undumpable(_: &Bounds) -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// If it is gone by now, there will be no job to read either.
#[cfg(target_os = "linux")]
fn parent(_: &Bounds) -> io::Result<()> {
    use rustix::process::{Signal, set_parent_process_death_signal};
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{
        env, fs, hint, net, os::unix::process::ExitStatusExt, panic, process, process::Command, thread, time::Duration,
        vec::Vec,
    };

    use super::*;

    /// Which attempt the child is to make.
    const ATTEMPT: &str = "BELLJAR_ATTEMPT";
    const BOUNDS: Bounds = Bounds { address_bytes: 1 << 30, processor_seconds: 1, loading_seconds: 1 };
    const DONE: i32 = 42;

    /// How a process ends that makes this attempt within the walls: a signal or a status.
    fn end(attempt: &str) -> Result<i32, Option<i32>> {
        let mut child = Command::new(env::current_exe().unwrap());
        child
            .args(["--test-threads=1", "--ignored", "--exact", "isolate::walls::tests::child"])
            .env_clear()
            .env(ATTEMPT, attempt);
        let status = child.output().unwrap().status;
        status.signal().ok_or(status.code())
    }

    #[test]
    fn what_is_forbidden_kills() {
        let seccomp = WALLS.iter().any(|wall| wall.name == "seccomp");
        for attempt in ["open", "read", "connect", "start", "thread", "stat"].into_iter().filter(|_| seccomp) {
            assert_eq!(end(attempt), Ok(libc::SIGSYS), "{attempt}");
        }
    }

    #[test]
    fn what_goes_wrong_ends_as_ever() {
        assert_eq!(end("nothing"), Err(Some(DONE)));
        assert_eq!(end("panic"), Err(Some(DONE)));
        assert_eq!(end("memory"), Err(Some(DONE)));
        assert_eq!(end("abort"), Ok(libc::SIGABRT));
        assert_eq!(end("spin"), Ok(libc::SIGXCPU));
        assert_eq!(end("recurse"), Ok(libc::SIGABRT));
    }

    #[test]
    #[ignore = "a child of the other tests"]
    fn child() {
        let attempt = env::var(ATTEMPT).unwrap();
        let file = fs::File::open(env::current_exe().unwrap()).unwrap();
        let exe = env::current_exe().unwrap();
        // The main thread is locked in as well, and may not begin to wait for this one then.
        thread::sleep(Duration::from_millis(200));
        build(&BOUNDS).unwrap();
        match attempt.as_str() {
            "open" => drop(fs::File::open(&exe)),
            // One that was open before.
            "read" => drop(io::Read::read(&mut &file, &mut [0])),
            "connect" => drop(net::TcpStream::connect("127.0.0.1:1")),
            "start" => drop(Command::new(&exe).spawn()),
            "thread" => drop(thread::Builder::new().spawn(|| ())),
            "stat" => drop(fs::metadata(&exe)),
            "panic" => assert!(panic::catch_unwind(|| panic!("as it was asked to")).is_err()),
            "memory" => assert!(Vec::<u8>::new().try_reserve(1 << 30).is_err()),
            "abort" => process::abort(),
            "spin" => loop {
                hint::spin_loop();
            },
            "recurse" => {
                recurse(0);
            }
            _ => {}
        }
        process::exit(DONE);
    }

    fn recurse(depth: u64) -> u64 {
        hint::black_box(depth) + if depth < u64::MAX { recurse(depth + 1) } else { 0 }
    }
}
