//! How much a page may hold of what could be chosen on it.

/// Bytes of a page at most.
const MOST_BYTES: usize = 1_000_000;

/// The room of a page. What does not fit is left out, the smallest segments first, and the page says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Bytes of the data of one heat map.
    pub(crate) map_data: usize,
    /// Bytes of the data of one chart of bars.
    pub(crate) bar_data: usize,
    /// Currencies that have measures and figures.
    pub(crate) currencies: usize,
    /// Cohorts that have a curve of their own: the latest.
    pub(crate) curves: usize,
}

impl Room {
    /// From the one that is tried first to the one that always fits.
    pub(crate) const ALL: [Room; 2] = [
        Room { map_data: 420_000, bar_data: 60_000, currencies: 3, curves: 60 },
        Room { map_data: 90_000, bar_data: 15_000, currencies: 1, curves: 24 },
    ];

    /// Whether a page is small enough.
    pub(crate) fn fits(page: &str) -> bool {
        page.len() < MOST_BYTES
    }
}
