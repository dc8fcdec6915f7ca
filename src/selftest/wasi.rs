//! Checks of WASI programs at the limits of their files, each of which returns an error number.

use super::list;

/// Builds a program that creates the files `a` and `b`, and traps unless the second returns this error number.
macro_rules! second_file {
    ($errno:literal) => {
        concat!(
            "(module (import \"wasi_snapshot_preview1\" \"path_open\"
                (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (memory (export \"memory\") 1) (data (i32.const 0) \"ab\")
            (func (param i32) (result i32)
                (call 0 (i32.const 3) (i32.const 0) (local.get 0) (i32.const 1) (i32.const 1)
                    (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 64)))
            (func (export \"_start\") (drop (call 1 (i32.const 0)))
                (if (i32.ne (call 1 (i32.const 1)) (i32.const ",
            $errno,
            ")) (then (unreachable)))))"
        )
    };
}

list! {
    "files", "two files beside the root", "limits.files", "limits.files = 2\nwasi.files = { \"/\" = \"\" }" => "done",
        Module(second_file!(51));
    "open-files", "two open files beside four descriptors", "limits.open_files",
        "limits.open_files = 5\nwasi.files = { \"/\" = \"\" }" => "done", Module(second_file!(33));
    "file-bytes", "a file of 8 bytes", "limits.file_bytes", "limits.file_bytes = 7\nwasi.files = { \"/a\" = \"\" }"
        => "done",
        Module("(module (import \"wasi_snapshot_preview1\" \"path_open\"
                (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import \"wasi_snapshot_preview1\" \"fd_filestat_set_size\" (func (param i32 i64) (result i32)))
            (memory (export \"memory\") 1) (data (i32.const 0) \"a\")
            (func (export \"_start\")
                (drop (call 0 (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
                    (i64.const 0x400040) (i64.const 0) (i32.const 0) (i32.const 64)))
                (if (i32.ne (call 1 (i32.load (i32.const 64)) (i64.const 8)) (i32.const 51)) (then (unreachable)))))");
}
