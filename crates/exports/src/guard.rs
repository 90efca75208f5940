//! Bytes of others' formats: the libraries that decode them panic at some damaged ones.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is caught and told as damage of an export. A panic hook that ends the program leaves it
/// alone.
pub fn panic_is_damage() -> bool {
    GUARDED.get()
}

/// Decodes. Where that panics, the bytes are damaged: what was said.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    let before = GUARDED.replace(true);
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(before);
    decoded.map_err(|panic| format!("it is damaged ({})", said(&*panic)))
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.and_then(|text| text.lines().next()).unwrap_or("of no known format")
}

/// What a reader gives, until it panics: then why, and no more.
pub(crate) struct Guarded<I> {
    inner: Option<I>,
}

impl<I> Guarded<I> {
    pub(crate) fn new(inner: I) -> Self {
        Self { inner: Some(inner) }
    }
}

impl<T, E: std::fmt::Display, I: Iterator<Item = Result<T, E>>> Iterator for Guarded<I> {
    type Item = Result<T, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let inner = self.inner.as_mut()?;
        match guarded(|| inner.next()) {
            Ok(Some(Ok(item))) => Some(Ok(item)),
            Ok(Some(Err(error))) => Some(Err(error.to_string())),
            Ok(None) => None,
            Err(damage) => {
                self.inner = None;
                Some(Err(damage))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_end() {
        assert!(!panic_is_damage());
        let numbers = [1, 0, 2].into_iter().map(|n: i32| 6i32.checked_rem(n).map_or_else(|| panic!("no {n}"), Ok::<i32, String>));
        let found: Vec<_> = Guarded::new(numbers).collect();
        assert_eq!(found, [Ok(0), Err("it is damaged (no 0)".to_owned())]);
        assert_eq!(guarded(panic_is_damage), Ok(true));
        assert!(!panic_is_damage());
    }
}
