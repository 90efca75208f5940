use std::sync::Mutex;
use std::sync::PoisonError;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tenure_ingest::{Progress, Stage};

use crate::term::Term;

/// Progress bars on stderr, on a terminal only.
pub(crate) struct Bars {
    shown: bool,
    bar: Mutex<ProgressBar>,
}

impl Bars {
    pub(crate) fn new(term: &Term) -> Self {
        Self { shown: term.progress(), bar: Mutex::new(ProgressBar::hidden()) }
    }

    /// Starts a bar that counts bytes or rows.
    pub(crate) fn start(&self, label: &str, total: u64, bytes: bool) {
        let target = if self.shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = if bytes {
            "{prefix:10} {wide_bar:.cyan/blue} {bytes:>10} of {total_bytes:10} {eta:>4}"
        } else {
            "{prefix:10} {wide_bar:.cyan/blue} {human_pos:>12} of {human_len:12} {eta:>4}"
        };
        let bar = ProgressBar::with_draw_target(Some(total), target).with_prefix(label.to_owned());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let before = std::mem::replace(&mut *self.lock(), bar);
        before.finish_and_clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ProgressBar> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn begin(&self, stage: Stage, total: u64) {
        match stage {
            Stage::Reading => self.start("reading", total, true),
            Stage::Writing => self.start("laying out", total, false),
        }
    }

    fn reached(&self, done: u64) {
        let bar = self.lock();
        if done > bar.position() {
            bar.set_position(done);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.lock().finish_and_clear();
    }
}
