//! How much is done at once.

use std::sync::{Condvar, Mutex, PoisonError};

/// Of the memory that a load may use, the share for buckets that are being laid out.
const BUCKET_SHARE: f64 = 0.30;

/// Bytes that a row takes while its bucket is laid out and encoded.
const ROW_BYTES: usize = 180;

/// The value of a mutex, also of one whose holder panicked.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets in as many buckets as fit into memory, and always one.
pub(crate) struct Gate {
    room: usize,
    taken: Mutex<(usize, usize)>,
    freed: Condvar,
}

impl Gate {
    /// For a load or a compaction that may use so much memory.
    pub(crate) fn of(memory: u64) -> Self {
        let room = (memory as f64 * BUCKET_SHARE) as usize;
        Self { room, taken: Mutex::default(), freed: Condvar::new() }
    }

    /// Waits until so many rows fit.
    pub(crate) fn enter(&self, rows: usize) -> impl Drop + '_ {
        let bytes = rows * ROW_BYTES;
        let mut taken = locked(&self.taken);
        while taken.0 > 0 && taken.1 + bytes > self.room {
            taken = self.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken = (taken.0 + 1, taken.1 + bytes);
        Inside { gate: self, bytes }
    }
}

struct Inside<'a> {
    gate: &'a Gate,
    bytes: usize,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut taken = locked(&self.gate.taken);
        *taken = (taken.0 - 1, taken.1 - self.bytes);
        self.gate.freed.notify_all();
    }
}
