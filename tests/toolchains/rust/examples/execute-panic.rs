//! Panics with a message, without WASI.

#[unsafe(no_mangle)]
pub extern "C" fn execute(_ptr: usize, len: usize) -> i32 {
    panic!("out of tea, of {len} bytes");
}
