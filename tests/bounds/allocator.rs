//! An allocator that counts, for each thread, what is allocated, and denies what it is told to.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

pub struct Counting;

thread_local! {
    /// Bytes that this thread has allocated and not freed; less than nothing if it frees another's.
    static NOW: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
    /// Allocations of so many bytes are denied.
    static DENIED: Cell<usize> = const { Cell::new(usize::MAX) };
    /// How many allocations were denied.
    static DENIALS: Cell<u64> = const { Cell::new(0) };
}

/// What this thread has allocated and not freed, in bytes.
pub fn live() -> i64 {
    NOW.get()
}

/// The result of `body`, and how much more was allocated in it at a time than before it.
pub fn peak_of<R>(body: impl FnOnce() -> R) -> (R, u64) {
    let before = NOW.get();
    PEAK.set(before);
    let result = body();
    (result, (PEAK.get() - before) as u64)
}

/// The result of `body` where no allocation of `size` bytes or more is to be had, and how many were denied.
pub fn deny<R>(size: usize, body: impl FnOnce() -> R) -> (R, u64) {
    DENIALS.set(0);
    DENIED.set(size);
    let result = body();
    DENIED.set(usize::MAX);
    (result, DENIALS.get())
}

fn denied(size: usize) -> bool {
    let denied = size >= DENIED.get();
    DENIALS.set(DENIALS.get() + u64::from(denied));
    denied
}

fn add(size: usize) {
    NOW.set(NOW.get() + size as i64);
    PEAK.set(PEAK.get().max(NOW.get()));
}

fn sub(size: usize) {
    NOW.set(NOW.get() - size as i64);
}

// SAFETY: every call goes to the system's allocator as it is, or fails as an allocator may.
#[expect(unsafe_code, reason = "an allocator is")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if denied(layout.size()) {
            return std::ptr::null_mut();
        }
        add(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if denied(layout.size()) {
            return std::ptr::null_mut();
        }
        add(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        sub(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    /// Counted as an allocator does it that has to copy: the old and the new are there at once.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if denied(size) {
            return std::ptr::null_mut();
        }
        add(size);
        sub(layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}
