//! Imports that are refused by design, with the reasons.

use super::label::labels;

labels! {
    /// Capability that no configuration grants.
    pub enum RefusedCapability {
        /// Starting processes and sending them signals.
        Processes = "processes",
        /// Starting threads.
        Threads = "threads",
        /// Sockets and addresses.
        RawSockets = "raw sockets",
        /// Setting the time of a clock.
        SettingClocks = "setting clocks",
    }
}

/// Capability that no configuration grants, with the imports that need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Capability.
    pub capability: RefusedCapability,
    /// Reason, and the alternative.
    pub why: &'static str,
    /// Names of imports that need it, in any of the [`MODULES`].
    pub names: &'static [&'static str],
}

/// Modules whose names have the meaning of an operating system: WASI, WASIX, the threads proposal, and the C libraries
/// of Emscripten.
pub const MODULES: [&str; 6] = ["wasi_snapshot_preview1", "wasi_unstable", "wasix_32v1", "wasix_64v1", "wasi", "env"];

/// All capabilities that are refused.
pub const REFUSED: &[Refused] = &[
    Refused {
        capability: RefusedCapability::Processes,
        why: "guests cannot start or signal processes, which would be outside all limits",
        names: &[
            "proc_fork",
            "proc_fork_env",
            "proc_exec",
            "proc_exec2",
            "proc_exec3",
            "proc_spawn",
            "proc_spawn2",
            "proc_spawn3",
            "proc_join",
            "proc_signal",
            "proc_id",
            "proc_parent",
            "proc_signals_get",
            "proc_signals_sizes_get",
            "callback_signal",
            "fork",
            "vfork",
            "execve",
            "posix_spawn",
            "system",
            "kill",
            "__syscall_fork",
            "__syscall_execve",
            "__syscall_kill",
            "__syscall_wait4",
            "emscripten_system",
            "_emscripten_system",
        ],
    },
    Refused {
        capability: RefusedCapability::Threads,
        why: "a run has one thread: the scheduling of several would not be deterministic",
        names: &[
            "thread-spawn",
            "thread_spawn",
            "thread_spawn_v2",
            "thread_join",
            "thread_exit",
            "thread_signal",
            "futex_wait",
            "futex_wake",
            "futex_wake_all",
            "pthread_create",
            "__pthread_create_js",
            "emscripten_create_wasm_worker",
        ],
    },
    Refused {
        capability: RefusedCapability::RawSockets,
        why: "guests cannot open connections: provide a custom host function for the requests they may make",
        names: &[
            "sock_open",
            "sock_bind",
            "sock_listen",
            "sock_connect",
            "sock_accept_v2",
            "sock_send_to",
            "sock_recv_from",
            "sock_send_file",
            "sock_pair",
            "sock_status",
            "sock_addr_local",
            "sock_addr_peer",
            "sock_addr_resolve",
            "sock_getaddrinfo",
            "sock_getlocaladdr",
            "sock_getpeeraddr",
            "sock_set_opt_flag",
            "sock_get_opt_flag",
            "sock_set_opt_size",
            "sock_get_opt_size",
            "sock_set_opt_time",
            "sock_get_opt_time",
            "sock_setsockopt",
            "sock_getsockopt",
            "sock_join_multicast_v4",
            "sock_join_multicast_v6",
            "sock_leave_multicast_v4",
            "sock_leave_multicast_v6",
            "resolve",
            "port_bridge",
            "port_unbridge",
            "port_dhcp_acquire",
            "port_addr_add",
            "port_addr_remove",
            "port_addr_clear",
            "port_addr_list",
            "port_mac",
            "port_gateway_set",
            "port_route_add",
            "port_route_remove",
            "port_route_clear",
            "port_route_list",
            "socket",
            "__syscall_socket",
            "__syscall_bind",
            "__syscall_connect",
            "__syscall_listen",
            "__syscall_accept4",
            "__syscall_sendto",
            "__syscall_sendmsg",
            "__syscall_recvfrom",
            "__syscall_recvmsg",
            "__syscall_getsockname",
            "__syscall_getpeername",
            "__syscall_getsockopt",
        ],
    },
    Refused {
        capability: RefusedCapability::SettingClocks,
        why: "guests can read a granted clock, but not set any",
        names: &[
            "clock_time_set",
            "clock_settime",
            "settimeofday",
            "adjtime",
            "__syscall_clock_settime",
            "__syscall_settimeofday",
        ],
    },
];

/// Returns the refused capability that an import needs, if there is one.
pub(crate) fn refused(module: &str, name: &str) -> Option<&'static Refused> {
    if !MODULES.contains(&module) {
        return None;
    }
    REFUSED.iter().find(|refused| refused.names.contains(&name))
}
