//! The way in for a host that has only numbers to hand over: run.mjs is one.

use std::panic;

use crate::report::Report;

unsafe extern "C" {
    /// Shows these bytes, which are text.
    fn show(text: *const u8, len: usize);
}

/// Room for so many bytes, which stays.
#[unsafe(no_mangle)]
extern "C" fn room(len: usize) -> *mut u8 {
    vec![0; len].leak().as_mut_ptr()
}

/// Runs the bundle of these bytes. Returns where its report is: the length before it, in four bytes.
///
/// # Safety
///
/// They have been written into `room`.
#[unsafe(no_mangle)]
unsafe extern "C" fn run(bundle: *const u8, len: usize) -> *const u8 {
    // A panic ends the program, which has no way to say why by itself.
    panic::set_hook(Box::new(|why| {
        let text = why.to_string();
        // SAFETY: the text is there until the call is over.
        unsafe { show(text.as_ptr(), text.len()) };
    }));
    // SAFETY: the caller has written all of them.
    let report = Report::of(unsafe { core::slice::from_raw_parts(bundle, len) });
    let text = format!("{}{report}", report.lines());
    [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat().leak().as_ptr()
}
