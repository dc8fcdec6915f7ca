//! Functions of WASI preview 1: one table for linking, import checks, documentation and tests.
//!
//! The module `wasi_snapshot_preview1` has all of them; its predecessor `wasi_unstable` lacks `sock_accept`, and has
//! three different layouts ([`Snapshot`]). See [the chapter on WASI](crate::docs::wasi).

use alloc::vec::Vec;

use super::Capability;
use crate::data::value::{FuncType, ValueType};

/// Module of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Snapshot {
    /// `wasi_snapshot_preview1`.
    Preview1,
    /// `wasi_unstable`: a different order of `whence`, a smaller `filestat`, a larger `subscription`.
    Unstable,
}

impl Snapshot {
    /// Both.
    pub const ALL: [Snapshot; 2] = [Snapshot::Preview1, Snapshot::Unstable];

    /// Returns the module name.
    pub fn module(self) -> &'static str {
        match self {
            Snapshot::Preview1 => "wasi_snapshot_preview1",
            Snapshot::Unstable => "wasi_unstable",
        }
    }

    /// Returns the snapshot with this module name.
    pub fn of(module: &str) -> Option<Snapshot> {
        Snapshot::ALL.into_iter().find(|snapshot| snapshot.module() == module)
    }

    /// Returns the size of a `filestat` in bytes.
    #[cfg(feature = "wasi")]
    pub(crate) fn filestat_bytes(self) -> u32 {
        match self {
            Snapshot::Preview1 => 64,
            Snapshot::Unstable => 56,
        }
    }

    /// Returns the size of a `subscription` in bytes.
    #[cfg(feature = "wasi")]
    pub(crate) fn subscription_bytes(self) -> u32 {
        match self {
            Snapshot::Preview1 => 48,
            Snapshot::Unstable => 56,
        }
    }
}

