//! Formats of files that are not WebAssembly.

use super::label::labels;

labels! {
    /// Format that bytes resemble which are not WebAssembly.
    pub enum FileFormat {
        /// An executable of Linux and other systems.
        Elf = "an ELF executable",
        /// An executable of Windows.
        WindowsExecutable = "a Windows executable",
        /// An executable of macOS.
        MachO = "a Mach-O executable",
        /// Bitcode of LLVM.
        LlvmBitcode = "LLVM bitcode",
        /// An archive of object files.
        StaticLibrary = "a static library",
        /// Data compressed by gzip.
        Gzip = "gzip data",
        /// A zip archive.
        Zip = "a zip archive",
        /// Data compressed by zstd.
        Zstd = "zstd data",
        /// HTML or XML.
        Markup = "HTML or XML",
        /// JSON.
        Json = "JSON",
        /// The text format of WebAssembly.
        WasmText = "WebAssembly text",
    }
}
