//! Memory mappings whose touched pages the system reports and moves. The only file with `unsafe` code.
//!
//! A mapping is private and anonymous: pages that were never written, or were discarded with `MADV_DONTNEED`, read
//! as zeros ([madvise(2)](https://man7.org/linux/man-pages/man2/madvise.2.html)). Since Linux 6.7, `PAGEMAP_SCAN`
//! ([pagemap](https://docs.kernel.org/admin-guide/mm/pagemap.html)) reports which pages were touched: those that are
//! present and not the shared zero page, or swapped out. All others are zeros. Since Linux 5.7, `MREMAP_DONTUNMAP`
//! ([mremap(2)](https://man7.org/linux/man-pages/man2/mremap.2.html)) moves all pages to a new mapping; the old one
//! then reads as zeros.
#![allow(unsafe_code, reason = "zeroing what was not touched costs more than most runs")]

extern crate std;

use core::{ptr, slice};
use std::sync::OnceLock;

use libc::{c_int, c_ulong, c_void};
use wasmi::{Memory, MemoryType, Store};

use crate::host::Host;

/// Size of a memory up to which zeroing all of it is faster than asking what was touched.
const SMALL_BYTES: usize = 3 << 16;

/// Most touched bytes that are zeroed in place; beyond that all pages are discarded.
const RESIDENT_BYTES: usize = 256 << 10;

/// Most touched ranges that one scan reports.
const RANGES: usize = 64;

/// Private anonymous mapping, unmapped when dropped.
pub(super) struct Mapping {
    start: *mut u8,
    len: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread, and only the last memory on it reads or writes it.
unsafe impl Send for Mapping {}
// SAFETY: likewise; no method takes a shared reference.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(super) fn is_supported() -> bool {
        true
    }

    /// Reserves `len` bytes, all zeros. Returns `None` if the system refuses.
    pub(super) fn new(len: usize) -> Option<Mapping> {
        let start = map(len)?;
        // With huge pages, one touched byte would count as 2 MiB. A failure is harmless: the kernel has no such pages.
        // SAFETY: the range was mapped just now.
        unsafe { libc::madvise(start, len, libc::MADV_NOHUGEPAGE) };
        Some(Mapping { start: start.cast(), len })
    }

    /// Creates a memory on this mapping. The stores of earlier ones are gone, and that of this one is dropped before
    /// the mapping.
    pub(super) fn memory(&mut self, store: &mut Store<Host>, ty: MemoryType) -> Result<Memory, wasmi::Error> {
        // SAFETY: the range is mapped for reading and writing, and initialized: the system supplies zeros. There is no
        // other reference to it, and it lives for longer than this one, though not for ever. Only the store holds the
        // reference; `IdleStore`, `PooledStore` and `MemoryPlan::make` drop the store before the mapping, and only then
        // can the mapping serve another memory.
        let bytes: &'static mut [u8] = unsafe { slice::from_raw_parts_mut(self.start, self.len) };
        Memory::new_static(store, ty, bytes)
    }

    /// Zeroes the memory on this mapping; what is beyond its end may stay. Returns `false` if that failed.
    pub(super) fn zero(&mut self, memory: &mut [u8]) -> bool {
        if memory.len() <= SMALL_BYTES {
            memory.fill(0);
            return true;
        }
        self.zero_touched(memory).is_some() || self.discard_pages()
    }

    /// Moves all pages to a new mapping of the same size; this one then reads as zeros. Where that fails, the pages are
    /// discarded, or stay if that fails too.
    ///
    /// What a memory on this mapping contains must be zeros: so it does not change.
    pub(super) fn detach(&mut self) -> Option<Mapping> {
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_DONTUNMAP;
        // SAFETY: the range is mapped, private and anonymous. It stays mapped, and reads as zeros as it did before; the
        // pages get an address that the system chooses, since null is no address. No reference to them is in use: the
        // caller has the only access to the store.
        let start = unsafe { libc::mremap(self.start.cast(), self.len, self.len, flags, ptr::null_mut::<c_void>()) };
        if start == libc::MAP_FAILED {
            self.discard_pages();
            return None;
        }
        Some(Mapping { start: start.cast(), len: self.len })
    }

    /// Zeroes the touched pages. Returns `None` if they are too many or unknown.
    fn zero_touched(&mut self, memory: &mut [u8]) -> Option<()> {
        let mut ranges = [Range::default(); RANGES];
        let touched = Pagemap::open()?.touched(self.start as u64, self.len as u64, &mut ranges)?;
        if touched.iter().map(|range| range.end - range.start).sum::<u64>() > RESIDENT_BYTES as u64 {
            return None;
        }
        for range in touched {
            let from = usize::try_from(range.start - self.start as u64).ok()?;
            let to = usize::try_from(range.end - self.start as u64).ok()?;
            // All pages are discarded if some beyond the memory's end were touched.
            memory.get_mut(from..to)?.fill(0);
        }
        Some(())
    }

    /// Discards all pages; they read as zeros afterwards.
    fn discard_pages(&mut self) -> bool {
        // SAFETY: the range is mapped, private and anonymous, so that it reads as zeros afterwards. No reference
        // to it is in use: the caller has borrowed the memory's bytes and does not touch them during the call.
        unsafe { libc::madvise(self.start.cast(), self.len, libc::MADV_DONTNEED) == 0 }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new` or `detach`, and the memories on it are gone.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

fn map(len: usize) -> Option<*mut c_void> {
    let (access, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE);
    // SAFETY: a new range at an address that the system chooses.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, -1, 0) };
    (start != libc::MAP_FAILED).then_some(start)
}

/// `/proc/self/pagemap`, opened for scans.
struct Pagemap {
    file: c_int,
    /// Page that holds 1 in this process and 0 in a forked child, where the file describes the pages of the parent.
    own: *const u8,
}

// SAFETY: a file descriptor, and a page that is only read.
unsafe impl Send for Pagemap {}
// SAFETY: likewise.
unsafe impl Sync for Pagemap {}

/// `struct page_region`: consecutive pages.
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
    /// Opens the file once per process. Returns `None` where it is missing, and in a forked child.
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
        // SAFETY: the page is never unmapped; only the system writes to it, in another process.
        pagemap.as_ref().filter(|pagemap| unsafe { pagemap.own.read_volatile() } == 1)
    }

    /// Scans for touched pages in a range. Returns `None` if the scan failed or did not reach the end.
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
            // A page that was only read is the shared zero page.
            category_inverted: PAGE_IS_PFNZERO,
            category_mask: PAGE_IS_PFNZERO,
            category_anyof_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
            return_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
        };
        // SAFETY: the system writes to `scan` and to at most `ranges_len` ranges.
        let found = unsafe { libc::ioctl(self.file, PAGEMAP_SCAN as _, &raw mut scan) };
        let found = ranges.get(..usize::try_from(found).ok()?)?;
        (scan.walk_end == start + len).then_some(found)
    }
}
