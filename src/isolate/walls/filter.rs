//! The calls of the system that a worker may make; at any other, the system kills it.

use std::{collections::BTreeMap, io};

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

use crate::isolate::bounds::Bounds;

/// Calls that are harmless whatever they are given.
const HARMLESS: &[c_long] = &[
    // memory
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // signals of its own: a stack that overflows is told by one
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // what time it is, who it is, random bytes
    libc::SYS_clock_gettime,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_sched_yield,
    // its end
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What may be added to an operation on a futex.
const FUTEX_FLAGS: u64 = (libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME) as u64;

/// Locks the whole process in, with whatever threads it has.
pub(super) fn apply(_: &Bounds) -> io::Result<()> {
    let program = program(std::process::id()).map_err(|_| io::Error::from_raw_os_error(libc::ENOSYS))?;
    apply_filter_all_threads(&program).map_err(|error| match error {
        Error::Prctl(error) | Error::Seccomp(error) => error,
        Error::ThreadSync(_) => io::Error::from_raw_os_error(libc::EBUSY),
        _ => io::Error::from_raw_os_error(libc::EINVAL),
    })
}

fn program(own_id: u32) -> Result<BpfProgram, BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq};
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = HARMLESS.iter().map(|call| (*call, Vec::new())).collect();
    let mut also = |call, checks: &[(u8, SeccompCmpOp, u64)]| {
        let condition = |(place, how, value): &(u8, SeccompCmpOp, u64)| {
            SeccompCondition::new(*place, SeccompCmpArgLen::Dword, how.clone(), *value)
        };
        let rule = SeccompRule::new(checks.iter().map(condition).collect::<Result<_, _>>()?)?;
        rules.entry(call).or_default().push(rule);
        Ok::<_, BackendError>(())
    };
    // The job, the answer, and words that nobody listens to. What else may be open from before, a
    // worker cannot close, and so must not be able to use.
    also(libc::SYS_read, &[(0, Eq, 0)])?;
    also(libc::SYS_write, &[(0, Eq, 1)])?;
    also(libc::SYS_write, &[(0, Eq, 2)])?;
    also(libc::SYS_writev, &[(0, Eq, 2)])?;
    // Memory that cannot be executed, and is no file.
    let not_executable = (2, MaskedEq(libc::PROT_EXEC as u64), 0);
    also(libc::SYS_mmap, &[not_executable.clone(), (4, Eq, u64::from(u32::MAX))])?;
    also(libc::SYS_mprotect, &[not_executable])?;
    // To wake other threads, of which there are none; to wait for them is not allowed.
    also(libc::SYS_futex, &[(1, MaskedEq(!FUTEX_FLAGS), libc::FUTEX_WAKE as u64)])?;
    // To abort itself, and nobody else.
    also(libc::SYS_tgkill, &[(0, Eq, own_id.into()), (2, Eq, libc::SIGABRT as u64)])?;
    also(libc::SYS_tkill, &[(0, Eq, own_id.into()), (1, Eq, libc::SIGABRT as u64)])?;

    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}
