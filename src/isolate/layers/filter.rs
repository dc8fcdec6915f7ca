//! The system calls that a worker may make. Any other kills it.

use std::{collections::BTreeMap, io};

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

use crate::isolate::bounds::Bounds;

/// System calls that are harmless with any arguments.
const HARMLESS: &[c_long] = &[
    // memory
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // its own signals: a stack overflow raises one
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // time, process and thread ID, random bytes
    libc::SYS_clock_gettime,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_sched_yield,
    // exit
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Flags of a futex operation.
const FUTEX_FLAGS: u64 = (libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME) as u64;

/// Applies the filter to all threads of the process.
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
    let mut allow = |call, checks: &[(u8, SeccompCmpOp, u64)]| {
        let condition = |(argument, operator, value): &(u8, SeccompCmpOp, u64)| {
            SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), *value)
        };
        let rule = SeccompRule::new(checks.iter().map(condition).collect::<Result<_, _>>()?)?;
        rules.entry(call).or_default().push(rule);
        Ok::<_, BackendError>(())
    };
    // Stdin has the job, stdout takes the replies, stderr is discarded. Other files may be open that were inherited:
    // a worker cannot close them, so it must not be able to use them.
    allow(libc::SYS_read, &[(0, Eq, 0)])?;
    allow(libc::SYS_write, &[(0, Eq, 1)])?;
    allow(libc::SYS_write, &[(0, Eq, 2)])?;
    allow(libc::SYS_writev, &[(0, Eq, 2)])?;
    // Memory that is neither executable nor a file.
    let not_executable = (2, MaskedEq(libc::PROT_EXEC as u64), 0);
    allow(libc::SYS_mmap, &[not_executable.clone(), (4, Eq, u64::from(u32::MAX))])?;
    allow(libc::SYS_mprotect, &[not_executable])?;
    // It may wake other threads, although it has only one, and not wait for them.
    allow(libc::SYS_futex, &[(1, MaskedEq(!FUTEX_FLAGS), libc::FUTEX_WAKE as u64)])?;
    // It may abort itself only.
    allow(libc::SYS_tgkill, &[(0, Eq, own_id.into()), (2, Eq, libc::SIGABRT as u64)])?;
    allow(libc::SYS_tkill, &[(0, Eq, own_id.into()), (1, Eq, libc::SIGABRT as u64)])?;

    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}
