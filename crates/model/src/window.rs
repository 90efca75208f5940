use crate::instant::Instant;

/// `[from, until)`: what the history can vouch for. Activity at or after `until` is ignored everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservationWindow {
    /// The earliest accepted activity; none in an empty history.
    pub from: Option<Instant>,
    /// The first instant that is not vouched for.
    pub until: Option<Instant>,
}

impl ObservationWindow {
    /// The window of no activity at all.
    pub const EMPTY: ObservationWindow = ObservationWindow { from: None, until: None };

    /// The smallest window that holds both.
    pub fn join(self, other: ObservationWindow) -> ObservationWindow {
        let from = match (self.from, other.from) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        ObservationWindow { from, until: self.until.max(other.until) }
    }
}
