//! The functions of WASI preview 1: one table, which linking, import checks, documentation and tests read.
//!
//! Module `wasi_snapshot_preview1` has all of them; its predecessor `wasi_unstable` has all but
//! `sock_accept`, with other layouts in three places (`Snapshot`). What each does in this library is
//! in [the chapter on WASI](crate::docs::wasi).

use alloc::vec::Vec;

use super::Capability;
use crate::value::{FuncType, ValueType};

/// Which of the two modules an import names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Snapshot {
    /// `wasi_snapshot_preview1`.
    Preview1,
    /// `wasi_unstable`: another order of `whence`, a smaller `filestat`, a larger `subscription`.
    Unstable,
}

impl Snapshot {
    /// Both.
    pub const ALL: [Snapshot; 2] = [Snapshot::Preview1, Snapshot::Unstable];

    /// The module's name.
    pub fn module(self) -> &'static str {
        match self {
            Snapshot::Preview1 => "wasi_snapshot_preview1",
            Snapshot::Unstable => "wasi_unstable",
        }
    }

    /// The snapshot of a module's name.
    pub fn of(module: &str) -> Option<Snapshot> {
        Snapshot::ALL.into_iter().find(|snapshot| snapshot.module() == module)
    }

    /// Bytes of a `filestat`.
    #[cfg(feature = "wasi")]
    pub(crate) fn filestat_bytes(self) -> u32 {
        match self {
            Snapshot::Preview1 => 64,
            Snapshot::Unstable => 56,
        }
    }

    /// Bytes of a `subscription`.
    #[cfg(feature = "wasi")]
    pub(crate) fn subscription_bytes(self) -> u32 {
        match self {
            Snapshot::Preview1 => 48,
            Snapshot::Unstable => 56,
        }
    }
}

/// A parameter, as the specification has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Param {
    /// An `i32`.
    I32(&'static str),
    /// An `i64`.
    I64(&'static str),
    /// A pointer to so many bytes; 0 where other things decide how many.
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
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Param::I32(name)
            | Param::I64(name)
            | Param::Ptr(name, _)
            | Param::Filestat(name)
            | Param::Path(name)
            | Param::Buffer(name)
            | Param::Buffers(name) => name,
        }
    }

    /// The types it takes in the function's.
    pub fn types(self) -> &'static [ValueType] {
        match self {
            Param::I32(_) | Param::Ptr(..) | Param::Filestat(_) => &[ValueType::I32],
            Param::I64(_) => &[ValueType::I64],
            Param::Path(_) | Param::Buffer(_) | Param::Buffers(_) => &[ValueType::I32, ValueType::I32],
        }
    }
}

/// A function of WASI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its parameters.
    pub params: &'static [Param],
    /// What it does here.
    pub meaning: &'static str,
    /// The capabilities that it stands for.
    pub capabilities: &'static [Capability],
    pub(crate) call: Call,
}

impl Function {
    /// Its type.
    pub fn ty(&self) -> FuncType {
        let params: Vec<_> = self.params.iter().flat_map(|param| param.types()).copied().collect();
        let results: &[_] = if self.call == Call::ProcExit { &[] } else { &[ValueType::I32] };
        FuncType::new(&params, results)
    }

    /// What it answers where what it needs is not granted; `None` if it needs nothing that could be missing.
    pub fn denied(&self) -> Option<&'static str> {
        Some(match self.call {
            Call::ArgsGet | Call::ArgsSizesGet => "the name alone",
            Call::EnvironGet | Call::EnvironSizesGet => "no variables",
            Call::ClockResGet | Call::ClockTimeGet => "no clock: `notcapable`",
            Call::PollOneoff => "no clock: an event with `notcapable`",
            Call::RandomGet => "no random bytes: `notcapable`",
            Call::FdWrite => "no log: what goes to 2 is dropped; no files: `badf`",
            Call::ProcExit | Call::ProcRaise | Call::SchedYield => return None,
            Call::SockAccept | Call::SockRecv | Call::SockSend | Call::SockShutdown => return None,
            Call::PathCreateDirectory
            | Call::PathFilestatSetTimes
            | Call::PathLink
            | Call::PathRemoveDirectory
            | Call::PathRename
            | Call::PathSymlink
            | Call::PathUnlinkFile => "no files: `badf`; to read only: `rofs`",
            Call::PathOpen => "no files: `badf`; to read only: `rofs` for what makes, cuts or may write",
            _ => "no files: `badf`",
        })
    }

    /// Whether it takes pointers, and so needs the exported memory.
    pub(crate) fn needs_memory(&self) -> bool {
        self.params.iter().any(|param| !matches!(param, Param::I32(_) | Param::I64(_)))
    }

    /// Whether a snapshot has it.
    pub fn is_in(&self, snapshot: Snapshot) -> bool {
        snapshot == Snapshot::Preview1 || self.call != Call::SockAccept
    }
}

