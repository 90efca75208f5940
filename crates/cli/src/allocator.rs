//! Memory that the system does not give is told like any other failure.

use std::alloc::{GlobalAlloc, Layout};
use std::io::Write;

use mimalloc::MiMalloc;

/// The program's allocator. Where there is no more memory the program says so and ends.
pub(crate) struct Allocator;

// SAFETY: every call goes to an allocator that keeps the contract; where that has no memory the program ends.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        given(unsafe { MiMalloc.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        given(unsafe { MiMalloc.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        given(unsafe { MiMalloc.realloc(pointer, layout, size) }, size)
    }
}

#[inline]
fn given(pointer: *mut u8, size: usize) -> *mut u8 {
    if pointer.is_null() { none_left(size) } else { pointer }
}

#[cold]
fn none_left(size: usize) -> ! {
    let mut line = [0u8; 200];
    let mut rest = &mut line[..];
    // Nothing here may ask for memory.
    let _ = if tenure_ingest::panic_is_caught() {
        writeln!(rest, "error: the export is damaged: {size} bytes of memory would be needed to read it; nothing was committed")
    } else {
        writeln!(rest, "error: out of memory: {size} more bytes were needed; nothing was committed")
    };
    let length = 200 - rest.len();
    let _ = std::io::stderr().write_all(&line[..length]);
    std::process::exit(crate::FAILED.into())
}
