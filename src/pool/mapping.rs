//! Memory of the system's, of which it tells what was touched. The only file with `unsafe` code.
//!
//! A mapping is private to the process and backed by no file: what was never written, or was given back with
//! `MADV_DONTNEED`, reads as zeros ([madvise(2)](https://man7.org/linux/man-pages/man2/madvise.2.html)). Which
//! pages were touched the system tells through `PAGEMAP_SCAN`
//! ([pagemap](https://docs.kernel.org/admin-guide/mm/pagemap.html)), since Linux 6.7: those that are present, but for
//! the system's own page of zeros, or swapped out. All others are zeros.
#![allow(unsafe_code, reason = "zeroing what was not touched costs more than most runs")]

extern crate std;

use core::{ptr, slice};
use std::sync::OnceLock;

use libc::{c_int, c_ulong, c_void};
use wasmi::{Memory, MemoryType, Store};

use crate::host::Host;

/// So many bytes that were touched are kept and zeroed; of more than these, all is given back to the system.
const RESIDENT_BYTES: usize = 256 << 10;

/// So many ranges that were touched are asked for.
const RANGES: usize = 64;

/// A range of pages that only this process has.
pub(super) struct Mapping {
    start: *mut u8,
    len: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread, and nothing reads or writes through it but the
// one memory it is given to.
unsafe impl Send for Mapping {}
// SAFETY: likewise; there is nothing to do with a shared reference to one.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(super) fn is_supported() -> bool {
        true
    }

    /// Reserves so many bytes, all zeros; `None` if the system has none.
    pub(super) fn new(len: usize) -> Option<Mapping> {
        let start = map(len)?;
        // Huge pages would make much of little that was touched. Where there are none, this fails.
        // SAFETY: the range was mapped just now.
        unsafe { libc::madvise(start, len, libc::MADV_NOHUGEPAGE) };
        Some(Mapping { start: start.cast(), len })
    }

    /// The memory on this mapping; it is made once, and its store is dropped before the mapping.
    pub(super) fn memory(&mut self, store: &mut Store<Host>, ty: MemoryType) -> Option<Memory> {
        // SAFETY: the range is mapped for reading and writing, and nobody else has a reference to it. It does
        // not live for ever, but longer than the store, which is the only place it goes to: `Place` and
        // `Recipe::make` drop the store first.
        let bytes: &'static mut [u8] = unsafe { slice::from_raw_parts_mut(self.start, self.len) };
        Memory::new_static(store, ty, bytes).ok()
    }

    /// Makes all of the mapping zeros, given the memory that is on it. `false` if it cannot be done.
    pub(super) fn zero(&mut self, memory: &mut [u8]) -> bool {
        self.zero_touched(memory).is_some() || self.give_back()
    }

    /// Zeroes what was touched; `None` if that is much, or not known.
    fn zero_touched(&mut self, memory: &mut [u8]) -> Option<()> {
        let mut ranges = [Range::default(); RANGES];
        let touched = Pagemap::open()?.touched(self.start as u64, self.len as u64, &mut ranges)?;
        if touched.iter().map(|range| range.end - range.start).sum::<u64>() > RESIDENT_BYTES as u64 {
            return None;
        }
        for range in touched {
            let from = usize::try_from(range.start - self.start as u64).ok()?;
            let to = usize::try_from(range.end - self.start as u64).ok()?;
            // Beyond the memory's end nothing was ever touched; if something was, all is given back.
            memory.get_mut(from..to)?.fill(0);
        }
        Some(())
    }

    /// Gives all pages back to the system.
    fn give_back(&mut self) -> bool {
        // SAFETY: the range is mapped, private and of no file, so that it reads as zeros afterwards. No
        // reference to it is in use: the memory's bytes are borrowed by the caller, who waits.
        unsafe { libc::madvise(self.start.cast(), self.len, libc::MADV_DONTNEED) == 0 }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new`, and the memory on it is gone.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

fn map(len: usize) -> Option<*mut c_void> {
    let (access, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE);
    // SAFETY: a new range, wherever the system has room for it.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, -1, 0) };
    (start != libc::MAP_FAILED).then_some(start)
}

/// The system's account of this process's pages.
struct Pagemap {
    file: c_int,
    /// A page that holds a one, but a zero in a process that was forked off: there the file tells of the
    /// pages of its parent.
    own: *const u8,
}

// SAFETY: a number, and a page that is only read.
unsafe impl Send for Pagemap {}
// SAFETY: likewise.
unsafe impl Sync for Pagemap {}

/// Pages in a row, as `struct page_region` has them.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Range {
    start: u64,
    end: u64,
    categories: u64,
}

/// `struct pm_scan_arg`.
#[repr(C)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    ranges: u64,
    ranges_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `_IOWR('f', 16, struct pm_scan_arg)`
const PAGEMAP_SCAN: c_ulong = 0xc060_6610;
const PAGE_IS_PRESENT: u64 = 1 << 3;
const PAGE_IS_SWAPPED: u64 = 1 << 4;
const PAGE_IS_PFNZERO: u64 = 1 << 5;

impl Pagemap {
    /// Opened once, and kept; `None` where there is none.
    fn open() -> Option<&'static Pagemap> {
        static PAGEMAP: OnceLock<Option<Pagemap>> = OnceLock::new();
        let pagemap = PAGEMAP.get_or_init(|| {
            const PAGE: usize = 4096;
            let own = map(PAGE)?;
            // SAFETY: the page was mapped just now, for writing, and is never unmapped.
            let file = unsafe {
                if libc::madvise(own, PAGE, libc::MADV_WIPEONFORK) != 0 {
                    return None;
                }
                own.cast::<u8>().write(1);
                libc::open(c"/proc/self/pagemap".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC)
            };
            (file >= 0).then_some(Pagemap { file, own: own.cast() })
        });
        // SAFETY: the page is mapped for ever; nobody writes to it but the system, in another process.
        pagemap.as_ref().filter(|pagemap| unsafe { pagemap.own.read_volatile() } == 1)
    }

    /// The pages in a range that were touched; `None` if the system does not tell, or not all of them.
    fn touched<'r>(&self, start: u64, len: u64, ranges: &'r mut [Range]) -> Option<&'r [Range]> {
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            flags: 0,
            start,
            end: start + len,
            walk_end: 0,
            ranges: ranges.as_mut_ptr() as u64,
            ranges_len: ranges.len() as u64,
            max_pages: 0,
            // What was only read is the system's page of zeros.
            category_inverted: PAGE_IS_PFNZERO,
            category_mask: PAGE_IS_PFNZERO,
            category_anyof_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
            return_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
        };
        // SAFETY: the system writes to `scan` and to as many ranges as it is told there are.
        let found = unsafe { libc::ioctl(self.file, PAGEMAP_SCAN as _, &raw mut scan) };
        let found = ranges.get(..usize::try_from(found).ok()?)?;
        (scan.walk_end == start + len).then_some(found)
    }
}