/// The function that an import means, whether or not this build provides it.
pub fn import(module: &str, name: &str) -> Option<(Snapshot, &'static Function)> {
    let snapshot = Snapshot::of(module)?;
    let function = FUNCTIONS.iter().find(|function| function.name == name && function.is_in(snapshot))?;
    Some((snapshot, function))
}

macro_rules! functions {
    ($($name:literal $call:ident [$($capability:ident),*] ($($param:expr),*): $meaning:literal;)*) => {
        /// Which host function answers.
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
        "writes `wasi.program` and `wasi.args`, each with a 0 at its end, and where they are";
    "args_sizes_get" ArgsSizesGet [Arguments] (Ptr("argc", 4), Ptr("argv_buf_size", 4)):
        "how many arguments there are, and their bytes";
    "environ_get" EnvironGet [Variables] (Ptr("environ", 0), Ptr("environ_buf", 0)):
        "writes `wasi.env` as `NAME=VALUE`, sorted by name, each with a 0 at its end, and where they are";
    "environ_sizes_get" EnvironSizesGet [Variables] (Ptr("count", 4), Ptr("buf_size", 4)):
        "how many variables there are, and their bytes";
    "clock_res_get" ClockResGet [Clock] (I32("id"), Ptr("resolution", 8)):
        "1 ns; `notcapable` with `wasi.clock = \"none\"`, `inval` for an unknown clock";
    "clock_time_get" ClockTimeGet [Clock] (I32("id"), I64("precision"), Ptr("time", 8)):
        "the virtual time: fuel used and time slept, in ns, and for `realtime` since `wasi.clock_start_ns`";
    "fd_advise" FdAdvise [] (I32("fd"), I64("offset"), I64("len"), I32("advice")):
        "nothing";
    "fd_allocate" FdAllocate [] (I32("fd"), I64("offset"), I64("len")):
        "makes the file at least so large, with zeros; `nospc` at the quota";
    "fd_close" FdClose [] (I32("fd")):
        "closes; a file whose names are all gone goes with its last descriptor";
    "fd_datasync" FdDatasync [] (I32("fd")):
        "writes a file of the host through; files in memory are not kept anywhere";
    "fd_fdstat_get" FdFdstatGet [] (I32("fd"), Ptr("stat", 24)):
        "type, flags and rights; the standard streams are of unknown type, so no terminals";
    "fd_fdstat_set_flags" FdFdstatSetFlags [] (I32("fd"), I32("flags")):
        "sets the flags, of which `append` has an effect";
    "fd_fdstat_set_rights" FdFdstatSetRights [] (I32("fd"), I64("rights_base"), I64("rights_inheriting")):
        "takes rights away; `notcapable` for any that is not there";
    "fd_filestat_get" FdFilestatGet [] (I32("fd"), Filestat("stat")):
        "the attributes of an open file";
    "fd_filestat_set_size" FdFilestatSetSize [] (I32("fd"), I64("size")):
        "cuts a file, or makes it longer with zeros; `nospc` at the quota";
    "fd_filestat_set_times" FdFilestatSetTimes [] (I32("fd"), I64("atim"), I64("mtim"), I32("fst_flags")):
        "sets the times; `now` is the virtual time";
    "fd_pread" FdPread [] (I32("fd"), Buffers("iovs"), I64("offset"), Ptr("nread", 4)):
        "reads from a place in a file; `spipe` for the standard streams";
    "fd_prestat_get" FdPrestatGet [Files] (I32("fd"), Ptr("prestat", 8)):
        "with `wasi.files`, 3 is the directory `/`; a module of `wasi_unstable` has it as 4, named `.`, too";
    "fd_prestat_dir_name" FdPrestatDirName [Files] (I32("fd"), Buffer("path")):
        "the name of such a directory; `nametoolong` where it does not fit";
    "fd_pwrite" FdPwrite [] (I32("fd"), Buffers("iovs"), I64("offset"), Ptr("nwritten", 4)):
        "writes to a place in a file, or to its end with `append`; `spipe` for the standard streams";
    "fd_read" FdRead [Input] (I32("fd"), Buffers("iovs"), Ptr("nread", 4)):
        "reads on; 0 is the input of the run, and 0 bytes its end";
    "fd_readdir" FdReaddir [Files] (I32("fd"), Buffer("buf"), I64("cookie"), Ptr("bufused", 4)):
        "lists: `.`, `..`, what was given in the order of names, then what was made in its order";
    "fd_renumber" FdRenumber [] (I32("fd"), I32("to")):
        "moves a descriptor over another, which has to be open";
    "fd_seek" FdSeek [] (I32("fd"), I64("offset"), I32("whence"), Ptr("newoffset", 8)):
        "moves the place in a file; `spipe` for the standard streams";
    "fd_sync" FdSync [] (I32("fd")):
        "writes a file or directory of the host through; files in memory are not kept anywhere";
    "fd_tell" FdTell [] (I32("fd"), Ptr("offset", 8)):
        "the place in a file; `spipe` for the standard streams";
    "fd_write" FdWrite [Output, Log] (I32("fd"), Buffers("iovs"), Ptr("nwritten", 4)):
        "writes on; 1 is the output of the run, 2 its log: a message for each line, at level info";
    "path_create_directory" PathCreateDirectory [Files] (I32("fd"), Path("path")):
        "makes a directory";
    "path_filestat_get" PathFilestatGet [Files] (I32("fd"), I32("flags"), Path("path"), Filestat("stat")):
        "the attributes of what a path names";
    "path_filestat_set_times" PathFilestatSetTimes [Files]
        (I32("fd"), I32("flags"), Path("path"), I64("atim"), I64("mtim"), I32("fst_flags")):
        "sets the times of what a path names";
    "path_link" PathLink [Files] (I32("old_fd"), I32("old_flags"), Path("old_path"), I32("new_fd"), Path("new_path")):
        "gives a file one more name; `perm` for a directory, `inval` if links are to be followed";
    "path_open" PathOpen [Files]
        (I32("fd"), I32("dirflags"), Path("path"), I32("oflags"), I64("rights_base"), I64("rights_inheriting"),
         I32("fdflags"), Ptr("opened", 4)):
        "opens under the lowest free number; `notcapable` for rights that the directory does not pass on, and for a path out of it";
    "path_readlink" PathReadlink [Files] (I32("fd"), Path("path"), Buffer("buf"), Ptr("bufused", 4)):
        "the target of a symbolic link, as much of it as fits";
    "path_remove_directory" PathRemoveDirectory [Files] (I32("fd"), Path("path")):
        "removes an empty directory";
    "path_rename" PathRename [Files] (I32("fd"), Path("old_path"), I32("new_fd"), Path("new_path")):
        "renames, over a file or an empty directory where one is there";
    "path_symlink" PathSymlink [Files] (Path("old_path"), I32("fd"), Path("new_path")):
        "makes a symbolic link; `notcapable` for an absolute target";
    "path_unlink_file" PathUnlinkFile [Files] (I32("fd"), Path("path")):
        "removes a name of a file, or a link; `isdir` for a directory";
    "poll_oneoff" PollOneoff [Clock] (Ptr("in", 0), Ptr("out", 0), I32("nsubscriptions"), Ptr("nevents", 4)):
        "files and streams are ready at once; else the virtual time goes on to the first of the clocks";
    "proc_exit" ProcExit [End] (I32("code")):
        "ends the run: with success for 0, else with `StopReason::Status`; does not return";
    "proc_raise" ProcRaise [] (I32("signal")):
        "`nosys`: there are no signals";
    "sched_yield" SchedYield [] ():
        "nothing: there is nobody else";
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
