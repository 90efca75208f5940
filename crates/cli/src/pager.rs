//! Tables longer than the terminal are handed to a pager.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    // An interruption is the pager's, which may go on after it: this program waits for its end.
    let interrupted = Arc::new(AtomicBool::new(false));
    let kept = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted));
    let child = command.spawn();
    let shown = child.is_ok_and(|child| is_shown(child, bytes));
    if let Ok(id) = kept {
        signal_hook::low_level::unregister(id);
    }
    shown || interrupted.load(Ordering::Relaxed)
}

/// Hands a text to a pager, and waits for its end.
fn is_shown(mut child: Child, bytes: &[u8]) -> bool {
    if let Some(mut stdin) = child.stdin.take() {
        // Who leaves before the end has seen enough.
        let _ = stdin.write_all(bytes);
    }
    // One that fails at once has shown nothing.
    child.wait().is_ok_and(|status| status.success())
}
