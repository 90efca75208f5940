//! Tables longer than the terminal are handed to a pager.

use std::io::Write;
use std::process::{Command, Stdio};

/// The pager where none is named: it leaves short tables alone, shows colours, and keeps what was shown.
const PAGER: &str = "less -FRSX";

/// Shows a text in the pager of `TENURE_PAGER`, else of `PAGER`, else `less`; false where there is none, or where it is empty or
/// `cat`.
pub(crate) fn page(bytes: &[u8]) -> bool {
    let named = ["TENURE_PAGER", "PAGER"].into_iter().find_map(|name| std::env::var(name).ok());
    let pager = named.unwrap_or_else(|| PAGER.to_owned());
    if pager.trim().is_empty() || pager.trim() == "cat" {
        return false;
    }
    let mut words = pager.split_whitespace();
    let Some(program) = words.next() else { return false };
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRSX");
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // Who leaves before the end has seen enough.
        let _ = stdin.write_all(bytes);
    }
    // One that fails at once has shown nothing.
    child.wait().is_ok_and(|status| status.success())
}