/// Parameter in the terms of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Param {
    /// An `i32`.
    I32(&'static str),
    /// An `i64`.
    I64(&'static str),
    /// A pointer and the bytes it points to; 0 where that depends on other values.
    Ptr(&'static str, u32),
    /// A pointer to a `filestat`.
    Filestat(&'static str),
    /// A path: a pointer and a length in bytes.
    Path(&'static str),
    /// A buffer: a pointer and a length in bytes.
    Buffer(&'static str),
    /// A list of buffers: a pointer to pairs of pointer and length, and their number.
    Buffers(&'static str),
}

impl Param {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::I32(name)
            | Self::I64(name)
            | Self::Ptr(name, _)
            | Self::Filestat(name)
            | Self::Path(name)
            | Self::Buffer(name)
            | Self::Buffers(name) => name,
        }
    }

    /// Returns the WebAssembly types of this parameter.
    pub fn types(self) -> &'static [ValueType] {
        match self {
            Self::I32(_) | Self::Ptr(..) | Self::Filestat(_) => &[ValueType::I32],
            Self::I64(_) => &[ValueType::I64],
            Self::Path(_) | Self::Buffer(_) | Self::Buffers(_) => &[ValueType::I32, ValueType::I32],
        }
    }
}

/// Function of WASI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// Parameters.
    pub params: &'static [Param],
    /// Description.
    pub meaning: &'static str,
    /// The capabilities that it stands for.
    pub capabilities: &'static [Capability],
    pub(crate) call: Call,
}

impl Function {
    /// Returns its type.
    pub fn ty(&self) -> FuncType {
        let params: Vec<_> = self.params.iter().flat_map(|param| param.types()).copied().collect();
        let results: &[_] = if self.call == Call::ProcExit { &[] } else { &[ValueType::I32] };
        FuncType::new(&params, results)
    }

    /// Returns the result without the capability it needs; `None` if it needs none.
    pub fn denied(&self) -> Option<&'static str> {
        Some(match self.call {
            Call::ArgsGet | Call::ArgsSizesGet => "only the program name",
            Call::EnvironGet | Call::EnvironSizesGet => "no variables",
            Call::ClockResGet | Call::ClockTimeGet => "no clock: `notcapable`",
            Call::PollOneoff => "no clock: an event with `notcapable`",
            Call::RandomGet => "no random bytes: `notcapable`",
            Call::FdWrite => "no log: output to 2 is dropped; no files: `badf`",
            Call::ProcExit | Call::ProcRaise | Call::SchedYield => return None,
            Call::SockAccept | Call::SockRecv | Call::SockSend | Call::SockShutdown => return None,
            Call::PathCreateDirectory
            | Call::PathFilestatSetTimes
            | Call::PathLink
            | Call::PathRemoveDirectory
            | Call::PathRename
            | Call::PathSymlink
            | Call::PathUnlinkFile => "no files: `badf`; read-only: `rofs`",
            Call::PathOpen => "no files: `badf`; read-only: `rofs` to create, truncate or write",
            _ => "no files: `badf`",
        })
    }

    /// Returns whether it takes pointers, and so needs the exported memory.
    pub(crate) fn needs_memory(&self) -> bool {
        self.params.iter().any(|param| !matches!(param, I32(_) | I64(_)))
    }

    /// Returns whether a snapshot has it.
    pub fn is_in(&self, snapshot: Snapshot) -> bool {
        snapshot == Snapshot::Preview1 || self.call != Call::SockAccept
    }
}

/// Returns the snapshot and the function for an import, whether or not this build provides it.
pub fn import(module: &str, name: &str) -> Option<(Snapshot, &'static Function)> {
    let snapshot = Snapshot::of(module)?;
    let function = FUNCTIONS.iter().find(|function| function.name == name && function.is_in(snapshot))?;
    Some((snapshot, function))
}

macro_rules! functions {
    ($($name:literal $call:ident [$($capability:ident),*] ($($param:expr),*): $meaning:literal;)*) => {
        /// Host function that implements an import.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Call { $($call),* }

        /// All functions, in the order of the specification.
        pub const FUNCTIONS: &[Function] =
            &[$(Function {
                name: $name,
                params: &[$($param),*],
                meaning: $meaning,
                capabilities: &[$(Capability::$capability),*],
                call: Call::$call,
            }),*];
    };
}

use Param::{Buffer, Buffers, Filestat, I32, I64, Path, Ptr};

functions! {
    "args_get" ArgsGet [Arguments] (Ptr("argv", 0), Ptr("argv_buf", 0)):
        "writes `wasi.program` and `wasi.args`, null-terminated, and pointers to them";
    "args_sizes_get" ArgsSizesGet [Arguments] (Ptr("argc", 4), Ptr("argv_buf_size", 4)):
        "number and total size of the arguments";
    "environ_get" EnvironGet [Variables] (Ptr("environ", 0), Ptr("environ_buf", 0)):
        "writes `wasi.env` as `NAME=VALUE`, sorted by name, null-terminated, and pointers to them";
    "environ_sizes_get" EnvironSizesGet [Variables] (Ptr("count", 4), Ptr("buf_size", 4)):
        "number and total size of the variables";
    "clock_res_get" ClockResGet [Clock] (I32("id"), Ptr("resolution", 8)):
        "1 ns; `notcapable` with `wasi.clock = \"none\"`, `inval` for an unknown clock";
    "clock_time_get" ClockTimeGet [Clock] (I32("id"), I64("precision"), Ptr("time", 8)):
        "the virtual time: fuel used and time slept, in ns, and for `realtime` since `wasi.clock_start_ns`";
    "fd_advise" FdAdvise [] (I32("fd"), I64("offset"), I64("len"), I32("advice")):
        "nothing";
    "fd_allocate" FdAllocate [] (I32("fd"), I64("offset"), I64("len")):
        "extends the file with zeros to at least this size; `nospc` at the quota";
    "fd_close" FdClose [] (I32("fd")):
        "closes the descriptor; a file without names is removed with its last descriptor";
    "fd_datasync" FdDatasync [] (I32("fd")):
        "syncs a file of the host to disk; no effect on files in memory";
    "fd_fdstat_get" FdFdstatGet [] (I32("fd"), Ptr("stat", 24)):
        "type, flags and rights; the standard streams have unknown type, so they are not terminals";
    "fd_fdstat_set_flags" FdFdstatSetFlags [] (I32("fd"), I32("flags")):
        "sets the flags, of which `append` has an effect";
    "fd_fdstat_set_rights" FdFdstatSetRights [] (I32("fd"), I64("rights_base"), I64("rights_inheriting")):
        "drops rights; `notcapable` for rights that the descriptor does not have";
    "fd_filestat_get" FdFilestatGet [] (I32("fd"), Filestat("stat")):
        "the attributes of an open file";
    "fd_filestat_set_size" FdFilestatSetSize [] (I32("fd"), I64("size")):
        "truncates a file, or extends it with zeros; `nospc` at the quota";
    "fd_filestat_set_times" FdFilestatSetTimes [] (I32("fd"), I64("atim"), I64("mtim"), I32("fst_flags")):
        "sets the times; `now` is the virtual time";
    "fd_pread" FdPread [] (I32("fd"), Buffers("iovs"), I64("offset"), Ptr("nread", 4)):
        "reads at an offset in a file; `spipe` for the standard streams";
    "fd_prestat_get" FdPrestatGet [Files] (I32("fd"), Ptr("prestat", 8)):
        "with `wasi.files`, 3 is the directory `/`; for a module of `wasi_unstable`, 4 is the same, named `.`";
    "fd_prestat_dir_name" FdPrestatDirName [Files] (I32("fd"), Buffer("path")):
        "the name of a preopened directory; `nametoolong` if the buffer is too small";
    "fd_pwrite" FdPwrite [] (I32("fd"), Buffers("iovs"), I64("offset"), Ptr("nwritten", 4)):
        "writes at an offset in a file, or at its end with `append`; `spipe` for the standard streams";
    "fd_read" FdRead [Input] (I32("fd"), Buffers("iovs"), Ptr("nread", 4)):
        "reads at the current offset; descriptor 0 is the input of the run, 0 bytes mean its end";
    "fd_readdir" FdReaddir [Files] (I32("fd"), Buffer("buf"), I64("cookie"), Ptr("bufused", 4)):
        "lists `.`, `..`, configured entries sorted by name, then created entries in order of creation";
    "fd_renumber" FdRenumber [] (I32("fd"), I32("to")):
        "moves a descriptor to the number of another, which must be open";
    "fd_seek" FdSeek [] (I32("fd"), I64("offset"), I32("whence"), Ptr("newoffset", 8)):
        "sets the current offset of a file; `spipe` for the standard streams";
    "fd_sync" FdSync [] (I32("fd")):
        "syncs a file or directory of the host to disk; no effect on files in memory";
    "fd_tell" FdTell [] (I32("fd"), Ptr("offset", 8)):
        "the current offset of a file; `spipe` for the standard streams";
    "fd_write" FdWrite [Output, Log] (I32("fd"), Buffers("iovs"), Ptr("nwritten", 4)):
        "writes at the current offset; descriptor 1 is the output of the run, 2 its log: a message per line, at level info";
    "path_create_directory" PathCreateDirectory [Files] (I32("fd"), Path("path")):
        "creates a directory";
    "path_filestat_get" PathFilestatGet [Files] (I32("fd"), I32("flags"), Path("path"), Filestat("stat")):
        "the attributes of the file at a path";
    "path_filestat_set_times" PathFilestatSetTimes [Files]
        (I32("fd"), I32("flags"), Path("path"), I64("atim"), I64("mtim"), I32("fst_flags")):
        "sets the times of the file at a path";
    "path_link" PathLink [Files] (I32("old_fd"), I32("old_flags"), Path("old_path"), I32("new_fd"), Path("new_path")):
        "creates a hard link; `perm` for a directory, `inval` if links are to be followed";
    "path_open" PathOpen [Files]
        (I32("fd"), I32("dirflags"), Path("path"), I32("oflags"), I64("rights_base"), I64("rights_inheriting"),
         I32("fdflags"), Ptr("opened", 4)):
        "opens with the lowest free descriptor; `notcapable` for rights that the directory does not inherit to it, and for a path outside it";
    "path_readlink" PathReadlink [Files] (I32("fd"), Path("path"), Buffer("buf"), Ptr("bufused", 4)):
        "the target of a symbolic link, truncated to the buffer";
    "path_remove_directory" PathRemoveDirectory [Files] (I32("fd"), Path("path")):
        "removes an empty directory";
    "path_rename" PathRename [Files] (I32("fd"), Path("old_path"), I32("new_fd"), Path("new_path")):
        "renames, and replaces a file or an empty directory";
    "path_symlink" PathSymlink [Files] (Path("old_path"), I32("fd"), Path("new_path")):
        "creates a symbolic link; `notcapable` for an absolute target";
    "path_unlink_file" PathUnlinkFile [Files] (I32("fd"), Path("path")):
        "unlinks a file or a symbolic link; `isdir` for a directory";
    "poll_oneoff" PollOneoff [Clock] (Ptr("in", 0), Ptr("out", 0), I32("nsubscriptions"), Ptr("nevents", 4)):
        "files and streams are ready at once; otherwise the virtual time advances to the first clock event";
    "proc_exit" ProcExit [End] (I32("code")):
        "ends the run, successfully for 0, otherwise with `GuestFault::Status`; does not return";
    "proc_raise" ProcRaise [] (I32("signal")):
        "`nosys`: there are no signals";
    "sched_yield" SchedYield [] ():
        "nothing: there are no other threads";
    "random_get" RandomGet [Random] (Buffer("buf")):
        "the next bytes of the ChaCha20 key stream of `wasi.random_seed`; `notcapable` with `wasi.random = \"none\"`";
    "sock_accept" SockAccept [] (I32("fd"), I32("flags"), Ptr("opened", 4)):
        "`notsock`, or `badf`: no descriptor is a socket";
    "sock_recv" SockRecv [] (I32("fd"), Buffers("ri_data"), I32("ri_flags"), Ptr("nread", 4), Ptr("ro_flags", 2)):
        "`notsock`, or `badf`: no descriptor is a socket";
    "sock_send" SockSend [] (I32("fd"), Buffers("si_data"), I32("si_flags"), Ptr("nwritten", 4)):
        "`notsock`, or `badf`: no descriptor is a socket";
    "sock_shutdown" SockShutdown [] (I32("fd"), I32("how")):
        "`notsock`, or `badf`: no descriptor is a socket";
}
