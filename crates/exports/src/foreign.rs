//! Calls of other projects' readers of binary formats.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread would be made an error of the file that is read. A panic hook that ends the process or
/// speaks asks this first.
pub fn panic_is_caught() -> bool {
    CAUGHT.get()
}

/// Calls a library that reads Parquet, Arrow or workbooks. These formats are full of lengths and offsets, and the
/// libraries trust some of them: a damaged file can make them panic. To the user it is a file that can't be read like any
/// other, so the panic is an error here and nowhere else. Nothing that it left half done is used again: the reader that
/// panicked is dropped with the error.
pub(crate) fn guarded<T, E: std::fmt::Display>(call: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    let outer = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    CAUGHT.set(outer);
    match result {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(format!("it is damaged ({})", said.unwrap_or("the reader gave up")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert!(!panic_is_caught());
        let caught = guarded(|| -> Result<(), String> {
            if panic_is_caught() { panic!("at {}", 7) } else { Ok(()) }
        });
        assert_eq!(caught, Err("it is damaged (at 7)".to_owned()));
        assert!(!panic_is_caught());
        assert_eq!(guarded(|| Err::<(), _>("plain")), Err("plain".to_owned()));
    }
}
