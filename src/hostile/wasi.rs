//! Programs of WASI that have their made-up system work for ever.

use alloc::{format, string::String};

use super::{Input, Kind, run::attacks};

attacks! {
    "wasi-write-nothing", "writes of nothing, for ever", "limits.fuel" => "stopped: fuel",
        || program("", "(call $write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 0))");
    "wasi-write-empty-buffers", "writes of seven thousand empty buffers, for ever", "limits.fuel" => "stopped: fuel",
        || program("", "(call $write (i32.const 1) (i32.const 8192) (i32.const 7000) (i32.const 0))");
    "wasi-write-output", "output of all of the memory, for ever", "limits.output_bytes" => "stopped: output",
        || program("", "(call $write (i32.const 1) (i32.const 72) (i32.const 1) (i32.const 0))");
    "wasi-write-log", "log lines without end, for ever", "limits.fuel" => "stopped: fuel",
        || program("", "(call $write (i32.const 2) (i32.const 72) (i32.const 1) (i32.const 0))");
    "wasi-read-at-the-end", "reads after the end of the input, for ever", "limits.fuel" => "stopped: fuel",
        || program("", "(call $read (i32.const 0) (i32.const 72) (i32.const 1) (i32.const 0))");
    "wasi-open", "files that are opened and never closed", "limits.open_files" => "stopped: fuel",
        || program("", OPEN);
    "wasi-grow-a-file", "a file that grows and shrinks, for ever", "limits.file_bytes" => "stopped: fuel",
        || program(&format!("(drop {OPEN})"), "(call $size (i32.const 4) (i64.const 4194304))
            (call $size (i32.const 4) (i64.const 0)) i32.add");
    "wasi-large-file", "a file of the largest size there is", "limits.file_bytes" => "stopped: fuel",
        || program(&format!("(drop {OPEN})"), "(call $size (i32.const 4) (i64.const 0x7fffffffffffffff))");
    "wasi-write-far", "a byte at the far end of a file, for ever", "limits.file_bytes" => "stopped: fuel",
        || program(&format!("(drop {OPEN})"),
            "(call $pwrite (i32.const 4) (i32.const 80) (i32.const 1) (i64.const 4194303) (i32.const 0))
             (call $size (i32.const 4) (i64.const 0)) i32.add");
    "wasi-directories", "directories below each other, as deep as they get", "limits.files" => "stopped: fuel",
        || program("", "(call $mkdir (i32.const 3) (i32.const 1024) (local.get 0))
            (local.set 0 (i32.add (local.get 0) (i32.const 2)))");
    "wasi-links", "a link to itself that is followed, for ever", "limits.fuel" => "stopped: fuel",
        || program("(drop (call $symlink (i32.const 1024) (i32.const 1) (i32.const 3) (i32.const 1024) (i32.const 1)))",
            "(call $stat (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const 4000) (i32.const 0))");
    "wasi-long-path", "a path of many names, for ever", "limits.fuel" => "stopped: fuel",
        || program("(drop (call $mkdir (i32.const 3) (i32.const 1024) (i32.const 1)))",
            "(call $stat (i32.const 3) (i32.const 1) (i32.const 1026) (i32.const 4094) (i32.const 0))");
    "wasi-list", "a directory that is listed, for ever", "limits.fuel" => "stopped: fuel",
        || program("", "(call $list (i32.const 3) (i32.const 0) (i32.const 65536) (i64.const 0) (i32.const 0))");
    "wasi-sleep", "sleeps of five hundred years, for ever", "limits.fuel" => "stopped: fuel",
        || program("(i64.store (i32.const 8216) (i64.const -1)) (i32.store (i32.const 8208) (i32.const 1))",
            "(call $poll (i32.const 8192) (i32.const 16384) (i32.const 1) (i32.const 0))");
    "wasi-wait-for-many", "a thousand things to wait for, for ever", "limits.fuel" => "stopped: fuel",
        || program("", "(call $poll (i32.const 8192) (i32.const 0) (i32.const 1000) (i32.const 0))");
    "wasi-random", "random bytes for all of the memory, for ever", "limits.fuel" => "stopped: fuel",
        || program("", "(call $random (i32.const 0) (i32.const 65536))");
    "wasi-arguments", "the arguments, for ever", "limits.fuel" => "stopped: fuel",
        || program("", "(call $args (i32.const 0) (i32.const 64))");
    "wasi-bad-buffer", "a buffer that is not in the memory", "limits.memory_bytes" => "stopped: abi",
        || program("", "(call $read (i32.const 0) (i32.const 88) (i32.const 1) (i32.const 0))");
    "wasi-many-buffers", "more buffers than the memory has bytes", "limits.memory_bytes" => "stopped: abi",
        || program("", "(call $write (i32.const 1) (i32.const 64) (i32.const 0x20000001) (i32.const 0))");
}

/// Makes the file `b`, or opens it.
const OPEN: &str = "(call $open (i32.const 3) (i32.const 0) (i32.const 1026) (i32.const 1) (i32.const 1)
    (i64.const 0x0fffffff) (i64.const 0) (i32.const 0) (i32.const 0))";

/// A program that does this once, and that for ever; local 0 counts for it.
fn program(once: &str, forever: &str) -> Input {
    let functions = [
        ("fd_write", "write", "i32 i32 i32 i32"),
        ("fd_read", "read", "i32 i32 i32 i32"),
        ("fd_pwrite", "pwrite", "i32 i32 i32 i64 i32"),
        ("fd_filestat_set_size", "size", "i32 i64"),
        ("fd_readdir", "list", "i32 i32 i32 i64 i32"),
        ("path_open", "open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
        ("path_create_directory", "mkdir", "i32 i32 i32"),
        ("path_symlink", "symlink", "i32 i32 i32 i32 i32"),
        ("path_filestat_get", "stat", "i32 i32 i32 i32 i32"),
        ("poll_oneoff", "poll", "i32 i32 i32 i32"),
        ("random_get", "random", "i32 i32"),
        ("args_get", "args", "i32 i32"),
    ];
    let import = |(name, id, params): (&str, &str, &str)| {
        format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func ${id} (param {params}) (result i32)))")
    };
    let imports: String = functions.into_iter().map(import).collect();
    // Buffers: none, all of the memory, one byte, and one past the end; then a path of names of one letter.
    let text = format!(
        r#"(module {imports} (memory (export "memory") 1)
            (data (i32.const 72) "\00\00\00\00\00\00\01\00\00\00\00\00\01\00\00\00\ff\ff\00\00\ff\00\00\00")
            (data (i32.const 1024) "{}")
            (func (export "_start") (local i32) (local.set 0 (i32.const 1)) {once}
                (loop {forever} drop (br 0))))"#,
        "a/b/".repeat(1_024)
    );
    Input::new(Kind::Text(text)).with(|config| config.with_args(["x"; 100]).with_file("/", *b"").with_file("/a/", *b""))
}
