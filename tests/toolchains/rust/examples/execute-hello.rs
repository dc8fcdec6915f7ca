//! Writes a line as output, without WASI.

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn write_output(ptr: *const u8, len: usize);
}

#[unsafe(no_mangle)]
pub extern "C" fn execute(_ptr: usize, _len: usize) -> i32 {
    let hello = format!("hel{}\n", "lo");
    unsafe { write_output(hello.as_ptr(), hello.len()) };
    0
}
