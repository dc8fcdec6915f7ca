//! The isolation layers of a worker, which a worker activates for itself.
//!
//! It does so before it has read any untrusted data.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::bounds::Bounds;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod filter;

/// An isolation layer of a worker.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct IsolationLayer {
    /// Name, as in the table of [`docs::isolation`](crate::docs::isolation).
    pub name: &'static str,
    /// Description of what it restricts.
    pub description: &'static str,
    apply: fn(&Bounds) -> io::Result<()>,
}

/// All layers of this build, in order of activation. A worker without all of them runs nothing.
pub(super) const LAYERS: &[IsolationLayer] = &[
    IsolationLayer {
        name: "process",
        description: "a separate address space and process group, no environment variables, the root directory, \
                      one connection, to the process that started it, which ends it when it is idle for too long",
        // Active from the start of the process.
        apply: |_| Ok(()),
    },
    IsolationLayer {
        name: "limits",
        description: "no file written or opened, no process or thread started, no core dump; \
                      processor time as fuel and deadline require",
        apply: limits,
    },
    #[cfg(not(any(target_vendor = "apple", target_os = "openbsd")))]
    IsolationLayer {
        name: "memory",
        description: "address space as the limits of the run and the size of the module require",
        apply: memory,
    },
    #[cfg(target_os = "linux")]
    IsolationLayer {
        name: "undumpable",
        description: "no other process of the same user may read its memory",
        apply: undumpable,
    },
    #[cfg(target_os = "linux")]
    IsolationLayer { name: "parent", description: "it ends with the thread that started it", apply: parent },
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
    IsolationLayer {
        name: "seccomp",
        description: "no system calls but to read the job, write replies, manage memory that is not executable, \
                      read clocks, get random bytes and exit; any other kills it; no new privileges",
        apply: filter::apply,
    },
];

/// Name of one of the [`LAYERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LayerName(pub(super) &'static str);

/// Activates all layers. Returns the name of the one that failed, and the error code of the system.
pub(super) fn apply_all(bounds: &Bounds) -> Result<(), (LayerName, i32)> {
    for layer in LAYERS {
        (layer.apply)(bounds).map_err(|error| (LayerName(layer.name), error.raw_os_error().unwrap_or(0)))?;
    }
    Ok(())
}

fn limits(bounds: &Bounds) -> io::Result<()> {
    // The signal that cannot be caught comes one second later, so that SIGXCPU is the one reported.
    let seconds = bounds.processor_seconds;
    limit(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Nproc, 0, 0)?;
    // Stdin, stdout and stderr.
    limit(Resource::Nofile, 3, 3)
}

#[cfg(not(any(target_vendor = "apple", target_os = "openbsd")))]
fn memory(bounds: &Bounds) -> io::Result<()> {
    limit(Resource::As, bounds.address_bytes, bounds.address_bytes)
}

/// Sets a resource limit, or keeps a lower one.
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

/// Ends the worker with its parent. If the parent has ended before, there is no job to read.
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

    /// Environment variable with the attempt that the child makes.
    const ATTEMPT: &str = "BELLJAR_ATTEMPT";
    const BOUNDS: Bounds = Bounds { address_bytes: 1 << 30, processor_seconds: 1, loading_seconds: 1 };
    const DONE: i32 = 42;

    /// Starts a process that makes this attempt within all layers, and returns its signal or exit status.
    fn end(attempt: &str) -> Result<i32, Option<i32>> {
        let mut child = Command::new(env::current_exe().unwrap());
        child
            .args(["--test-threads=1", "--ignored", "--exact", "isolate::layers::tests::child"])
            .env_clear()
            .env(ATTEMPT, attempt);
        let status = child.output().unwrap().status;
        status.signal().ok_or(status.code())
    }

    #[test]
    fn forbidden_system_calls_kill() {
        let seccomp = LAYERS.iter().any(|layer| layer.name == "seccomp");
        for attempt in ["open", "read", "connect", "start", "thread", "stat"].into_iter().filter(|_| seccomp) {
            assert_eq!(end(attempt), Ok(libc::SIGSYS), "{attempt}");
        }
    }

    #[test]
    fn failures_end_as_without_layers() {
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
        // The filter applies to the main thread too, which must have begun to wait for this one by then.
        thread::sleep(Duration::from_millis(200));
        apply_all(&BOUNDS).unwrap();
        match attempt.as_str() {
            "open" => drop(fs::File::open(&exe)),
            // The file was opened before.
            "read" => drop(io::Read::read(&mut &file, &mut [0])),
            "connect" => drop(net::TcpStream::connect("127.0.0.1:1")),
            "start" => drop(Command::new(&exe).spawn()),
            "thread" => drop(thread::Builder::new().spawn(|| ())),
            "stat" => drop(fs::metadata(&exe)),
            "panic" => assert!(panic::catch_unwind(|| panic!("on request")).is_err()),
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
